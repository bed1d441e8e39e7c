"""The sequential test keeps its promise however often it is looked at, and sees what it should."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from agentdyno.evals.statistics.power import power, rate_scatter
from agentdyno.evals.statistics.sequential import as_ratio, pairs_needed, relative, watch
from agentdyno.evals.statistics.student import t_cdf

ALPHA, POWER = 0.05, 0.8
Rounds = Sequence[Mapping[str, float]]


def rounds(values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> Rounds:
    """Return one round per row, one case per column."""
    return [{f"c{at}": float(value) for at, value in enumerate(row)} for row in values]


def drawn(
    generator: np.random.Generator, a: Sequence[float], b: Sequence[float], count: int
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Return differences of 0 and 1 whose cases pass with these chances."""
    shape = (count, len(a))
    return (generator.random(shape) < b).astype(float) - (generator.random(shape) < a)


@pytest.mark.parametrize("rates", [
    ([0.8] * 8, [0.8] * 8),
    ([0.5] * 3, [0.5] * 3),
    ([0.95] * 20, [0.95] * 20),
    ([0.9, 0.1, 0.7, 0.3], [0.3, 0.7, 0.1, 0.9]),
    ([0.5], [0.5]),
], ids=["even", "few", "easy", "cases that differ, but not on average", "one case"])
def test_looking_after_every_round_cries_wolf_in_at_most_one_experiment_of_twenty(
    rates: tuple[list[float], list[float]]
) -> None:
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(160):
        # p is the smallest of all looks: one question stands for looking after each round.
        found = watch(rounds(drawn(generator, *rates, 60)))
        assert found is not None
        alarms += found.p < ALPHA
    assert alarms / 160 <= ALPHA


def test_a_fixed_test_that_is_looked_at_after_every_round_cries_wolf_far_more_often() -> None:
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(160):
        means = drawn(generator, [0.8] * 8, [0.8] * 8, 60).mean(axis=1)
        alarms += any(
            _t_test(means[:look]) < ALPHA for look in range(5, 61)
        )
    assert alarms / 160 > 4 * ALPHA


def _t_test(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return 2 * (1 - t_cdf(abs(float(values.mean())) / error, len(values) - 1)) if error else 1.0


@pytest.mark.parametrize(("rate", "effect", "cases"), [
    (0.8, 0.1, 10), (0.6, 0.2, 8), (0.9, 0.05, 20), (0.5, 0.3, 4), (0.5, 0.45, 2),
])
def test_the_planned_size_sees_the_effect_in_four_experiments_of_five(
    rate: float, effect: float, cases: int
) -> None:
    generator = np.random.default_rng(2)
    count = math.ceil(pairs_needed(effect, 2 * rate * (1 - rate)) / cases)
    seen = 0
    for _ in range(120):
        found = watch(rounds(drawn(generator, [rate] * cases, [rate + effect] * cases, count)))
        assert found is not None
        seen += found.p < ALPHA
    assert seen / 120 >= POWER


def test_it_takes_more_at_most_than_a_fixed_test_but_less_when_the_effect_is_larger() -> None:
    rate, effect, cases = 0.6, 0.15, 10
    scatter = rate_scatter(rate)
    fixed = next(n for n in range(2, 500) if power(effect, scatter, cases, n) >= POWER)
    most = math.ceil(pairs_needed(effect, 2 * scatter.within**2) / cases)
    assert fixed < most < 2.2 * fixed
    generator = np.random.default_rng(3)
    ends = [
        _first_alarm(drawn(generator, [rate] * cases, [rate + 0.3] * cases, most))
        for _ in range(60)
    ]
    assert np.mean(ends) < fixed


def _first_alarm(values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]") -> int:
    every = rounds(values)
    for look in range(1, len(every) + 1):
        found = watch(every[:look])
        assert found is not None
        if found.p < ALPHA:
            return look
    return len(every)


def test_the_interval_holds_the_truth_at_every_look_at_once() -> None:
    generator = np.random.default_rng(4)
    missed = 0
    for _ in range(120):
        # An interval never grows again, so that the last one is inside all that came before.
        found = watch(rounds(drawn(generator, [0.5] * 5, [0.7] * 5, 40)))
        assert found is not None
        missed += not found.difference.low <= 0.2 <= found.difference.high
    assert missed / 120 <= ALPHA


def test_an_interval_never_grows_and_leaves_zero_out_when_p_is_below_alpha() -> None:
    every = rounds(drawn(np.random.default_rng(5), [0.4] * 6, [0.8] * 6, 20))
    before = (-1.0, 1.0)
    for look in range(1, 21):
        found = watch(every[:look])
        assert found is not None
        low, high = found.difference.low, found.difference.high
        assert low >= before[0] - 1e-6
        assert high <= before[1] + 1e-6
        assert (found.p < ALPHA) == (low > 0 or high < 0)
        before = low, high
    assert before[0] > 0


def test_both_directions_are_seen_alike() -> None:
    up = [{"a": 1.0, "b": 0.0}] * 12
    rise, fall = watch(up), watch([{case: -value for case, value in one.items()} for one in up])
    assert rise is not None
    assert fall is not None
    assert rise.p == pytest.approx(fall.p)
    assert rise.difference.low == pytest.approx(-fall.difference.high, abs=1e-5)
    assert (rise.difference.value, fall.difference.value) == (0.5, -0.5)


def test_cases_weigh_the_same_however_often_each_was_seen() -> None:
    found = watch([{"a": 1.0, "b": 0.0}, {"a": 1.0}, {"a": 1.0}])
    assert found is not None
    assert found.difference.value == 0.5
    assert found.difference.n == 4


def test_what_is_no_difference_of_shares_is_refused() -> None:
    with pytest.raises(ValueError, match="between -1 and 1"):
        watch([{"a": 1.5}])
    with pytest.raises(ValueError, match="effect of 0"):
        pairs_needed(0, 0.2)


def test_nothing_is_said_of_nothing() -> None:
    assert watch([]) is None
    assert watch([{}]) is None


def test_a_ratio_is_a_difference_between_minus_one_and_one() -> None:
    for a, b in ((100.0, 150.0), (3.0, 1.0), (7.0, 7.0)):
        assert as_ratio(relative(a, b)) == pytest.approx(b / a)
    assert relative(0, 0) == 0
    assert as_ratio(relative(0, 5)) == math.inf
