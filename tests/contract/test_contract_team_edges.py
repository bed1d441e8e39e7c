"""Teams at their edges: graphs that join oddly, limits beside others, words in wrong places."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentdyno.core.pattern import (
    Dag,
    Edge,
    Handoff,
    Parallel,
    Pattern,
    RoundRobin,
    Selector,
    Stop,
    Supervisor,
    pattern_agents,
)
from agentdyno.core.spec import AgentSpec
from agentdyno.experiments.conformance.case import Case, CaseSpec
from agentdyno.experiments.conformance.play import Played, play
from agentdyno.models.script import load_script
from agentdyno.tests.contract.lab import Lab
from agentdyno.tests.contract.plays import supported

pytestmark = pytest.mark.requirement("runner:patterns")
Calls = dict[str, int]
Rule = dict[str, Any]
EVALUATE: Rule = {"call": {"tool": "evaluate", "arguments": {"expression": "1 + 1"}}}


def edges(*rows: str) -> tuple[Edge, ...]:
    """Return edges of rows such as `a b`, `a b WHEN`, `b a WHEN 2`."""
    made = []
    for row in rows:
        source, target, *more = row.split()
        made.append(Edge(
            source=source, target=target, when=more[0] if more else None,
            max=int(more[1]) if len(more) > 1 else None,
        ))
    return tuple(made)


def case(
    tmp_path: Path, pattern: Pattern, script: dict[str, list[Rule]], *, stream: bool = False,
    agents: dict[str, dict[str, Any]] | None = None,
) -> Case:
    """Return a case of `pattern`; an agent without rules says `NAME-said`."""
    names, changes = pattern_agents(pattern), agents or {}
    rules = {name: script.get(name, [{"say": f"{name}-said"}]) for name in names}
    file = tmp_path / "script.yaml"
    file.write_text(yaml.safe_dump({"agents": rules}))
    team = tuple(
        AgentSpec(**{
            "name": name, "role": f"{name} of the team", "goal": "do what is asked",
            "instructions": f"You are the {name}.", **changes.get(name, {}),
        })
        for name in names
    )
    return Case(
        pattern=pattern, name="edge", figures={}, agents=team,
        spec=CaseSpec(title="an edge", user=("TASK k7",), stream=stream),
        script=load_script(file, names, {}),
    )


@pytest.fixture
def played(
    runner: str, lab: Lab, tmp_path: Path
) -> Callable[..., Any]:
    """Return what plays a case on the runner, or skips where the team is not supported."""
    async def run(pattern: Pattern, script: dict[str, list[Rule]], **options: Any) -> Played:
        made = case(tmp_path, pattern, script, **options)
        supported(runner, made)
        return await play(made, lab.bench, lab.pool)

    return run


def calls(played: Played) -> Calls:
    """Return model calls by agent."""
    return dict(Counter(call.agent for call in played.model_calls))


def ended(played: Played) -> str:
    """Return the outcome; fails with the reason of any that is no proper end."""
    outcome = played.trial.outcome.value
    assert outcome in ("completed", "limit"), played.trial.reason
    return outcome


GRAPHS: dict[str, tuple[tuple[Edge, ...], dict[str, str], Calls, str]] = {
    "parallel parts in a branch that is taken": (
        edges("s f GO", "s x", "f p", "f q", "p t", "q t", "x t"), {"s": "GO"},
        {"s": 1, "f": 1, "p": 1, "q": 1, "t": 1}, "t-said",
    ),
    "parallel parts in a branch that is not taken": (
        edges("s f GO", "s x", "f p", "f q", "p t", "q t", "x t"), {},
        {"s": 1, "x": 1, "t": 1}, "t-said",
    ),
    "a branch at the end of a parallel part": (
        edges("s a", "s d", "a b LEFT", "a c", "b t", "c t", "d t"), {"a": "LEFT"},
        {"s": 1, "a": 1, "d": 1, "b": 1, "t": 1}, "t-said",
    ),
    "the other branch at the end of a parallel part": (
        edges("s a", "s d", "a b LEFT", "a c", "b t", "c t", "d t"), {},
        {"s": 1, "a": 1, "d": 1, "c": 1, "t": 1}, "t-said",
    ),
    "parallel parts of unequal length": (
        edges("s a", "s b", "a c", "c t", "b t"), {},
        {"s": 1, "a": 1, "b": 1, "c": 1, "t": 1}, "t-said",
    ),
    "an edge past a branch": (
        edges("s x MORE", "s t", "x t"), {}, {"s": 1, "t": 1}, "t-said",
    ),
    "the first of two branches whose text stands there": (
        edges("s a ONE", "s b TWO", "s c", "a t", "b t", "c t"), {"s": "TWO and ONE"},
        {"s": 1, "a": 1, "t": 1}, "t-said",
    ),
    "branches that end apart": (
        edges("s a ONE", "s b"), {"s": "ONE"}, {"s": 1, "a": 1}, "a-said",
    ),
    "a graph that ends with its loop": (
        edges("a b", "b a AGAIN 2"), {"b": "AGAIN"}, {"a": 3, "b": 3}, "AGAIN",
    ),
    "loops in a loop, each counted anew": (
        edges("a b", "b b MORE 1", "b c", "c a AGAIN 1", "c d"), {"b": "MORE", "c": "AGAIN"},
        {"a": 2, "b": 4, "c": 2, "d": 1}, "d-said",
    ),
    "parallel parts in a loop": (
        edges("a p", "a q", "p j", "q j", "j a AGAIN 1", "j e"), {"j": "AGAIN"},
        {"a": 2, "p": 2, "q": 2, "j": 2, "e": 1}, "e-said",
    ),
}


@pytest.mark.parametrize("graph", GRAPHS)
async def test_a_graph_runs_each_agent_as_often_as_its_edges_say(
    played: Callable[..., Any], graph: str
):
    drawn, says, made, answer = GRAPHS[graph]
    script = {name: [{"say": text}] for name, text in says.items()}
    run = await played(Dag(start=drawn[0].source, edges=drawn), script)
    assert ended(run) == "completed"
    assert calls(run) == made
    assert run.trial.answers == (answer,)


async def test_an_agent_at_its_limit_beside_others_ends_the_team_before_the_synthesis(
    played: Callable[..., Any],
):
    stuck = {"tools": ("calculator.*",), "max_turns": 2}
    run = await played(
        Parallel(agents=("east", "west"), synthesizer="joiner"), {"east": [EVALUATE]},
        agents={"east": stuck},
    )
    assert ended(run) == "limit"
    assert calls(run) == {"east": 2, "west": 1}


async def test_the_word_that_stops_a_chat_is_looked_for_in_what_is_said_alone(
    played: Callable[..., Any],
):
    call = {"call": {"tool": "evaluate", "arguments": {"expression": "40 + 2"}}}
    rules = [{"when": "not called('evaluate')", **call}, {"say": "alpha-said no"}]
    run = await played(
        RoundRobin(agents=("alpha", "beta"), stop=Stop(text="42"), max_messages=3),
        {"alpha": rules}, agents={"alpha": {"tools": ("calculator.*",)}},
    )
    assert ended(run) == "completed"
    assert [step.name for step in run.steps if step.action == "stopped"] == ["max_messages"]


async def test_anybodys_word_stops_a_chat_that_names_nobody(played: Callable[..., Any]):
    run = await played(
        RoundRobin(agents=("alpha", "beta", "gamma"), stop=Stop(text="AGREED")),
        {"beta": [{"say": "AGREED"}]},
    )
    assert ended(run) == "completed"
    assert (calls(run), run.trial.answers) == ({"alpha": 1, "beta": 1}, ("AGREED",))


async def test_the_same_speaker_is_chosen_again_only_where_that_is_allowed(
    played: Callable[..., Any],
):
    pattern = Selector(
        agents=("alpha", "beta", "gamma"), selector="chooser", stop=Stop(text="AGREED"),
        max_messages=2, allow_repeated_speaker=True,
    )
    run = await played(pattern, {"chooser": [{"handoff": "beta"}]})
    assert ended(run) == "completed"
    assert calls(run) == {"chooser": 2, "beta": 2}


async def test_braces_in_a_selectors_instructions_stay_as_they_are(played: Callable[..., Any]):
    words = 'Choose as in {"next": "{alpha}"} and {0}.'
    run = await played(
        Selector(agents=("alpha", "beta"), selector="chooser", stop=Stop(text="said")),
        {"chooser": [{"handoff": "alpha"}]}, agents={"chooser": {"instructions": words}},
    )
    assert ended(run) == "completed"
    asked = next(e for e in run.exchanges if e.call.agent == "chooser")
    assert any(words in message.text for message in asked.asked.messages)


async def test_each_active_agent_has_its_own_limit_in_a_team_of_handoffs(
    played: Callable[..., Any],
):
    work = {"tools": ("calculator.*",), "max_turns": 2}
    rules = [{"when": "not called('evaluate')", **EVALUATE}]
    team = Handoff(start="first", handoffs={"first": ("second",)})
    run = await played(
        team, {"first": [*rules, {"handoff": "second"}], "second": [*rules, {"say": "done"}]},
        agents={"first": work, "second": work},
    )
    assert ended(run) == "completed"
    assert calls(run) == {"first": 2, "second": 2}
    run = await played(
        team, {"first": [{"handoff": "second"}], "second": [EVALUATE]},
        agents={"first": work, "second": work},
    )
    assert ended(run) == "limit"
    assert calls(run) == {"first": 1, "second": 2}


@pytest.mark.parametrize("pattern", [
    Selector(agents=("alpha", "beta", "gamma"), selector="chooser", stop=Stop(text="said")),
    Supervisor(manager="chooser", workers=("beta", "gamma")),
    Handoff(start="chooser", handoffs={"chooser": ("beta",)}),
], ids=lambda pattern: pattern.type)
async def test_coordinators_and_those_they_call_are_streamed_too(
    played: Callable[..., Any], pattern: Pattern
):
    begin: Rule = {"handoff": "beta"}
    if pattern.type == "supervisor":
        begin = {"when": "calls_now() == 0", "delegate": {"to": "beta", "task": "TASK k7"}}
    run = await played(pattern, {"chooser": [begin, {"say": "chooser-said"}]}, stream=True)
    assert ended(run) == "completed"
    assert {call.agent for call in run.model_calls} == {"chooser", "beta"}
    assert all(call.stream for call in run.model_calls)
