"""What comparisons are made of stands in columns, whether a trial is stored now or was before."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import pytest

from agentdyno.core.event import MissingTool, ModelCall, TokenCount, ToolGap
from agentdyno.core.pattern import Supervisor
from agentdyno.core.trial import USER_SIMULATOR, Trial, WorkerReport
from agentdyno.experiments.measured import measure
from agentdyno.store.migrations import FOLDER
from agentdyno.store.readrows import READING_COLUMNS
from agentdyno.store.trials import TrialStore

_READ = f"SELECT {', '.join(READING_COLUMNS)} FROM trial ORDER BY repeat"


def _call(agent: str, **changes: Any) -> ModelCall:
    return ModelCall.model_validate({
        "agent": agent, "started_s": 0.1, "ended_s": 0.4, "ordinal": 0, "api": "chat",
        "model": "default", "stream": False, "status": 200,
        "tokens": TokenCount(prompt=100, completion=10), **changes,
    })


def _live(cost: float | None, provider: str = "openai", agent: str = "boss") -> ModelCall:
    return _call(agent, source="live", provider=provider, cost_usd=cost, stream=True,
                 first_token_s=0.3)


@pytest.fixture
def trials(make_trial: Callable[..., Trial]) -> list[Trial]:
    """Trials that differ in everything that is counted; two hold what SQL cannot take apart."""
    gap = ToolGap(
        agent="boss", started_s=0.0, ended_s=0.0, existing_tools_checked=(),
        proposed_mcp_server="s", missing_tools=(MissingTool(
            name="n", description="d", inputs={}, outputs={}, estimated_risk="low"),),
    )
    team = {"pattern": Supervisor(manager="boss", workers=("a",)), "wire_digest": "f" * 64}
    return [
        make_trial(0, **team, events=(_call("boss"), _call("a"), _call(USER_SIMULATOR), gap)),
        make_trial(1, events=(_live(0.5), _live(0.25), _live(9.0, agent=USER_SIMULATOR)),
                   key={"case": "late", "stream": True, "retries": "as-shipped",
                        "tools": "replay", "approver": "queue", "faults": "x:0"}),
        make_trial(2, events=(_live(0.5), _live(None))),
        make_trial(3, events=(_live(None, "ollama"), _live(0.5)), answers=("half \ud800",)),
        make_trial(4, events=(), answers=("nul \0 and \\u0000",), notes=("\\",),
                   report=WorkerReport(ended="returned", cold=True)),
        make_trial(5, events=(_call("a", error="bad \0 \udfff", tokens=None),)),
    ]


async def test_the_columns_are_what_the_instruments_measured(
    store: TrialStore, database: str, trials: Sequence[Trial]
) -> None:
    await _store(store, trials)
    for trial, row in zip(trials, _rows(database), strict=True):
        seen = measure(trial)
        found = dict(zip(READING_COLUMNS, row, strict=True))
        assert (found["user_calls"], found["coordination_tokens"], found["cost_usd"],
                found["cold"]) == (
            seen.user_calls, seen.coordination_tokens, seen.cost_usd, seen.cold)
        assert found["user_prompt_tokens"] + found["user_completion_tokens"] == seen.user_tokens
        first = seen.first_tokens_s
        assert found["first_token_s"] == (pytest.approx(sum(first) / len(first)) if first else None)
        assert (found["case_name"], found["wire_digest"]) == (trial.key.case, trial.wire_digest)


async def test_trials_that_were_stored_before_get_the_same_columns(
    store: TrialStore, database: str, trials: Sequence[Trial]
) -> None:
    await _store(store, trials)
    now = _rows(database)
    with psycopg.connect(database) as link:
        drop = ", ".join(f"DROP COLUMN {name}" for name in READING_COLUMNS)
        link.execute(f"ALTER TABLE trial {drop}".encode())
        link.execute("DROP INDEX IF EXISTS trial_cells, trial_gaps")
        link.execute((FOLDER / "0010_reading.sql").read_text().encode())
    assert [tuple(map(_rounded, row)) for row in _rows(database)] == [
        tuple(map(_rounded, row)) for row in now
    ]
    assert now[0][READING_COLUMNS.index("gaps")] == 1


async def _store(store: TrialStore, trials: Sequence[Trial]) -> None:
    matrix = await store.create_matrix("agentdyno run", {})
    assert await store.save(matrix, [(trial, ()) for trial in trials]) == len(trials)


def _rows(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as link:
        return link.execute(_READ.encode()).fetchall()


def _rounded(value: Any) -> Any:
    return round(value, 9) if isinstance(value, float) else value
