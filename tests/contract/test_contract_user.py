"""A user who is asked for his turns, one after the other, by way of the worker."""

import asyncio

import pytest

from agentdyno.tests.contract.lab import Lab, agent


class Asked:
    """A user with turns in mind, who keeps what he was told."""

    def __init__(self, *turns: str) -> None:
        self.turns = list(turns)
        self.told: list[tuple[str, ...]] = []

    async def __call__(self, answers: tuple[str, ...]) -> str | None:
        self.told.append(answers)
        return self.turns.pop(0) if self.turns else None


@pytest.mark.requirement("runner:user:asked")
async def test_the_user_is_asked_after_each_answer_until_he_says_no_more(lab: Lab):
    user = Asked("REMEMBER k7", "ECHO between", "RECALL")
    run = await lab.run(user=user)
    answers = ("noted", "the tool said between", "you said k7, and I said noted")
    assert run.texts == answers
    assert user.told == [answers[:count] for count in range(4)]


@pytest.mark.requirement("runner:user:asked")
async def test_known_turns_come_first_and_a_pipeline_asks_too(lab: Lab):
    user = Asked("TASK k2")
    team = [agent("scout"), agent("judge"), agent("scribe")]
    run = await lab.run("TASK k1", agents=team, user=user)
    assert len(run.texts) == 2
    assert user.told == [run.texts[:1], run.texts]


class Mute:
    """A user who never says anything, and tells when he was asked and when he was left."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, answers: tuple[str, ...]) -> str | None:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()
        raise AssertionError("unreachable")


@pytest.mark.requirement("runner:user:cancelled")
async def test_cancelling_does_not_wait_for_the_user(lab: Lab):
    user = Mute()
    run, task = await lab.begin("HELLO", user=user)
    await asyncio.wait_for(user.asked.wait(), 30)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1.5)
    assert done
    assert user.left.is_set()
    assert len(run.model_calls) == 1
    assert (await lab.run("HELLO")).texts == ("Good day. 日本",)
