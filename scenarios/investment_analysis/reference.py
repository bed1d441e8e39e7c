"""What the figures of the answer must be, computed from the raw prices and nothing else.

The formulas are written anew, and on purpose in another way than in the tools: growth by
logarithms, deviations and correlation from sums, the drawdown by looking at every pair of months.
"""

import csv
import math
from datetime import datetime
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path


def _file() -> Path:
    """The package's own data file; importing the package would import pandas for nothing."""
    found = find_spec("vega_datasets")
    assert found
    assert found.origin
    return Path(found.origin).parent / "_data" / "stocks.csv"


def _prices(symbol: str, start: str, end: str) -> list[float]:
    """Monthly prices of `symbol` from `start` to `end`, both YYYY-MM and inclusive."""
    with open(_file(), encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["symbol"] == symbol]
    dated = [(f"{datetime.strptime(row['date'], '%b %d %Y'):%Y-%m}", row["price"]) for row in rows]
    return [float(price) for month, price in sorted(dated) if start <= month <= end]


def _returns(prices: list[float]) -> list[float]:
    return [(after - before) / before for before, after in pairwise(prices)]


def _annual_deviation_pct(returns: list[float]) -> float:
    n = len(returns)
    variance = (math.fsum(r * r for r in returns) - math.fsum(returns) ** 2 / n) / (n - 1)
    return 100 * math.sqrt(12 * variance)


def cagr_pct(symbol: str, start: str, end: str) -> float:
    """Compound annual growth rate in per cent."""
    prices = _prices(symbol, start, end)
    years = (len(prices) - 1) / 12
    return 100 * math.expm1((math.log(prices[-1]) - math.log(prices[0])) / years)


def volatility_pct(symbol: str, start: str, end: str) -> float:
    """Annualised sample standard deviation of monthly simple returns, in per cent."""
    return _annual_deviation_pct(_returns(_prices(symbol, start, end)))


def max_drawdown_pct(symbol: str, start: str, end: str) -> float:
    """Deepest fall from any month to any later one, in per cent (negative)."""
    prices = _prices(symbol, start, end)
    worst = min(low / high for at, high in enumerate(prices) for low in prices[at:])
    return 100 * (worst - 1)


def correlation(one: str, other: str, start: str, end: str) -> float:
    """Pearson's correlation of monthly simple returns."""
    x, y = (_returns(_prices(symbol, start, end)) for symbol in (one, other))
    n = len(x)
    xy = n * math.fsum(a * b for a, b in zip(x, y, strict=True)) - math.fsum(x) * math.fsum(y)
    xx = n * math.fsum(a * a for a in x) - math.fsum(x) ** 2
    yy = n * math.fsum(b * b for b in y) - math.fsum(y) ** 2
    return xy / math.sqrt(xx * yy)


def pair_volatility_pct(one: str, other: str, start: str, end: str) -> float:
    """Annualised volatility of half and half, rebalanced monthly: the pair's own return series."""
    x, y = (_returns(_prices(symbol, start, end)) for symbol in (one, other))
    return _annual_deviation_pct([(a + b) / 2 for a, b in zip(x, y, strict=True)])
