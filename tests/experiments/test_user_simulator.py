"""A simulated user against a real gateway: what he says, when he stops, and that nobody pays."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.event import Message, ModelCall, Step
from agentdyno.core.sink import Sink
from agentdyno.core.spec import Limits
from agentdyno.core.trial import USER_SIMULATOR, Outcome
from agentdyno.experiments.bench import open_bench
from agentdyno.experiments.user import NO_ANSWER, OPENING, UserSimulator
from agentdyno.models.conversation import Reply, ToolUse
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.upstream import ModelRequest, UpstreamError
from agentdyno.scenarios.loader import load_scenario
from agentdyno.tools.gateway import ToolGateway

SCENARIO = """\
name: talk
title: A conversation
vars: {city: Oslo, word: done}
user:
  simulate:
    persona: You live in {{ city }}.
    goal: Learn the time.
    first: Hello from {{ city }}
    temperature: 0.5
    stop: {max_turns: 3, when: "vars.word in answer"}
agents:
  solo: {role: r, goal: g, instructions: i}
pattern: {type: single, agent: solo}
"""


class Mind:
    """The model of the user, who says what the test gives him."""

    def __init__(self) -> None:
        self.next: Reply | UpstreamError = Reply(text="What time is it?")
        self.asked: list[dict[str, Any]] = []

    async def answer(self, request: ModelRequest) -> Reply:
        self.asked.append(request.json)
        if isinstance(self.next, UpstreamError):
            raise self.next
        return self.next


@pytest.fixture
def mind() -> Mind:
    return Mind()


@pytest.fixture
def sink() -> Sink:
    return Sink(trial_id="t", token="secret", limits=Limits(max_model_calls=1))


@pytest.fixture
async def simulate(
    tmp_path: Path, mind: Mind, sink: Sink
) -> AsyncIterator[Callable[..., UserSimulator]]:
    """Return a maker of users whose scenario has some texts replaced."""
    async with open_bench(ModelGateway(), ToolGateway({})) as bench:
        def make(*changes: tuple[str, str]) -> UserSimulator:
            text = SCENARIO
            for old, new in changes:
                assert old in text
                text = text.replace(old, new)
            (tmp_path / "scenario.yaml").write_text(text)
            loaded = load_scenario(tmp_path)
            assert loaded.user is not None
            bench.models.open(sink, loaded.callers, mind)
            return UserSimulator(
                loaded.user, first=loaded.user_turns, variables=loaded.variables, sink=sink,
                base_url=bench.endpoint("t", loaded.user.agent).model_base_url,
            )

        yield make


Make = Callable[..., UserSimulator]


async def test_he_sees_the_conversation_from_his_own_side(
    simulate: Make, mind: Mind, sink: Sink
) -> None:
    user = simulate()
    assert await user(("Good day", )) == "What time is it?"
    assert user.said == ["Hello from Oslo", "What time is it?"]
    assert await user(("Good day", " ")) == "What time is it?"
    system, *rest = mind.asked[-1]["messages"]
    assert system["role"] == "system"
    assert "You live in Oslo." in system["content"]
    assert "Learn the time." in system["content"]
    assert [(message["role"], message["content"]) for message in rest] == [
        ("user", OPENING), ("assistant", "Hello from Oslo"), ("user", "Good day"),
        ("assistant", "What time is it?"), ("user", NO_ANSWER),
    ]
    assert mind.asked[-1]["temperature"] == 0.5
    said = [event for event in sink.events if isinstance(event, Message)]
    assert [event.agent for event in said] == [USER_SIMULATOR] * 2
    assert all(event.ended_s > event.started_s for event in said)


async def test_without_a_first_turn_his_model_writes_that_too(simulate: Make, mind: Mind) -> None:
    user = simulate(("    first: Hello from {{ city }}\n", ""))
    assert await user(()) == "What time is it?"
    assert [message["role"] for message in mind.asked[0]["messages"]] == ["system", "user"]


async def test_his_calls_use_up_nothing_of_the_teams_limit(simulate: Make, sink: Sink) -> None:
    user = simulate()
    assert await user(("a",))
    assert await user(("a", "b"))
    assert sink.stop is None
    assert sink.calls("model") == 0
    calls = [event for event in sink.events if isinstance(event, ModelCall)]
    assert [(call.agent, call.status) for call in calls] == [(USER_SIMULATOR, 200)] * 2


def _ends(sink: Sink) -> list[str]:
    return [event.name for event in sink.events if isinstance(event, Step)]


async def test_he_stops_after_his_number_of_turns(simulate: Make, mind: Mind, sink: Sink) -> None:
    user = simulate()
    assert await user(("a",))
    assert await user(("a", "b"))
    assert await user(("a", "b", "c")) is None
    assert len(mind.asked) == 2
    assert _ends(sink) == ["conversation ended: max_turns 3"]
    assert len(user.said) == 3


async def test_he_stops_where_the_condition_holds(simulate: Make, mind: Mind, sink: Sink) -> None:
    user = simulate()
    assert await user(("It is done.",)) is None
    assert not mind.asked
    assert _ends(sink) == ["conversation ended: when vars.word in answer"]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(text="Bye", calls=(ToolUse(
            id="c1", name="end_conversation", arguments='{"reason": "I know the time"}'),)),
         'end_conversation {"reason": "I know the time"}'),
        (Reply(text="[END]"), "[END]"),
    ],
    ids=["function", "marker"],
)
async def test_he_ends_the_conversation_himself(
    simulate: Make, mind: Mind, sink: Sink, reply: Reply, why: str
) -> None:
    mind.next = reply
    user = simulate()
    assert await user(("noon",)) is None
    assert user.said == ["Hello from Oslo"]
    assert _ends(sink) == [f"conversation ended: {why}"]
    assert sink.stop is None


@pytest.mark.parametrize(
    ("reply", "message"),
    [(UpstreamError(503, "the provider is down"), "status 503 .*: the provider is down"),
     (Reply(text="  "), "neither a text nor end_conversation")],
)
async def test_a_user_without_words_is_the_harnesss_fault(
    simulate: Make, mind: Mind, sink: Sink, reply: Any, message: str
) -> None:
    mind.next = reply
    assert await simulate()(("noon",)) is None
    assert sink.stop is not None
    assert sink.stop[0] is Outcome.HARNESS_FAULT
    assert re.search(f"the simulated user got {message}", sink.stop[1])


async def test_a_condition_without_a_value_is_the_harnesss_fault(
    simulate: Make, sink: Sink
) -> None:
    user = simulate(("vars.word in answer", "answer.split()[7] == 'x'"))
    assert await user(("short",)) is None
    assert sink.stop is not None
    assert sink.stop[0] is Outcome.HARNESS_FAULT
    assert "cannot tell whether to stop" in sink.stop[1]
