"""A team serves one trial after the other, never two at once, and none after a failure."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agentdyno.core.pattern import Pipeline, Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Endpoint
from agentdyno.runners.parity import parity_rows
from agentdyno.runners.teams import Held, TeamPool


def order(trial_id: str, port: int = 1, **changes: object) -> Assignment:
    spec = AgentSpec.model_validate(
        {"name": "solo", "role": "r", "goal": "g", "instructions": "i", **changes}
    )
    door = Endpoint(model_base_url="http://x/v1", mcp_url=f"http://x:{port}/mcp/{trial_id}/solo")
    return Assignment(
        trial_id=trial_id, pattern=Single(agent="solo"), agents=(spec,), user_turns=("hi",),
        endpoints={"solo": door}, token="t",
    )


class FakeTeam:
    def __init__(self) -> None:
        self.bound: list[str] = []
        self.closed = False

    async def bind(self, assignment: Assignment) -> None:
        self.bound.append(assignment.trial_id)

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def pool() -> TeamPool[FakeTeam]:
    async def build(assignment: Assignment) -> FakeTeam:
        return FakeTeam()

    return TeamPool(build)


async def test_a_team_is_bound_to_one_trial_after_the_other(pool: TeamPool[FakeTeam]):
    async with pool.lease(order("a")) as first:
        pass
    async with pool.lease(order("b")) as second:
        assert second is first
    assert first.bound == ["a", "b"]


async def test_trials_at_the_same_time_have_teams_of_their_own(pool: TeamPool[FakeTeam]):
    async with pool.lease(order("a")) as first, pool.lease(order("b")) as second:
        assert first is not second


async def test_other_agents_gateways_or_retries_need_another_team(pool: TeamPool[FakeTeam]):
    seen = []
    as_shipped = order("d").model_copy(update={"retries": "as-shipped"})
    for each in (order("a"), order("b", max_turns=3), order("c", port=2), as_shipped):
        async with pool.lease(each) as team:
            seen.append(team)
    assert len(set(map(id, seen))) == 4


async def test_a_team_whose_trial_was_cancelled_is_closed_and_not_lent_again(
    pool: TeamPool[FakeTeam],
):
    with pytest.raises(asyncio.CancelledError):
        async with pool.lease(order("a")) as first:
            raise asyncio.CancelledError
    assert first.closed
    async with pool.lease(order("b")) as second:
        assert second is not first


async def test_closing_the_pool_closes_idle_teams(pool: TeamPool[FakeTeam]):
    async with pool.lease(order("a")) as team:
        pass
    await pool.close()
    assert team.closed


async def test_a_held_context_is_left_by_the_task_that_entered_it():
    tasks = []

    @asynccontextmanager
    async def context() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield "value"
        tasks.append(asyncio.current_task())

    held = Held(context())
    assert await held.open() == "value"
    await asyncio.create_task(held.close())
    assert tasks[0] is tasks[1]


async def test_what_entering_a_held_context_raises_passes_through():
    @asynccontextmanager
    async def context() -> AsyncIterator[str]:
        raise ConnectionError("nobody there")
        yield ""

    with pytest.raises(ConnectionError, match="nobody there"):
        await Held(context()).open()


def test_parity_has_one_row_where_agents_agree_and_one_each_where_not():
    solo = order("a").agents[0]
    team = order("a").model_copy(update={
        "agents": (solo, solo.model_copy(update={"name": "other", "max_turns": 2})),
        "pattern": Pipeline(steps=("solo", "other")),
    })
    rows = {row.name: row.effective for row in parity_rows(team)}
    assert rows["temperature"] == 0.0
    assert (rows["solo.max_turns"], rows["other.max_turns"]) == (10, 2)
    assert "max_turns" not in rows
