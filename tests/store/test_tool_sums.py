"""How tools did over the stored trials, and what agents were offered."""

from collections.abc import AsyncIterator, Callable

import pytest

from agentdyno.core.event import Event, Fault, ToolCall, ToolsListed
from agentdyno.core.trial import Trial
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.toollists import offered_tools
from agentdyno.store.tooluse import tool_trials, tool_use, tool_use_by_runner
from agentdyno.store.trials import TrialStore


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


def call(tool: str, **more: object) -> ToolCall:
    return ToolCall.model_validate({
        "agent": "a", "started_s": 0.0, "ended_s": 0.1, "ordinal": 0, "server": "market",
        "tool": tool, "arguments": {}, "is_error": "error_kind" in more, "result_text": "", **more,
    })


def listed(tool: str, description: str) -> ToolsListed:
    return ToolsListed(
        agent="a", started_s=0, ended_s=0, origins=(f"market.{tool}",),
        tools=({"name": tool, "description": description, "inputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": True}},),
    )


FAULT = Fault(agent="a", started_s=0, ended_s=0, channel="tool", ordinal=0, fault="timeout")


async def fill(pool: Pool, make_trial: Callable[..., Trial]) -> list[Trial]:
    trials = TrialStore(pool)
    of: list[tuple[Event, ...]] = [
        (listed("returns", "old words"), call("returns"), call("returns")),
        (call("returns", error_kind="tool_error"), call("mail", error_kind="timeout")),
        (FAULT, call("returns", error_kind="timeout")),
        (listed("returns", "new words"), call("mail")),
    ]
    made = [make_trial(n, events=events) for n, events in enumerate(of)]
    for trial in made:
        await trials.save(await trials.create_matrix("run", {}), [(trial, ())])
    return made


async def test_calls_with_an_injected_fault_are_no_failure_of_the_tool(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    await fill(pool, make_trial)
    mail, returns = await tool_use(pool)
    assert (returns.tool, returns.trials, returns.calls) == ("returns", 3, 4)
    assert (returns.injected, returns.failed, returns.broken) == (1, 1, 0)
    assert (returns.judged, returns.clean) == (2, 1)
    assert returns.last_broken is None
    assert (mail.broken, mail.judged, mail.clean) == (1, 2, 1)
    assert mail.newest_broken is not None
    assert mail.newest_broken < mail.newest


async def test_a_trial_that_ran_again_counts_once(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    first, *_ = await fill(pool, make_trial)
    trials = TrialStore(pool)
    await trials.save(await trials.create_matrix("run --fresh", {}), [
        (first.model_copy(update={"events": (call("returns"),)}), ())
    ])
    returns = (await tool_use(pool))[1]
    assert (returns.trials, returns.calls) == (3, 3)


async def test_sums_by_runner_and_the_trials_that_erred(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    made = await fill(pool, make_trial)
    [line] = await tool_use_by_runner(pool, "market", "returns")
    assert (line.server, line.tool) == ("langgraph 1.2.22", "investment_analysis")
    assert line.calls == 4
    [erred] = await tool_trials(pool, "market", "returns", erring=True)
    assert (erred.trial, erred.errors) == (made[1].id, 1)
    assert len(await tool_trials(pool, "market", "returns")) == 3
    assert await tool_use(pool, runner="crewai") == []


async def test_the_registry_is_what_the_newest_trial_of_each_scenario_was_offered(
    pool: Pool, make_trial: Callable[..., Trial]
) -> None:
    await fill(pool, make_trial)
    [tool] = await offered_tools(pool)
    assert (tool.server, tool.tool, tool.description) == ("market", "returns", "new words")
    assert tool.scenarios == ("investment_analysis",)
    assert tool.agents == ("a",)
    assert tool.annotations == {"readOnlyHint": True}
