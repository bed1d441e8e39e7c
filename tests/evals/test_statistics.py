"""Statistics against scipy, published values and slow definitions."""

import math
import random
from itertools import combinations, product
from statistics import mean, stdev

import numpy as np
import pytest
import scipy.special
import scipy.stats

from agentdyno.evals.statistics.agreement import cohen_kappa, krippendorff_alpha
from agentdyno.evals.statistics.multiple import holm
from agentdyno.evals.statistics.paired import (
    mcnemar,
    paired_difference,
    paired_ratio,
    sign_flip,
)
from agentdyno.evals.statistics.power import (
    Scatter,
    advise,
    minimum_detectable,
    power,
    rate_scatter,
    seen_scatter,
)
from agentdyno.evals.statistics.rates import (
    clustered_mean,
    flakiness,
    pass_at_k,
    pass_hat_k,
)
from agentdyno.evals.statistics.student import t_cdf, t_quantile
from agentdyno.evals.statistics.verdict import decide, is_exact, not_inferior


@pytest.mark.parametrize("df", [1, 2, 3, 4.5, 10, 30, 199, 5000])
@pytest.mark.parametrize("p", [1e-6, 0.01, 0.3, 0.5, 0.8, 0.975, 0.9995, 1 - 1e-6])
def test_students_quantile_is_scipys(p: float, df: float) -> None:
    expected = float(scipy.special.stdtrit(df, p))
    assert t_quantile(p, df) == pytest.approx(expected, rel=1e-8, abs=1e-12)
    assert t_cdf(expected, df) == pytest.approx(p, rel=1e-9)


def test_the_clustered_interval_is_the_regression_one() -> None:
    values = {"a": [1, 1, 1, 0], "b": [0, 0, 1, 0], "c": [1, 1, 1, 1]}
    found = clustered_mean(values)
    assert found
    centre = 8 / 12
    meat = sum(sum(v - centre for v in some) ** 2 for some in values.values())
    error = math.sqrt(3 / 2 * meat) / 12
    half = scipy.stats.t.ppf(0.975, 2) * error
    assert found.value == pytest.approx(centre)
    assert found.low == pytest.approx(max(0, centre - half))
    assert found.n == 12


def test_with_one_trial_per_case_clustering_changes_nothing() -> None:
    values = {str(at): [value] for at, value in enumerate([3.0, 4.0, 9.0, 1.0])}
    found = clustered_mean(values)
    assert found
    low, high = scipy.stats.t.interval(
        0.95, 3, loc=4.25, scale=scipy.stats.sem([3.0, 4.0, 9.0, 1.0])
    )
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_repeating_a_case_does_not_make_its_mean_surer() -> None:
    once = clustered_mean({"a": [1], "b": [0], "c": [1], "d": [1]})
    often = clustered_mean({"a": [1] * 9, "b": [0] * 9, "c": [1] * 9, "d": [1] * 9})
    assert once
    assert often
    assert often.high - often.low == pytest.approx(once.high - once.low)


def test_rates_without_spread_still_have_an_interval() -> None:
    alike = clustered_mean({case: [1, 1] for case in "abcdefgh"})
    assert alike
    assert (alike.value, alike.high) == (1, 1)
    assert 0.6 < alike.low < 0.7  # Wilson, 8 of 8
    halves = clustered_mean({case: [1, 0] for case in "abcdefgh"})
    assert halves
    assert halves.low < 0.35
    one = clustered_mean({"a": [1, 1, 1, 0]})
    assert one
    assert one.method == "wilson, one case"
    assert clustered_mean({}) is None
    assert clustered_mean({"a": [3.5]}) is None


def test_k_trials_by_counting_all_ways_to_choose_them() -> None:
    for n, c, k in product(range(1, 7), range(7), range(1, 8)):
        if c > n:
            continue
        if n < k:
            assert pass_at_k(n, c, k) is None
            assert pass_hat_k(n, c, k) is None
            continue
        trials = [1] * c + [0] * (n - c)
        ways = list(combinations(trials, k))
        assert pass_at_k(n, c, k) == pytest.approx(mean(any(way) for way in ways))
        assert pass_hat_k(n, c, k) == pytest.approx(mean(all(way) for way in ways))


