"""What only CrewAI's teams have in them: nested flows, words of a handoff, crowded delegations."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import TypeAdapter

from agentdyno.core.pattern import Pattern, pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.conformance.case import Case, CaseSpec
from agentdyno.experiments.conformance.play import Played, play
from agentdyno.models.script import load_script
from agentdyno.runners.pool import WorkerPool

pytestmark = pytest.mark.asyncio(loop_scope="session")
Team = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def crew(pools: Callable[[str], Any]) -> AsyncIterator[WorkerPool]:
    """The workers of CrewAI."""
    yield await pools("crewai")


@pytest.fixture
def team(bench: Bench, crew: WorkerPool, tmp_path: Path) -> Team:
    """Return what plays a pattern with a script, given the rules of each agent."""

    async def run(pattern: dict[str, Any], rules: str, **members: dict[str, Any]) -> Played:
        asked = TypeAdapter[Pattern](Pattern).validate_python(pattern)
        names = pattern_agents(asked)
        (tmp_path / "script.yaml").write_text(f"agents:\n{rules}")
        return await play(Case(
            pattern=asked, name="own", spec=CaseSpec(title="own", user=("TASK",)), figures={},
            script=load_script(tmp_path / "script.yaml", names, {}),
            agents=tuple(AgentSpec(
                name=name, role=f"{name} of the team", goal="do what is asked",
                instructions=f"You are the {name}.", **members.get(name, {}),
            ) for name in names),
        ), bench, crew)

    return run


def _requests(played: Played, agent: str) -> list[str]:
    return [record.request for record in played.wire
            if record.channel == "model" and record.agent == agent]


FORK_IN_LOOP = {
    "type": "dag", "start": "open", "edges": [
        {"source": "open", "target": "left"}, {"source": "open", "target": "right"},
        {"source": "left", "target": "deep", "when": "DEEP"}, {"source": "left", "target": "flat"},
        {"source": "deep", "target": "meet"}, {"source": "flat", "target": "meet"},
        {"source": "right", "target": "meet"},
        {"source": "meet", "target": "open", "when": "AGAIN", "max": 1},
        {"source": "meet", "target": "close"},
    ],
}
RULES_IN_LOOP = """
  open: [{say: "open {{ 2 if find('meet 1') else 1 }}"}]
  left:
    - {when: find('open 2'), say: left 2}
    - {say: left 1 DEEP}
  right: [{say: "right {{ 2 if find('open 2') else 1 }}"}]
  deep: [{say: deep 1}]
  flat: [{say: flat 2}]
  meet:
    - {when: find('flat 2') and find('right 2'), say: meet 2 AGAIN}
    - {when: find('deep 1') and find('right 1'), say: meet 1 AGAIN}
  close: [{say: "close after {{ find('(?s).*(meet [0-9])') }}"}]
"""


async def test_a_loop_around_a_fork_with_a_branch_in_it_joins_anew_each_time(team: Team):
    played = await team(FORK_IN_LOOP, RULES_IN_LOOP)
    assert played.trial.answers == ("close after meet 2",), played.trial.reason
    made = sorted(call.agent for call in played.model_calls)
    assert made == ["close", "deep", "flat", "left", "left", "meet", "meet", "open", "open",
                    "right", "right"]
    stopped = [step.name for step in played.steps if step.action == "stopped"]
    assert stopped == ["max of loop meet -> open"]


async def test_what_parallel_branches_said_comes_in_the_patterns_order(team: Team):
    played = await team(FORK_IN_LOOP, RULES_IN_LOOP)
    first, second = _requests(played, "meet")
    assert first.index("left: left 1") < first.index("deep: deep 1") < first.index("right: ")
    assert second.index("left: left 2") < second.index("flat: ") < second.index("right: right 2")
    assert "right: right" not in _requests(played, "left")[1]


async def test_the_words_of_a_handoff_reach_who_gets_control(team: Team):
    played = await team(
        {"type": "handoff", "start": "triage",
         "handoffs": {"triage": ["billing"], "billing": ["triage"]}},
        """
  triage:
    - {when: find('sent back'), say: "closed, {{ find('sent back [a-z]+') }}"}
    - {handoff: billing, say: the customer wants a refund}
  billing: [{handoff: triage, say: "sent back {{ find('wants a ([a-z]+)') }}"}]
""")
    assert played.trial.answers == ("closed, sent back refund",), played.trial.reason
    assert [(said.agent, said.text) for said in played.messages] == [
        ("triage", "the customer wants a refund"), ("billing", "sent back refund"),
        ("triage", "closed, sent back refund"),
    ]


async def test_one_limit_ends_all_that_works_beside_it(team: Team):
    played = await team(
        {"type": "parallel", "agents": ["east", "west"], "synthesizer": "joiner"},
        """
  east:
    - {call: {tool: evaluate, arguments: {expression: "{{ count('evaluate') }} + 1"}}}
  west: [{say: west}]
  joiner: [{say: joined}]
""", east={"tools": ("calculator.evaluate",), "max_turns": 2})
    assert played.trial.outcome == "limit"
    assert sum(call.agent == "east" for call in played.model_calls) == 2
    assert "joiner" not in {call.agent for call in played.model_calls}


async def test_two_tasks_at_once_for_one_worker_are_each_answered_or_refused_aloud(team: Team):
    def task(number: int) -> str:
        return (f'{{tool: delegate_work_to_coworker, arguments: {{task: "part {number}", '
                'context: "", coworker: digger of the team}}')

    played = await team(
        {"type": "supervisor", "manager": "boss", "workers": ["digger"]},
        f"""
  boss:
    - when: calls_now() == 0
      calls: [{task(1)}, {task(2)}]
    - {{say: "boss heard {{{{ find('dug') }}}}"}}
  digger: [{{say: dug}}]
""")
    assert played.trial.answers == ("boss heard dug",), played.trial.reason
    returned = [step for step in played.steps if step.action == "returned"]
    assert len(returned) == 2
    for refused in [step for step in returned if step.name]:
        assert "already running" in refused.name
    assert len(played.messages) == 1 + sum(not step.name for step in returned)


async def test_a_speaker_who_is_chosen_again_is_told_to_go_on(team: Team):
    played = await team(
        {"type": "selector", "agents": ["scout", "judge"], "selector": "chooser",
         "stop": {"text": "DONE"}, "allow_repeated_speaker": True},
        """
  scout:
    - {when: find('Go on'), say: "DONE after {{ find('once') }}"}
    - {say: once}
  judge: [{say: never}]
  chooser: [{handoff: scout}]
""")
    assert played.trial.answers == ("DONE after once",), played.trial.reason


async def test_an_agent_that_leads_back_to_itself_sees_its_own_text(team: Team):
    played = await team(
        {"type": "dag", "start": "only", "edges": [
            {"source": "only", "target": "only", "when": "AGAIN", "max": 3},
            {"source": "only", "target": "last"},
        ]},
        """
  only:
    - {when: find('draft 1'), say: "draft 2, after draft 1"}
    - {say: draft 1 AGAIN}
  last: [{say: "last heard {{ find('draft 2') }}"}]
""")
    assert played.trial.answers == ("last heard draft 2",), played.trial.reason
    assert [call.agent for call in played.model_calls] == ["only", "only", "last"]
