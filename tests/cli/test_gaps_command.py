"""`agentdyno gaps`: reports of missing tools, read from the store."""

import asyncio
import json

import pytest

from agentdyno.cli.main import main
from agentdyno.core.canonical import content_hash
from agentdyno.core.event import CheckedTool, MissingTool, ToolGap
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore

GAP = ToolGap(
    agent="payer", started_s=0.1, ended_s=0.2,
    missing_tools=(MissingTool(
        name="pay_invoice", description="Pays an \x1b[31minvoice.", inputs={"amount": "in euros"},
        outputs={"id": "of the payment"}, estimated_risk="high",
    ),),
    existing_tools_checked=(CheckedTool(
        name="send_mail", why_not="It pays nothing.", evidence="Send a mail.\0",
    ),),
    proposed_mcp_server="bank",
)


def _trial(scenario: str, *events: ToolGap) -> Trial:
    key = TrialKey(scenario=scenario, scenario_digest="5" * 64, runner="langgraph",
                   runner_version="1", runner_digest="6" * 64, model_digest="7" * 64)
    return Trial(
        id=content_hash(key.model_dump(mode="json"))[:20], key=key, outcome=Outcome.COMPLETED,
        started_at="2026-11-21T10:00:00+00:00", duration_s=1.0, events=events,
        report=WorkerReport(ended="returned"), answers=("it says tool_gap",),
    )


async def _save(database: str, *trials: Trial) -> None:
    pool = await open_pool(database)
    store = TrialStore(pool)
    matrix = await store.create_matrix("run", {})
    await store.save(matrix, [(trial, ()) for trial in trials])
    await pool.close()


def test_gaps_lists_what_is_missing_and_shows_a_report_with_its_evidence(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    monkeypatch.setenv("AGENTDYNO_CACHE", "unused")
    assert main(["gaps"]) == 0
    assert "no agent reported a missing tool" in capsys.readouterr().out

    lacking = _trial("zero_tools", GAP)
    asyncio.run(_save(database, lacking, _trial("order_mail")))
    assert main(["gaps"]) == 0
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if "pay_invoice" in line)
    assert line.split()[:5] == [lacking.id[:10], "zero_tools", "langgraph", "1", "payer"]
    assert "high" in line
    assert "\x1b[31m" not in shown
    assert "order_mail" not in shown

    assert main(["gaps", lacking.id[:6]]) == 0
    whole = capsys.readouterr().out
    assert "looked at send_mail: It pays nothing." in whole
    assert "says tools/list: Send a mail." in whole

    assert main(["gaps", "--json", "--scenario", "zero_tools"]) == 0
    [row] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert row["missing_tools"][0]["name"] == "pay_invoice"
    assert row["existing_tools_checked"][0]["name"] == "send_mail"
    assert row["trial"] == lacking.id

    assert main(["gaps", "--json", "--runner", "autogen"]) == 0
    assert capsys.readouterr().out == ""
