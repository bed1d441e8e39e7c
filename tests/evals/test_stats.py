"""Wilson's interval against published values and against its definition."""

import pytest

from agentdyno.evals.stats import wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_values_that_newcombe_1998_published_in_table_1(
    successes: int, n: int, low: float, high: float
) -> None:
    estimate = wilson(successes, n)
    assert estimate is not None
    assert (round(estimate.low, 4), round(estimate.high, 4)) == (low, high)


def _edge(successes: int, n: int, z: float, inside: float, outside: float) -> float:
    """Bisect for the p at which the score test starts to reject."""
    share = successes / n
    for _ in range(200):
        p = (inside + outside) / 2
        accepted = (share - p) ** 2 <= z * z * p * (1 - p) / n
        inside, outside = (p, outside) if accepted else (inside, p)
    return inside


@pytest.mark.parametrize(("confidence", "z"), [(0.95, 1.959963984540054), (0.99, 2.5758293035489)])
@pytest.mark.parametrize(("successes", "n"), [(1, 1), (3, 7), (0, 5), (5, 5), (49, 50), (300, 999)])
def test_wilson_is_the_inverted_score_test(
    successes: int, n: int, confidence: float, z: float
) -> None:
    estimate = wilson(successes, n, confidence)
    assert estimate is not None
    share = successes / n
    low = _edge(successes, n, z, share, 0.0) if successes else 0.0
    high = _edge(successes, n, z, share, 1.0) if successes < n else 1.0
    assert estimate.low == pytest.approx(low, abs=1e-9)
    assert estimate.high == pytest.approx(high, abs=1e-9)
    assert estimate.low <= estimate.value <= estimate.high
    assert (estimate.n, estimate.method, estimate.confidence) == (n, "wilson", confidence)


def test_nothing_observed_has_no_estimate() -> None:
    assert wilson(0, 0) is None


@pytest.mark.parametrize(("successes", "n", "confidence"), [(2, 1, 0.95), (-1, 3, 0.95), (1, 2, 1)])
def test_impossible_counts_are_refused(successes: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        wilson(successes, n, confidence)
