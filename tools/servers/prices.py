"""Monthly prices of five real shares, from the data set `stocks` of the package vega_datasets."""

import csv
import importlib.util
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path

Series = list[tuple[date, float]]
"""Dated prices in USD, oldest first."""


def load_prices() -> dict[str, Series]:
    """Return the prices by symbol.

    The package is located but not imported: importing it loads pandas, for 560 lines of CSV.
    """
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("vega_datasets is not installed beside agentdyno")
    path = Path(spec.origin).parent / "_data" / "stocks.csv"
    prices: dict[str, Series] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            # The file has stray spaces before some symbols.
            day = datetime.strptime(row["date"], "%b %d %Y").date()
            prices.setdefault(row["symbol"].strip(), []).append((day, float(row["price"])))
    return {symbol: sorted(prices[symbol]) for symbol in sorted(prices)}


def parse_day(text: str) -> date:
    """Read `YYYY-MM-DD` or `YYYY-MM`; raises ValueError for anything else."""
    return date.fromisoformat(text if len(text) > len("2000-01") else f"{text}-01")


def window(series: Series, start: date | None, end: date | None) -> Series:
    """Return the prices from `start` to `end`, both included."""
    return [
        (day, price) for day, price in series
        if (start is None or day >= start) and (end is None or day <= end)
    ]


def simple_returns(series: Series) -> list[float]:
    """Return p_i / p_(i-1) - 1 for every price but the first."""
    return [later / earlier - 1 for (_, earlier), (_, later) in pairwise(series)]
