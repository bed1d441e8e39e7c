"""The interval of a median covers as often as it says."""

from statistics import NormalDist, median

import numpy as np
import pytest

from agentdyno.evals.statistics.medians import median_of


def test_of_no_values_there_is_no_median() -> None:
    assert median_of([]) is None


def test_few_values_reach_from_end_to_end_and_say_how_little_that_covers() -> None:
    found = median_of([3.0, 1.0, 2.0])
    assert found is not None
    assert (found.value, found.low, found.high, found.n) == (2.0, 1.0, 3.0, 3)
    assert found.confidence == pytest.approx(0.75)


@pytest.mark.parametrize(("n", "place"), [(9, 1), (20, 5), (100, 39)])
def test_the_places_are_those_of_the_tables(n: int, place: int) -> None:
    found = median_of([float(value) for value in range(n)])
    assert found is not None
    assert (found.low, found.high) == (place, n - 1 - place)
    assert found.value == median(range(n))
    assert found.confidence >= 0.95


def test_it_covers_the_true_median_of_a_skewed_distribution() -> None:
    drawn = np.random.default_rng(3).lognormal(0, 1, size=(2000, 15))
    hits = sum(
        found.low <= 1.0 <= found.high for row in drawn.tolist()
        if (found := median_of(row)) is not None
    )
    least = 0.95 - NormalDist().inv_cdf(0.999) * (0.95 * 0.05 / 2000) ** 0.5
    assert hits / 2000 >= least
