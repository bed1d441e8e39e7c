"""What metrics are called on the page."""

_WORDS = {
    "wall_s": "seconds", "cpu_s": "CPU seconds", "first_token_s": "seconds to the first token",
    "cost_usd": "US dollars", "passed": "pass rate",
}


def words(metric: str) -> str:
    """Return a metric in words, with its unit."""
    return _WORDS.get(metric, metric.replace("_", " "))