def test_flakiness_is_the_chance_that_two_trials_differ() -> None:
    found = flakiness([1, 1, 0, 1])
    assert found
    pairs = [(a, b) for i, a in enumerate([1, 1, 0, 1]) for b in [1, 1, 0, 1][i + 1:]]
    assert found.value == pytest.approx(mean(a != b for a, b in pairs))
    assert found.low <= found.value <= found.high == 0.5
    steady = flakiness([1] * 20)
    assert steady
    assert (steady.value, steady.low) == (0, 0)
    assert flakiness([1]) is None


def test_the_sign_flip_test_is_the_slow_definition_and_scipys() -> None:
    differences = [0.2, -0.1, 0.4, 0.3, 0.0, 0.5, -0.2]
    observed = abs(mean(differences))
    flipped = [
        abs(mean(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=7)
    ]
    slow = mean(value >= observed - 1e-12 for value in flipped)
    p, test = sign_flip(differences)
    assert p == pytest.approx(slow)
    assert test == "sign flip, exact"
    reference = scipy.stats.permutation_test(
        (differences,), lambda x, axis: x.mean(axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=math.inf,
    )
    assert p == pytest.approx(reference.pvalue)


def test_many_cases_are_drawn_with_a_seed_and_p_is_never_0() -> None:
    differences = [1.0 + at / 100 for at in range(40)]
    p, test = sign_flip(differences, seed=7, resamples=999)
    assert p == pytest.approx(1 / 1000)
    assert "seed 7" in test
    assert sign_flip(differences, seed=7, resamples=999) == (p, test)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    differences = [1.0] * 9 + [-1.0] * 2 + [0.0] * 30
    assert mcnemar(differences) == pytest.approx(scipy.stats.binomtest(2, 11, 0.5).pvalue)
    a = {str(at): [0 if d > 0 else 1] for at, d in enumerate(differences)}
    b = {str(at): [1 if d > 0 else 0 if d < 0 else 1] for at, d in enumerate(differences)}
    found = paired_difference(a, b)
    assert found
    assert found.test == "McNemar, exact"
    assert found.p == pytest.approx(mcnemar(differences))


def test_a_paired_difference_is_students_over_cases() -> None:
    a = {"x": [1, 2], "y": [4, 4], "z": [0, 1], "only_a": [9]}
    b = {"x": [2, 2], "y": [7, 7], "z": [1, 1], "only_b": [9]}
    found = paired_difference(a, b)
    assert found
    differences = [0.5, 3.0, 0.5]
    low, high = scipy.stats.t.interval(
        0.95, 2, loc=mean(differences), scale=stdev(differences) / math.sqrt(3)
    )
    assert found.difference.value == pytest.approx(mean(differences))
    assert (found.difference.low, found.difference.high) == (
        pytest.approx(low), pytest.approx(high)
    )
    assert (found.cases, found.trials_a, found.trials_b) == (3, 6, 6)
    assert found.mde == pytest.approx(
        (scipy.stats.t.ppf(0.975, 2) + scipy.stats.t.ppf(0.8, 2))
        * stdev(differences) / math.sqrt(3)
    )
    assert paired_difference({"x": [1]}, {"y": [1]}) is None


def test_no_difference_at_all_is_no_proof_of_equality() -> None:
    a = {str(at): [1] for at in range(10)}
    found = paired_difference(a, a)
    assert found
    assert found.p == 1
    assert found.difference.high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert decide(found, margin=0.05, higher_is_better=True) == "inconclusive"
    assert decide(found, margin=0.05, higher_is_better=True, exact=True) == "equal"


def test_one_case_is_compared_by_its_trials_and_says_so() -> None:
    found = paired_difference({"x": [1, 1, 1, 1, 1, 1]}, {"x": [0, 0, 0, 0, 0, 0]})
    assert found
    assert found.p < 0.01
    assert "trials" in found.test
    assert found.mde is None


def test_a_ratio_is_the_geometric_mean_over_cases() -> None:
    rng = random.Random(3)
    a = {str(at): [rng.lognormvariate(at % 5, 0.1) for _ in range(5)] for at in range(40)}
    b = {case: [2 * value for value in some] for case, some in a.items()}
    found = paired_ratio(a, b)
    assert found
    assert found.difference.value == pytest.approx(2)
    assert found.difference.low < 2 < found.difference.high
    assert found.difference.high < 2.2
    assert found.b / found.a == pytest.approx(2)
    with_zero = paired_ratio({**a, "0": [0.0, 1.0]}, b, resamples=200)
    assert with_zero
    assert with_zero.left_out == 1
    assert paired_ratio({"x": [0.0]}, {"x": [1.0]}) is None


def test_the_ratios_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(11)
    held = 0
    for turn in range(120):
        effects = [rng.gauss(0.3, 0.2) for _ in range(25)]
        a = {str(at): [math.exp(rng.gauss(at % 3, 0.3)) for _ in range(3)] for at in range(25)}
        b = {str(at): [math.exp(rng.gauss(at % 3 + effects[at], 0.3)) for _ in range(3)]
             for at in range(25)}
        found = paired_ratio(a, b, resamples=400, bootstraps=400, seed=turn)
        assert found
        held += found.difference.low <= math.exp(0.3) <= found.difference.high
    assert 0.88 <= held / 120 <= 1.0


def test_holm_against_a_published_example_and_the_definition() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()
    assert holm([0.9, 0.8]) == (1.0, 1.0)


def test_alpha_is_krippendorffs_own_example() -> None:
    # K. Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C.
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    units = [[v for v in unit if v is not None] for unit in zip(*rows, strict=True)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(units, "interval") == pytest.approx(0.849, abs=5e-4)
    assert krippendorff_alpha([[1, 1], [1, 1]]) is None
    assert krippendorff_alpha([[1], [2]]) is None


def test_kappa_is_the_textbook_example() -> None:
    # J. Cohen (1960): 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no gives 0.4.
    one = ["y"] * 25 + ["n"] * 25
    other = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa(["y"], ["y"]) is None


def test_power_is_what_simulation_gives() -> None:
    scatter = Scatter(within=0.4, between=0.15)
    generator = np.random.default_rng(5)
    truth = generator.normal(0.2, 0.15, (2000, 20))
    arms = generator.normal(0, 0.4, (2, 2000, 20, 3)).mean(axis=3)
    shown = scipy.stats.ttest_1samp(truth + arms[0] - arms[1], 0, axis=1).pvalue < 0.05
    assert power(0.2, scatter, 20, 3) == pytest.approx(shown.mean(), abs=0.03)


def test_the_advised_size_is_the_smallest_that_is_enough() -> None:
    scatter = rate_scatter(0.8, between=0.1)
    sizes = {size.trials: size for size in advise(0.1, scatter)}
    for size in sizes.values():
        assert size.power >= 0.8
        assert power(0.1, scatter, size.cases - 1, size.trials) < 0.8
    assert sizes[5].cases < sizes[1].cases
    found = minimum_detectable(sizes[3].cases, 3, scatter)
    assert found
    assert found <= 0.1001
    with pytest.raises(ValueError, match="effect of 0"):
        advise(0, scatter)


def test_the_scatter_of_what_ran_is_taken_apart() -> None:
    rng = random.Random(2)
    a = {str(at): [rng.gauss(0, 0.5) for _ in range(6)] for at in range(300)}
    b = {case: [rng.gauss(rng.gauss(0, 0), 0.5) for _ in range(6)] for case in a}
    moved = {case: rng.gauss(0.1, 0.3) for case in a}
    b = {case: [value + moved[case] for value in some] for case, some in b.items()}
    found = seen_scatter(a, b)
    assert found
    assert found.within == pytest.approx(0.5, abs=0.03)
    assert found.between == pytest.approx(0.3, abs=0.05)
    assert seen_scatter({"x": [1]}) is None


@pytest.mark.parametrize(("shift", "word"), [
    (0.5, "better"), (-0.5, "worse"), (0.001, "equal"),
])
def test_words_follow_interval_p_and_margin(shift: float, word: str) -> None:
    rng = random.Random(1)
    a = {str(at): [rng.gauss(0, 0.01)] for at in range(30)}
    b = {case: [some[0] + shift + rng.gauss(0, 0.01)] for case, some in a.items()}
    found = paired_difference(a, b)
    assert found
    assert decide(found, margin=0.05, higher_is_better=True) == word
    opposite = {"better": "worse", "worse": "better"}.get(word, word)
    assert decide(found, margin=0.05, higher_is_better=False) == opposite
    assert not_inferior(found, margin=0.05, higher_is_better=True) == (word != "worse")
    if word != "equal":
        assert decide(found, margin=0.05, higher_is_better=True, p=0.2) == "inconclusive"


def test_trials_that_sent_and_got_the_same_bytes_have_no_sampling_noise() -> None:
    assert is_exact([["a", "a"], ["b", "b"]])
    assert not is_exact([["a", "a"], ["b", "c"]])
    assert not is_exact([])
