"""A comparison made of columns says what the same one of whole trials says."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

from agentdyno.core.trial import Trial
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.compare import Arm, Rules, compare
from agentdyno.experiments.compare.metrics import METRICS
from agentdyno.experiments.compare.pareto import pareto, pareto_of
from agentdyno.experiments.compare.stored import (
    against,
    arm_names,
    arm_of,
    compare_stored,
    flaky,
    rates,
)
from agentdyno.experiments.summary import summarize
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.reading import CellRow, Reading
from agentdyno.store.readvalues import ArmKey, ReadValues, Wanted
from agentdyno.store.trials import TrialStore
from agentdyno.tests.dashboards import stored as made

CREWAI, LANGGRAPH, AUTOGEN = (
    ArmKey(runner=name, runner_version=made.VERSIONS[name])
    for name in ("crewai", "langgraph", "autogen")
)
WANTED = Wanted(arms=(CREWAI, LANGGRAPH, AUTOGEN), scenarios=("investment_analysis",))


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    store = TrialStore(pool)
    await store.create_matrix("agentdyno run", {}, made.FIRST)
    await store.save(made.FIRST, made.first_matrix())
    yield pool
    await pool.close()


async def test_every_line_of_every_pair_is_the_same(pool: Pool) -> None:
    arms = [Arm(name=arm.runner, trials=_trials(arm.runner)) for arm in WANTED.arms]
    reading = ReadValues(pool)
    values, checks = await reading.values(WANTED), await reading.checks(WANTED)
    found = compare_stored(
        await _cells(pool), values, checks, {arm: arm.runner for arm in WANTED.arms},
        tuple(METRICS), Rules(),
    )
    assert found == tuple(
        dataclasses.replace(one, flips=()) for one in compare(arms, Rules())
    )
    assert any(line.metric == "check:mailed" for line in found[0].lines)


async def test_the_front_is_the_same(pool: Pool) -> None:
    arms = [Arm(name=arm.runner, trials=_trials(arm.runner)) for arm in WANTED.arms]
    values = await ReadValues(pool).values(WANTED)
    assert pareto_of({arm.runner: found for arm, found in values.items()}) == pareto(arms)


async def test_rates_are_those_of_the_table_of_a_run(pool: Pool) -> None:
    table = {
        (row.scenario, row.runner): row
        for row in summarize([trial for trial, _ in made.first_matrix()])
    }
    for rate in rates(await Reading(pool).cells()):
        row = table[rate.scenario, f"{rate.arm.runner} {rate.arm.runner_version}"]
        assert rate.passed is not None
        assert row.passed is not None
        assert (rate.passed.value, rate.trials, rate.harness_faults, rate.exact) == (
            row.passed.value, row.trials, row.faults, row.exact)
        if rate.cases == 1:
            assert (rate.passed.low, rate.passed.high) == (row.passed.low, row.passed.high)


async def test_no_more_than_the_newest_trials_of_a_case_are_taken(pool: Pool) -> None:
    wanted = dataclasses.replace(WANTED, arms=(CREWAI,), most=2)
    values = await ReadValues(pool).values(wanted, ("wall_s",))
    newest = [trial.duration_s for trial in _trials("crewai")[-2:]]
    assert values[CREWAI]["wall_s"] == {"investment_analysis": newest}


async def test_against_one_arm_only_its_own_pairs_are_adjusted_for(pool: Pool) -> None:
    values = await ReadValues(pool).values(WANTED, ("prompt_tokens",))
    names = {arm: arm.runner for arm in WANTED.arms}
    found = against(CREWAI, await _cells(pool), values, names, "prompt_tokens", Rules())
    assert [(one.a, one.b) for one in found] == [("crewai", "langgraph"), ("crewai", "autogen")]
    for one in found:
        line = one.lines[0]
        assert line.paired is not None
        assert line.p is not None
        assert line.paired.p <= line.p <= min(1.0, 2 * line.paired.p)


async def test_examples_are_a_trial_that_passed_and_one_that_did_not(pool: Pool) -> None:
    found = await ReadValues(pool).examples(WANTED, [("investment_analysis", "")])
    passing, failing = found[AUTOGEN, "investment_analysis"]
    outcomes = {trial.id: trial.verdicts[0].status for trial in _trials("autogen")
                if trial.verdicts}
    assert (outcomes[passing or ""], outcomes[failing or ""]) == ("pass", "fail")
    assert found[CREWAI, "investment_analysis"][1] is None


def test_arms_are_called_what_tells_them_apart() -> None:
    newer = dataclasses.replace(CREWAI, runner_version="2")
    brief = dataclasses.replace(CREWAI, variant="brief")
    assert list(arm_names([CREWAI, LANGGRAPH]).values()) == ["crewai", "langgraph"]
    assert list(arm_names([CREWAI, newer]).values()) == ["crewai 1.15.30", "crewai 2"]
    assert list(arm_names([CREWAI, brief]).values()) == ["crewai · baseline", "crewai · brief"]


def test_flaky_are_cells_that_pass_sometimes_the_worst_first() -> None:
    cells = [_cell("a", 4, 1), _cell("b", 4, 2), _cell("c", 4, 4), _cell("d", 4, 0)]
    found = flaky(cells)
    assert [one.cell.scenario for one in found] == ["b", "a"]
    assert found[0].chance.value == pytest.approx(2 / 3)
    assert rates(cells)[0].passed == wilson(1, 4).model_copy(  # type: ignore[union-attr]
        update={"method": "wilson, one case"})


def _trials(runner: str) -> list[Trial]:
    found = [
        trial for trial, _ in made.first_matrix()
        if trial.key.runner == runner and trial.key.scenario == "investment_analysis"
    ]
    # As they are stored: what is drawn hangs on the order.
    return sorted(found, key=lambda trial: trial.id)


async def _cells(pool: Pool) -> list[CellRow]:
    cells = await Reading(pool).cells()
    return [c for c in cells if arm_of(c) in WANTED.arms and c.scenario == "investment_analysis"]


def _cell(scenario: str, counted: int, passed: int) -> CellRow:
    return CellRow(
        scenario=scenario, case_name="", runner="crewai", runner_version="1", variant="baseline",
        model="scripted", tools="live", retries="uniform", faults="", approver="", stream=False,
        trials=counted, counted=counted, passed=passed, undecided=0, harness_faults=0,
        agent_faults=0, limits=0, gaps=0, newest=1, alike=False,
    )
