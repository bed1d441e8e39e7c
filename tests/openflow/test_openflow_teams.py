"""The documents of teams, run with agents that write what they are told to."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from agentdyno.core.pattern import (
    Dag,
    Edge,
    Handoff,
    Parallel,
    Pattern,
    Reflection,
    RoundRobin,
    Selector,
    Stop,
    Supervisor,
    pattern_agents,
)
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Endpoint
from agentdyno.runners._windmill_patterns import TEAMWORK
from agentdyno.runners.openflow.document import AiAgent, Module, NestedAgent, parse
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.generate import flow_for
from agentdyno.runners.openflow.generate_parts import TeamFlow
from agentdyno.runners.openflow.javascript import JavascriptEvaluator
from agentdyno.runners.openflow.outcome import FlowResult

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(kw_only=True)
class Played:
    """A team's flow that was run."""

    read: list[tuple[str, str]] = field(default_factory=list)
    """Module and message, in the order of the agents' work."""
    ended: FlowResult | None = None

    def told(self, step: str) -> list[str]:
        return [message for name, message in self.read if name == step]

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.read]


class Writers:
    """Agents that write the next of their texts, the last one again and again."""

    def __init__(self, texts: dict[str, Sequence[str]], played: Played) -> None:
        self._texts = texts
        self._played = played

    async def execute(self, module: Module, args: dict[str, Any], evaluate: Any) -> Any:
        texts = self._texts.get(module.id, (f"text of {module.id}",))
        done = self._played.order.count(module.id)
        self._played.read.append((module.id, args["user_message"]))
        return {"output": texts[min(done, len(texts) - 1)]}


def team(pattern: Pattern) -> TeamFlow:
    names = pattern_agents(pattern)
    return flow_for(Assignment(
        trial_id="t", pattern=pattern, token="s3cret", user_turns=("do it",),
        agents=tuple(
            AgentSpec(name=name, role=f"the {name}", goal="Work.", instructions=f"You are {name}.")
            for name in names
        ),
        endpoints={name: Endpoint(model_base_url="http://g/v1", mcp_url="http://g/mcp")
                   for name in names},
    ))


@pytest_asyncio.fixture(loop_scope="module")
async def play(js: JavascriptEvaluator) -> AsyncIterator[Any]:
    async def played(pattern: Pattern, **texts: Sequence[str]) -> Played:
        plan, result = team(pattern), Played()
        references = {f"$res:f/agentdyno/{name}_model": {} for name in pattern_agents(pattern)}
        engine = FlowEngine(executor=Writers(texts, result), evaluator=js, references=references)
        result.ended = await engine.run(parse(plan.document), {"task": "do it"})
        return result

    yield played


async def test_side_by_side_everybody_reads_the_task_and_the_last_one_every_text(
    play: Any,
) -> None:
    done = await play(Parallel(agents=("a", "b"), synthesizer="s"), a=["A!"], b=["B!"], s=["sum"])
    assert done.told("a") == done.told("b") == ["do it"]
    assert done.told("s") == ["do it\n\nWhat a wrote:\n\nA!\n\nWhat b wrote:\n\nB!"]
    assert done.ended.value == {"output": "sum"}


async def test_a_critics_word_ends_the_reflection_and_each_reads_what_the_other_wrote(
    play: Any,
) -> None:
    pattern = Reflection(writer="w", critic="c", approval="OK \"so\"", max_rounds=5)
    done = await play(pattern, w=["one", "two, OK \"so\""], c=["mend", "OK \"so\", fine"])
    assert done.order == ["w", "c", "w", "c"]
    assert done.told("w") == ["do it", "What c wrote:\n\nmend"]
    assert done.told("c") == ["do it\n\nWhat w wrote:\n\none", "What w wrote:\n\ntwo, OK \"so\""]
    assert done.ended.results["w"] == {"output": "two, OK \"so\""}


async def test_a_critic_who_never_approves_has_its_say_on_every_text(play: Any) -> None:
    done = await play(Reflection(writer="w", critic="c", max_rounds=2), c=["no"])
    assert done.order == ["w", "c", "w", "c"]


async def test_speakers_hear_what_was_said_since_they_spoke(play: Any) -> None:
    pattern = RoundRobin(agents=("a", "b", "c"), stop=Stop(text="END", by=("b",)), max_messages=9)
    done = await play(pattern, a=["a1 END", "a2"], b=["b1", "b2 END"], c=["c1"])
    assert done.order == ["a", "b", "c", "a", "b"]
    assert done.told("a") == ["do it", "What b wrote:\n\nb1\n\nWhat c wrote:\n\nc1"]
    assert done.told("b") == [
        "do it\n\nWhat a wrote:\n\na1 END", "What c wrote:\n\nc1\n\nWhat a wrote:\n\na2",
    ]
    assert done.ended.value[-1] == {"output": "b2 END"}


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_a_conversation_ends_after_its_most_messages(play: Any, most: int) -> None:
    pattern = RoundRobin(agents=("a", "b"), stop=Stop(text="END"), max_messages=most)
    assert (await play(pattern)).order == ["a", "b", "a", "b", "a"][:most]


