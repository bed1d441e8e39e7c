"""A gate's report as JUnit XML: a test case for each question, and for each cell's wire."""

import re
import xml.etree.ElementTree as ET

from agentdyno.cli.gatewords import chance, change, drift_details, drift_told, line_told
from agentdyno.experiments.gate.gate import GateReport
from agentdyno.experiments.gate.judge import GateLine

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold, escaped or not."""


def junit_xml(report: GateReport) -> str:
    """Return the report as the text of a JUnit file."""
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", name=f"agentdyno gate {report.suite}")
    for line in report.lines:
        _line(suite, report, line)
    for drift in report.drifts:
        case = ET.SubElement(suite, "testcase", classname=f"wire.{drift.runner}",
                             name=_clean(f"{drift.situation} {drift.place}"))
        kind = "failure" if report.policy.wire == "fail" else "skipped"
        told = ET.SubElement(case, kind, message=_clean(drift_told(drift)))
        told.text = _clean("\n".join(drift_details(drift)))
    if not report.drifts and report.policy.wire != "ignore":
        ET.SubElement(suite, "testcase", classname="wire", name=f"{report.cells} cells")
    if report.broken:
        case = ET.SubElement(suite, "testcase", classname="bench", name="coverage")
        ET.SubElement(case, "error", message=_clean("; ".join(report.notes)))
    for kind, plural in (("failure", "failures"), ("skipped", "skipped"), ("error", "errors")):
        suite.set(plural, str(len(suite.findall(f"testcase/{kind}"))))
    suite.set("tests", str(len(suite.findall("testcase"))))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _line(suite: ET.Element, report: GateReport, line: GateLine) -> None:
    case = ET.SubElement(suite, "testcase", classname=f"gate.{line.runner}", name=line.metric)
    failed = line.verdict == "regression" or (
        line.verdict == "inconclusive" and report.policy.inconclusive == "fail"
    )
    if failed or line.verdict == "inconclusive":
        told = ET.SubElement(case, "failure" if failed else "skipped",
                             message=_clean(f"{line.verdict}: {line.why or line_told(line)}"))
        told.text = _clean(f"{line_told(line)}, {change(line)}, p {chance(line)}")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
