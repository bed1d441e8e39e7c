"""False alarms and power of the gate, by seeded simulation."""

import pytest

from agentdyno.experiments.gate.pools import pool_of, scatters
from agentdyno.experiments.gate.simulate import (
    Calibration,
    Plan,
    advised,
    calibrate,
    calibrate_suite,
)
from agentdyno.tests.experiments.gated import cases, kept, noisy, noisy_wires, state, suite

ALPHA, POWER, DROP = 0.05, 0.8, 0.1


def simulated(cases: int, trials: int, rounds: int = 300, **how: float) -> Calibration:
    runners = int(how.pop("runners", 1))
    plan = Plan(trials=trials, effect=DROP, rounds=rounds, resamples=1000)
    return calibrate_suite(cases, plan, runners=runners, **how)


@pytest.mark.parametrize(("trials", "rate", "between"), [
    (5, 0.8, 0.0), (12, 0.8, 0.0), (8, 0.9, 0.0), (5, 0.8, 0.15), (1, 0.9, 0.0),
])
def test_a_drop_of_ten_points_is_seen_by_four_gates_of_five_at_the_advised_size(
    trials: int, rate: float, between: float
) -> None:
    size = next(size for size in advised(DROP, rate, 1) if size.trials == trials)
    found = simulated(size.cases, trials, rate=rate, between=between)
    assert found.power.value >= POWER
    assert found.false_alarms.value <= ALPHA
    assert found.false_alarms.seed == 0


def test_the_advice_holds_for_a_gate_of_several_questions_that_must_share_its_alpha() -> None:
    size = next(size for size in advised(DROP, 0.9, 3) if size.trials == 12)
    found = simulated(size.cases, 12, rounds=200, rate=0.9, runners=3)
    assert found.questions == 3
    assert found.power.value >= POWER
    assert found.false_alarms.value <= ALPHA


@pytest.mark.parametrize(("cases", "trials", "rate"), [
    (1, 5, 0.8), (2, 3, 0.5), (8, 3, 0.8), (20, 3, 0.9), (30, 1, 0.7),
])
def test_small_suites_cry_wolf_in_at_most_one_run_of_twenty(
    cases: int, trials: int, rate: float
) -> None:
    assert simulated(cases, trials, rounds=400, rate=rate).false_alarms.value <= ALPHA


def test_more_questions_more_runners_and_ratios_bring_no_more_false_alarms() -> None:
    def trial(case: int, at: int) -> object:
        luck = (37 * case + 11 * at) % 17
        return kept(at, passed=luck > 3, wire=noisy(case, at),
                    values={"prompt_tokens": 500.0 + 20 * luck, "model_calls": 3.0 + luck % 4})

    every = state(cases(8, trial, trials=6), wires=noisy_wires(8, 6))
    pool = pool_of(suite(), every.cells)
    assert scatters(pool)
    found = calibrate({"a": pool["crewai"], "b": pool["crewai"]},
                      Plan(trials=6, rounds=60, resamples=300))
    assert found.questions == 8
    assert found.false_alarms.value <= ALPHA


def test_trials_that_are_all_alike_do_not_scatter() -> None:
    assert not scatters(pool_of(suite(), state(cases(3, lambda case, at: kept(at))).cells))


def test_nothing_can_be_drawn_from_nothing() -> None:
    with pytest.raises(ValueError, match="without trials"):
        calibrate({"a": {}}, Plan(trials=1))