async def test_the_chooser_is_asked_after_each_text_and_speakers_hear_all_they_missed(
    play: Any,
) -> None:
    pattern = Selector(
        agents=("a", "b", "c"), selector="x", stop=Stop(text="END", by=("a",)), max_messages=9,
    )
    done = await play(pattern, x=["a", "I say b.", "c", "b", "a"], a=["a1", "a2 END"],
                      b=["b1", "b2 END"], c=["c1"])
    assert done.order == ["x", "a", "x", "b", "x", "c", "x", "b", "x", "a"]
    first, second, *_ = done.told("x")
    assert first.startswith("do it\n\na: the a\nb: the b\nc: the c\n\nSelect the next speaker")
    assert second == (
        "What a wrote:\n\na1\n\nSelect the next speaker from: b, c. Only return the name."
    )
    assert done.told("a") == [
        "do it", "What b wrote:\n\nb1\n\nWhat c wrote:\n\nc1\n\nWhat b wrote:\n\nb2 END",
    ]
    assert done.told("b")[0] == "do it\n\nWhat a wrote:\n\na1"
    assert done.ended.value[-1][-1] == {"agent": "a", "output": "a2 END"}


async def test_a_chooser_that_names_nobody_is_asked_again_and_then_fails_the_flow(
    play: Any,
) -> None:
    pattern = Selector(agents=("a", "b"), selector="x", stop=Stop(text="END"), max_messages=2)
    done = await play(pattern, x=["a or b", "a", "a", "b"])
    assert done.order == ["x", "x", "a", "x", "x", "b"]
    assert done.told("x")[1].startswith("That names none of them, or several. Select the next")
    done = await play(pattern, x=["nobody"])
    assert done.order == ["x", "x", "x"]
    assert str(done.ended.cause) == "x named none of a, b who may speak, in 3 attempts"


async def test_the_last_speaker_may_be_chosen_again_where_that_is_allowed(play: Any) -> None:
    pattern = Selector(agents=("a", "b"), selector="x", stop=Stop(text="END"), max_messages=2,
                       allow_repeated_speaker=True)
    done = await play(pattern, x=["a"])
    assert done.order == ["x", "a", "x", "a"]
    assert done.told("a") == ["do it", "It is your turn again."]


def edges(*rows: str | tuple[str, str, int | None]) -> tuple[Edge, ...]:
    found = []
    for row in rows:
        way, when, most = (row, None, None) if isinstance(row, str) else row
        source, _, target = way.partition(">")
        found.append(Edge(source=source, target=target, when=when, max=most))
    return tuple(found)


async def test_a_graph_branches_forks_and_repeats_as_it_says(play: Any) -> None:
    pattern = Dag(start="a", edges=edges(
        "a>b", "a>c", "b>d", "c>d", ("d>e", "BAD", None), "d>f", "e>g", "f>g", ("g>d", "AGAIN", 2),
        "g>h",
    ))
    done = await play(pattern, d=["BAD", "fine"], g=["AGAIN", "done"])
    assert done.order[0] == "a"
    assert set(done.order[1:3]) == {"b", "c"}
    assert done.order[3:] == ["d", "e", "g", "d", "f", "g", "h"]
    assert done.told("b") == ["do it\n\nWhat a wrote:\n\ntext of a"]
    assert "What b wrote" not in done.told("c")[0]
    assert "What b wrote" in done.told("d")[0]
    assert "What c wrote" in done.told("d")[0]
    assert done.told("d")[1] == "What e wrote:\n\ntext of e\n\nWhat g wrote:\n\nAGAIN"
    assert "What f wrote" not in done.told("g")[0]
    assert done.ended.value == {"output": "text of h"}


async def test_a_loop_ends_at_its_limit_and_the_other_edges_count(play: Any) -> None:
    pattern = Dag(start="a", edges=edges(("a>a", "MORE", 2), ("a>b", "MORE", None), "a>c"))
    done = await play(pattern, a=["MORE"])
    assert done.order == ["a", "a", "a", "b"]
    assert done.told("a") == ["do it"] * 3


async def test_an_edge_straight_to_what_follows_is_an_empty_branch(play: Any) -> None:
    pattern = Dag(start="a", edges=edges(("a>b", "BAD", None), "a>c", "b>c"))
    assert (await play(pattern, a=["BAD"])).order == ["a", "b", "c"]
    assert (await play(pattern, a=["fine"])).order == ["a", "c"]


async def test_what_stopped_a_loop_is_told_from_its_last_text() -> None:
    plan = team(Dag(start="a", edges=edges("a>b", ("b>a", "AGAIN", 1), "b>c")))
    (ending,) = plan.ends.values()
    assert ending.name("b", "AGAIN, please") == "max of loop b -> a"
    assert ending.name("b", "fine") == ""


async def test_a_managers_workers_are_agents_among_its_tools() -> None:
    plan = team(Supervisor(manager="boss", workers=("digger", "counter")))
    (module,) = parse(plan.document).value.modules
    assert isinstance(module.value, AiAgent)
    own, *workers = module.value.tools
    assert own.value.tool_type == "mcp"
    assert [(tool.summary, tool.description) for tool in workers] == [
        ("digger", "the digger. Work."), ("counter", "the counter. Work."),
    ]
    for tool in workers:
        assert isinstance(tool.value, NestedAgent)
        assert tool.value.input_transforms["user_message"].type == "ai"
        assert tool.value.tools[0].value.resource_path == f"f/agentdyno/{tool.id}_tools"
        assert "memory" not in tool.value.input_transforms


async def test_there_is_a_document_for_every_pattern_that_is_not_unsupported() -> None:
    assert {name for name, each in TEAMWORK.patterns.items() if each.kind == "unsupported"} == {
        "handoff",
    }
    with pytest.raises(ValueError, match="handoff"):
        team(Handoff(start="a", handoffs={"a": ("b",)}))
