"""The check `gap_reported`: who lacks what, at which risk, having looked at which tools."""

from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.check import GapReportedCheck
from agentdyno.core.event import CheckedTool, MissingTool, ToolGap
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate

GAP = ToolGap(
    agent="payer", started_s=0, ended_s=0,
    missing_tools=(
        MissingTool(name="read_ledger", description="Reads the ledger.", inputs={}, outputs={},
                    estimated_risk="low"),
        MissingTool(name="pay", description="Pays an invoice.", inputs={"iban": "to whom"},
                    outputs={}, estimated_risk="high"),
    ),
    existing_tools_checked=(CheckedTool(name="mail", why_not="pays nothing", evidence="Mails."),),
    proposed_mcp_server="bank",
)


def verdict(*gaps: ToolGap, **asked: Any) -> Verdict:
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    trial = Trial(id="t", key=key, outcome=Outcome.COMPLETED, started_at="", duration_s=1,
                  events=gaps, report=WorkerReport(ended="returned"))
    check = GapReportedCheck(id="gap", type="gap_reported", **asked)
    return evaluate(trial, [check], Path())[0]


@pytest.mark.parametrize("asked", [
    {}, {"agent": "payer"}, {"tool": "^pay$"}, {"tool": "(?i)invoice"}, {"risk": "low"},
    {"tool": "pay", "risk": "high", "inputs": "iban"}, {"checked": ("mail",)},
    {"tool": "ledger", "risk": "high", "absent": True},
])
def test_a_report_that_says_so_passes(asked: dict[str, Any]) -> None:
    assert verdict(GAP, **asked).status == "pass"


@pytest.mark.parametrize("asked", [
    {"agent": "clerk"}, {"tool": "^transfer$"}, {"risk": "medium"},
    {"tool": "ledger", "risk": "high"}, {"tool": "ledger", "inputs": "iban"},
    {"checked": ("mail", "docs")}, {"absent": True},
])
def test_a_report_that_says_something_else_fails_and_is_quoted(asked: dict[str, Any]) -> None:
    found = verdict(GAP, **asked)
    assert found.status == "fail"
    assert asked == {"agent": "clerk"} or "payer lacks read_ledger (low risk" in found.reason


def test_without_a_report_there_is_no_gap() -> None:
    assert "reported: nothing" in verdict().reason
    assert verdict().status == "fail"
    assert verdict(absent=True).status == "pass"
