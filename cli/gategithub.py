"""A gate's report for GitHub Actions: workflow commands that become annotations."""

from agentdyno.cli.gatewords import drift_details, drift_told, line_told, verdict_line
from agentdyno.experiments.gate.gate import GateReport

MOST = 10
"""Annotations of each level that GitHub shows of one step."""


def annotations(report: GateReport) -> list[str]:
    """Return one workflow command a line: what fails the gate as errors, what only warns as
    warnings, and the verdict as a notice when nothing does either."""
    errors = [(line.name, line_told(line)) for line in report.of("regression")]
    warnings: list[tuple[str, str]] = []
    told = [(drift_told(drift), "\n".join(drift_details(drift))) for drift in report.drifts]
    (errors if report.policy.wire == "fail" else warnings).extend(told)
    unsure = [(line.name, line.why) for line in report.of("inconclusive")]
    if report.policy.inconclusive != "pass":
        (errors if report.policy.inconclusive == "fail" else warnings).extend(unsure)
    if report.broken:
        errors.append((f"gate {report.suite}", "; ".join(report.notes)))
    lines = [_command("error", *one) for one in errors[:MOST]]
    lines += [_command("warning", *one) for one in warnings[:MOST]]
    return lines or [_command("notice", f"gate {report.suite}", verdict_line(report))]


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
