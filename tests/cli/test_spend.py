"""`agentdyno spend`: what live runs cost, with what is open or unknown said as such."""

import asyncio
import json

import pytest

from agentdyno.cli.main import main
from agentdyno.core.spend import Reservation, Spent
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.store.database import open_pool
from agentdyno.store.ledger import SpendLedger


async def _spend(database: str) -> None:
    pool = await open_pool(database)
    ledger = SpendLedger(pool, "0123456789abcdef")
    for agent, provider, cost in (
        ("analyst", "openai", 0.25), ("analyst", "groq", None), (USER_SIMULATOR, "openai", 0.05),
        ("analyst", "ollama", None),
    ):
        billed = provider != "ollama"
        ticket, _ = await ledger.reserve(Reservation(
            trial_id="t", agent=agent, provider=provider, model="m", tokens=900, cost_usd=cost,
            billed=billed,
        ), totals=False)
        ledger.settle(ticket, Spent(
            provider=provider, model="m", prompt_tokens=100, completion_tokens=20, cost_usd=cost,
            billed=billed,
        ))
    await ledger.reserve(Reservation(
        trial_id="t", agent="analyst", provider="openai", model="killed", tokens=9000, cost_usd=0.5
    ), totals=False)
    await ledger.close()
    await pool.close()


def test_spend_shows_days_runs_and_models_and_says_what_is_open_or_unknown(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    monkeypatch.setenv("AGENTDYNO_CACHE", "unused")
    assert main(["spend"]) == 0
    assert "nothing was spent" in capsys.readouterr().out
    asyncio.run(_spend(database))
    assert main(["spend"]) == 0
    shown = capsys.readouterr().out
    lines = {line.split()[2]: line for line in shown.splitlines() if "0123456789" in line}
    assert "unknown" in lines["groq:m"]
    assert "not billed" in lines["ollama:m"]
    assert "1 open since" in lines["openai:killed"]
    assert "simulated user" in shown
    assert "0.8000 + unknown" in shown
    assert "left by a process that was killed" in shown

    assert main(["spend", "--json", "--run", "0123"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(r["provider"], r["model"], r["simulator"], r["cost_usd"]) for r in rows} == {
        ("openai", "m", False, 0.25), ("openai", "m", True, 0.05), ("groq", "m", False, None),
        ("ollama", "m", False, None), ("openai", "killed", False, 0.5),
    }
    assert main(["spend", "--json", "--run", "ffff"]) == 0
    assert capsys.readouterr().out == ""
