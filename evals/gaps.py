"""The check of what agents said that they lack."""

import re
from pathlib import Path

from agentdyno.core.canonical import canonical_json
from agentdyno.core.check import GapReportedCheck
from agentdyno.core.event import MissingTool, ToolGap
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Finding, excerpt, failed, passed


def gap_reported(trial: Trial, check: GapReportedCheck, folder: Path) -> Finding:
    """Look for a report of the missing tool that is asked about; quotes what was reported."""
    reports = [
        event for event in trial.events
        if isinstance(event, ToolGap) and check.agent in (None, event.agent)
    ]
    fitting = [report for report in reports if _fits(report, check)]
    if check.absent:
        told = "; ".join(map(_told, fitting))
        return failed(f"reported: {told}") if fitting else passed("nothing of the kind is reported")
    if fitting:
        return passed(f"reported: {_told(fitting[0])}")
    seen = "; ".join(map(_told, reports)) or "nothing"
    return failed(f"no report says so; reported: {seen}")


def _fits(report: ToolGap, check: GapReportedCheck) -> bool:
    looked_at = {checked.name for checked in report.existing_tools_checked}
    return set(check.checked) <= looked_at and any(
        _is_meant(tool, check) for tool in report.missing_tools
    )


def _is_meant(tool: MissingTool, check: GapReportedCheck) -> bool:
    named = check.tool is None or any(
        re.search(check.tool, text) for text in (tool.name, tool.description)
    )
    takes = check.inputs is None or re.search(check.inputs, canonical_json(tool.inputs))
    return bool(named and takes and check.risk in (None, tool.estimated_risk))


def _told(report: ToolGap) -> str:
    tools = ", ".join(
        f"{tool.name} ({tool.estimated_risk} risk; {excerpt(tool.description, 80)})"
        for tool in report.missing_tools
    )
    looked_at = ", ".join(checked.name for checked in report.existing_tools_checked) or "no tool"
    return f"{report.agent} lacks {tools}, having looked at {looked_at}"
