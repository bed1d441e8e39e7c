"""One question arranged in three ways, a budget, a support case and a review, on every runner that
executes their patterns."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agentdyno.core.event import Message, ModelCall, Step
from agentdyno.core.pattern import coordinators
from agentdyno.core.settings import RunOptions
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.approving import Approving
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.execute import Executor
from agentdyno.experiments.sources import Sources
from agentdyno.memory.server import MemoryServer
from agentdyno.models.gateway import ModelGateway
from agentdyno.runners.registry import RUNNERS
from agentdyno.store.database import open_pool
from agentdyno.tests.contract.lab import Lab
from agentdyno.tests.scenarios.benched import planned
from agentdyno.tools.gateway import ToolGateway

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = (
    "investment_analysis", "investment_analysis.round_robin", "investment_analysis.supervisor",
    "budget_allocation", "support_triage", "report_review",
)
_played: dict[tuple[str, str], Trial] = {}


@pytest_asyncio.fixture(loop_scope="session")
async def memory(database: str) -> AsyncIterator[MemoryServer]:
    """The memory server on a real Postgres."""
    pool = await open_pool(database)
    yield MemoryServer(pool)
    await pool.close()


@pytest_asyncio.fixture(loop_scope="session")
async def remembering(memory: MemoryServer) -> AsyncIterator[Bench]:
    """Both gateways, with memory behind the tools."""
    async with open_bench(ModelGateway(), ToolGateway({"memory": memory})) as opened:
        yield opened


class Stage:
    """Plays scenarios of the library on one runner, each once."""

    def __init__(self, runner: str, lab: Lab, executor: Executor) -> None:
        self._runner, self._lab, self._executor = runner, lab, executor

    async def play(self, name: str) -> Trial:
        """Return the trial; skips the test where the runner does not execute the team."""
        trial = planned(name, self._runner)
        loaded = trial.scenario
        support = RUNNERS[self._runner].teamwork.support(loaded.scenario.pattern, loaded.agents)
        if support.kind == "unsupported":
            pytest.skip(f"n/a: {support.how}")
        if (self._runner, name) not in _played:
            sealed, _ = await self._executor.run(trial, self._lab.pool)
            _played[self._runner, name] = sealed
        return _played[self._runner, name]


@pytest_asyncio.fixture(loop_scope="session")
async def stage(
    runner: str, lab: Lab, remembering: Bench, memory: MemoryServer
) -> Stage:
    """Return the stage of one runner."""
    return Stage(runner, lab, Executor(
        bench=remembering, memory=memory, approving=Approving(override=None),
        sources=Sources(options=RunOptions(scenarios=(), runners=())),
    ))


def messages(trial: Trial) -> list[Message]:
    return [event for event in trial.events if isinstance(event, Message)]


def steps(trial: Trial, action: str) -> list[tuple[str, str]]:
    return [
        (event.agent, event.to) for event in trial.events
        if isinstance(event, Step) and event.action == action
    ]


@pytest.mark.parametrize("name", NAMES)
async def test_a_scenario_of_the_library_passes(name: str, stage: Stage) -> None:
    trial = await stage.play(name)
    assert trial.outcome is Outcome.COMPLETED, trial.reason
    assert [verdict for verdict in trial.verdicts if verdict.status != "pass"] == []


async def test_the_customer_is_passed_on_three_times_and_stays_with_the_last_desk(
    stage: Stage
) -> None:
    trial = await stage.play("support_triage")
    assert steps(trial, "handoff") == [
        ("triage", "billing"), ("billing", "technical"), ("technical", "escalation")
    ]
    assert [m.agent for m in messages(trial) if m.text in trial.answers] == [
        "billing", "technical", "escalation", "escalation"
    ]


async def test_the_departments_speak_in_turn_until_finance_closes(stage: Stage) -> None:
    trial = await stage.play("budget_allocation")
    round_ = ["finance", "engineering", "marketing"]
    assert [message.agent for message in messages(trial)] == [*round_ * 5, "finance"]
    refused = [m.agent for m in messages(trial) if "do not cover what we have signed" in m.text]
    assert refused == ["engineering", "marketing"]


async def test_the_objections_of_the_first_review_are_seen_to_be_mended(stage: Stage) -> None:
    trial = await stage.play("report_review")
    draft, review, mended, approval = messages(trial)
    assert [m.agent for m in (draft, review, mended, approval)] == ["writer", "critic"] * 2
    faults = ["rose by 3.8 %", "Two incidents of the quarter are closed."]
    assert all(words in draft.text and words in review.text for words in faults)
    assert faults[0] not in mended.text
    assert f"{faults[1]} Open is B-2031" in mended.text
    assert approval.text.strip() == "No objections."
    assert mended.text == trial.answers[-1]


async def test_the_managers_calls_are_the_price_of_coordination(stage: Stage) -> None:
    trial = await stage.play("investment_analysis.supervisor")
    workers = ["researcher", "analyst", "writer"]
    assert steps(trial, "delegated") == [("manager", worker) for worker in workers]
    pattern = trial.pattern
    assert pattern is not None
    assert coordinators(pattern) == ("manager",)
    calls = [event.agent for event in trial.events if isinstance(event, ModelCall)]
    assert set(calls) == {"manager", *workers}


async def test_the_same_question_takes_more_model_calls_in_conversation_than_in_a_line(
    stage: Stage
) -> None:
    structured = await stage.play("investment_analysis")
    talk = await stage.play("investment_analysis.round_robin")

    def calls(trial: Trial) -> int:
        return sum(isinstance(event, ModelCall) for event in trial.events)

    assert calls(talk) > calls(structured)
