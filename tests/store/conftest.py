"""Sealed trials to store, and an open store."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import Event, ModelCall, TokenCount, ToolCall, WireRecord
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore


def _events(count: int) -> tuple[Event, ...]:
    call = ModelCall(
        agent="analyst", started_s=0.1, ended_s=0.25, ordinal=0, api="chat", model="default",
        stream=False, status=200, finish_reason="tool_calls",
        tokens=TokenCount(prompt=900, prompt_tools=400, completion=30),
    )
    tool = ToolCall(
        agent="analyst", started_s=0.3, ended_s=0.31, ordinal=0, server="market", tool="returns",
        arguments={"symbol": "MSFT", "z": 1.0, "a": None}, is_error=False, result_text="0.25",
    )
    return tuple(call if n % 2 == 0 else tool for n in range(count))


def _trial(repeat: int = 0, **changes: Any) -> Trial:
    key = TrialKey(
        scenario="investment_analysis", scenario_digest="5" * 64, runner="langgraph",
        runner_version="1.2.22", runner_digest="6" * 64, model_digest="7" * 64, repeat=repeat,
    ).model_copy(update=changes.pop("key", {}))
    values: dict[str, Any] = {
        "id": content_hash(key.model_dump(mode="json"))[:20], "key": key,
        "outcome": Outcome.COMPLETED, "answers": ("Hold.",), "user_turns": ("What now?",),
        "agents": (AgentSpec(name="analyst", role="r", goal="g", instructions="i"),),
        "started_at": "2026-11-21T10:00:00+00:00", "duration_s": 1.5, "events": _events(4),
        "report": WorkerReport(ended="returned", cpu_s=0.02, peak_rss_mb=91.5),
        "verdicts": (
            Verdict(check="figures", status="pass", reason="0.25 is there"),
            Verdict(check="mail", status="fail", reason="nothing was sent"),
        ),
    }
    return Trial(**(values | changes))


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    """Return a function that makes a sealed trial: `repeat`, then any field to change."""
    return _trial


@pytest.fixture
def wire() -> tuple[WireRecord, ...]:
    """Two raw exchanges of one trial, with a NUL and text outside of ASCII."""
    return tuple(
        WireRecord(seq=n, channel="model", agent="analyst", started_s=0.1 * n,
                   request='{"messages": []}', response='data: "Grüße\0"\n\n')
        for n in range(2)
    )


@pytest.fixture
async def store(database: str) -> AsyncIterator[TrialStore]:
    """An empty store."""
    pool = await open_pool(database)
    yield TrialStore(pool)
    await pool.close()
