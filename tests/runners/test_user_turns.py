"""The user of a trial: his turns reach an adapter one by one, in a worker process and in this."""

import asyncio
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from pydantic import ValidationError

from agentdyno.core.trial import Assignment
from agentdyno.runners.inprocess import InProcessHost
from agentdyno.runners.pool import TrialHost, WorkerPool
from agentdyno.runners.turns import Turns
from agentdyno.tests.runners.fakes.support import fake_ref, order

PATH = "agentdyno.tests.runners.fakes.fake_engine:FakeRunner"


@pytest.fixture(params=["worker", "inprocess"])
def host(
    request: pytest.FixtureRequest, make_pool: Callable[..., WorkerPool], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> TrialHost:
    if request.param == "worker":
        return make_pool()
    # The host sets switches in this process's environment: put them back afterwards.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    version = metadata.version("pydantic")
    return InProcessHost(fake_ref(tmp_path, path=PATH, version=version), 4, grace_s=0.2)


def asking(trial_id: str, *known: str, timeout_s: float = 60.0) -> Assignment:
    plain = order(trial_id, "say nothing", timeout_s)
    return plain.model_copy(update={"user_turns": known, "asks_user": True})


async def test_the_user_is_told_every_answer_and_may_say_what_fits_it(host: TrialHost) -> None:
    told = []

    async def user(answers: tuple[str, ...]) -> str | None:
        told.append(answers)
        return f"say {answers[-1]}!" if len(answers) < 3 else None

    report = await host.run(asking("t", "say hm"), lambda event: None, user=user)
    assert report.answer is not None
    assert report.answer.texts == ("hm", "hm!", "hm!!")
    assert told == [("hm",), ("hm", "hm!"), ("hm", "hm!", "hm!!")]


async def test_two_trials_at_once_hear_their_own_users(host: TrialHost) -> None:
    both = asyncio.Barrier(2)

    def user(name: str) -> Callable[[tuple[str, ...]], object]:
        async def says(answers: tuple[str, ...]) -> str | None:
            await both.wait()
            return None if answers else f"say {name}"

        return says

    reports = await asyncio.gather(*(
        host.run(asking(name), lambda event: None, user=user(name))  # type: ignore[arg-type]
        for name in ("a", "b")
    ))
    assert [report.answer and report.answer.texts for report in reports] == [("a",), ("b",)]


async def test_what_the_user_raises_is_raised_by_the_host_and_not_the_frameworks(
    host: TrialHost
) -> None:
    async def user(answers: tuple[str, ...]) -> str | None:
        raise LookupError("no such person")

    with pytest.raises(LookupError, match="no such person"):
        await host.run(asking("t"), lambda event: None, user=user)
    report = await host.run(order("u", "say still here"), lambda event: None)
    assert report.answer is not None
    assert report.answer.texts == ("still here",)


async def test_a_user_who_thinks_too_long_is_left_when_the_time_is_over(host: TrialHost) -> None:
    left = asyncio.Event()

    async def user(answers: tuple[str, ...]) -> str | None:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError("unreachable")

    report = await host.run(asking("t", "say hm", timeout_s=0.3), lambda event: None, user=user)
    assert report.ended == "timeout"
    assert left.is_set()


async def test_a_turn_is_answered_once_before_the_next_one_is_heard() -> None:
    turns = Turns(("a", "b"))
    assert await anext(turns) == "a"
    with pytest.raises(RuntimeError, match="user turn 1 has no answer yet"):
        await anext(turns)
    turns.answered("A")
    with pytest.raises(RuntimeError, match="user turn 1 was answered twice"):
        turns.answered("A")
    assert [turn async for turn in turns if turns.answered("B") is None] == ["b"]
    assert turns.answers == ("A", "B")


def test_a_trial_in_which_nobody_would_speak_is_refused() -> None:
    given = order("t", "say x").model_dump()
    with pytest.raises(ValidationError, match="needs a user turn, or a user to ask for one"):
        Assignment.model_validate({**given, "user_turns": ()})
