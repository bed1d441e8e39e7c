"""Market: quotes and figures from monthly prices of AAPL, AMZN, GOOG, IBM and MSFT, 2000 to 2010.

With prices p0..pn over n monthly steps and simple returns r_i = p_i / p_(i-1) - 1:

    total_return_pct  100 (pn / p0 - 1)
    years             n / 12
    cagr_pct          100 ((pn / p0)^(1 / years) - 1)
    volatility_pct    100 sqrt(12) s, s the sample standard deviation (n - 1) of r
    correlation       Pearson's coefficient of r, over the dates that all symbols have
    max_drawdown_pct  100 min over i of (p_i / max(p_0..p_i) - 1)

Percentages are rounded to 2 decimals, correlations and years to 4. Prices are in USD, adjusted for
splits and dividends, dated on the first of their month.
"""

import math
import statistics
from datetime import date
from functools import cache
from itertools import combinations
from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess
from agentdyno.tools.servers.prices import (
    Series,
    load_prices,
    parse_day,
    simple_returns,
    window,
)

Args = dict[str, Any]
_prices = cache(load_prices)


def _series(symbol: str) -> Series:
    series = _prices().get(symbol.strip().upper())
    if series is None:
        raise ToolError(f"Unknown symbol {symbol!r}. Known symbols: {', '.join(_prices())}.")
    return series


def _day(arguments: Args, key: str) -> date | None:
    if key not in arguments:
        return None
    try:
        return parse_day(str(arguments[key]))
    except ValueError:
        raise ToolError(f"{key}: {arguments[key]!r} is not a date such as 2005-01.") from None


def _window(arguments: Args, symbol: str, least: int) -> Series:
    """Return the prices between the call's dates; an error when fewer than `least` are left."""
    everything = _series(symbol)
    series = window(everything, _day(arguments, "start"), _day(arguments, "end"))
    if len(series) < least:
        raise ToolError(
            f"{symbol.upper()} has {len(series)} monthly prices there, {least} are needed. "
            f"Its prices run from {everything[0][0]} to {everything[-1][0]}."
        )
    return series


def _span(series: Series) -> dict[str, str]:
    return {"start": str(series[0][0]), "end": str(series[-1][0])}


def _head(arguments: Args, series: Series) -> dict[str, str]:
    return {"symbol": arguments["symbol"].strip().upper()} | _span(series)


def list_symbols(_: State, __: Args) -> dict[str, Any]:
    """Return every symbol with the span of its prices."""
    return {
        "symbols": [
            {"symbol": symbol, "first": str(s[0][0]), "last": str(s[-1][0]), "months": len(s)}
            for symbol, s in _prices().items()
        ],
        "frequency": "monthly", "currency": "USD",
    }


def quote(_: State, arguments: Args) -> dict[str, Any]:
    """Return the last price on or before a date."""
    everything = _series(arguments["symbol"])
    series = window(everything, None, _day(arguments, "date"))
    if not series:
        raise ToolError(f"There is no price of that symbol before {everything[0][0]}.")
    day, price = series[-1]
    return {"symbol": arguments["symbol"].strip().upper(), "date": str(day), "price": price}


def history(_: State, arguments: Args) -> dict[str, Any]:
    """Return the prices of a window."""
    series = _window(arguments, arguments["symbol"], 1)
    prices = [[str(day), price] for day, price in series]
    return _head(arguments, series) | {"months": len(series), "prices": prices}


def returns(_: State, arguments: Args) -> dict[str, Any]:
    """Return the total return and the compound annual growth rate of a window."""
    series = _window(arguments, arguments["symbol"], 2)
    first, last, years = series[0][1], series[-1][1], (len(series) - 1) / 12
    return _head(arguments, series) | {
        "start_price": first, "end_price": last, "years": round(years, 4),
        "total_return_pct": round(100 * (last / first - 1), 2),
        "cagr_pct": round(100 * ((last / first) ** (1 / years) - 1), 2),
    }


def volatility(_: State, arguments: Args) -> dict[str, Any]:
    """Return the annualised volatility of a window."""
    series = _window(arguments, arguments["symbol"], 3)
    monthly = simple_returns(series)
    return _head(arguments, series) | {
        "months": len(monthly),
        "volatility_pct": round(100 * math.sqrt(12) * statistics.stdev(monthly), 2),
        "method": "sample standard deviation of monthly simple returns, times sqrt(12)",
    }


def correlation(_: State, arguments: Args) -> dict[str, Any]:
    """Return the correlation of every pair of symbols over the dates that all of them have."""
    symbols = list(dict.fromkeys(symbol.strip().upper() for symbol in arguments["symbols"]))
    if len(symbols) < 2:
        raise ToolError("correlation needs at least two different symbols.")
    series = {symbol: _window(arguments, symbol, 1) for symbol in symbols}
    days = set.intersection(*({day for day, _ in s} for s in series.values()))
    shared = {k: [(day, price) for day, price in s if day in days] for k, s in series.items()}
    if len(days) < 3:
        raise ToolError(f"{', '.join(symbols)} share {len(days)} monthly prices, 3 are needed.")
    monthly = {symbol: simple_returns(s) for symbol, s in shared.items()}
    pairs = [
        {"a": a, "b": b, "correlation": round(statistics.correlation(monthly[a], monthly[b]), 4)}
        for a, b in combinations(symbols, 2)
    ]
    head = {"symbols": symbols} | _span(shared[symbols[0]])
    return head | {"months": len(days) - 1, "pairs": pairs}


def drawdown(_: State, arguments: Args) -> dict[str, Any]:
    """Return the deepest fall from an earlier peak."""
    series = _window(arguments, arguments["symbol"], 2)
    high = peak = trough = series[0]
    for point in series:
        if point[1] > high[1]:
            high = point
        if point[1] / high[1] < trough[1] / peak[1]:
            peak, trough = high, point
    return _head(arguments, series) | {
        "max_drawdown_pct": round(100 * (trough[1] / peak[1] - 1), 2),
        "peak_date": str(peak[0]), "peak_price": peak[1],
        "trough_date": str(trough[0]), "trough_price": trough[1],
    }


_SYMBOL = {"symbol": {"type": "string", "description": "Such as AAPL."}}
_WINDOW = {
    "start": {"type": "string", "description": "YYYY-MM or YYYY-MM-DD; default: the first price."},
    "end": {"type": "string", "description": "YYYY-MM or YYYY-MM-DD; default: the last price."},
}
_SYMBOLS = {"symbols": {
    "type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 5,
    "description": "Two to five symbols.",
}}
_OPEN = frozenset(_WINDOW)
TOOLS = (
    Tool(name="list_symbols", run=list_symbols,
         description="List the shares with the dates of their monthly prices."),
    Tool(name="quote", run=quote, optional=frozenset({"date"}),
         description="Price of a share: the last monthly price on or before a date.",
         parameters=_SYMBOL | {"date": {
             "type": "string", "description": "YYYY-MM or YYYY-MM-DD; default: the last price."}}),
    Tool(name="history", run=history, optional=_OPEN, parameters=_SYMBOL | _WINDOW,
         description="Monthly prices of a share."),
    Tool(name="returns", run=returns, optional=_OPEN, parameters=_SYMBOL | _WINDOW,
         description="Total return and compound annual growth rate (CAGR), in per cent."),
    Tool(name="volatility", run=volatility, optional=_OPEN, parameters=_SYMBOL | _WINDOW,
         description="Annualised volatility of a share, in per cent, from monthly simple returns."),
    Tool(name="correlation", run=correlation, optional=_OPEN, parameters=_SYMBOLS | _WINDOW,
         description="Pearson correlation of monthly returns, for every pair of the given shares."),
    Tool(name="drawdown", run=drawdown, optional=_OPEN, parameters=_SYMBOL | _WINDOW,
         description="Deepest fall of a share from an earlier peak, in per cent (negative)."),
)

if __name__ == "__main__":
    ToolProcess("market", TOOLS).serve()
