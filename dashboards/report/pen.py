"""The process that draws: JSON of charts on standard input, JSON of SVG texts on standard output.

Vega runs inside vl-convert, with no network and no files: the data stand in the chart.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import altair as alt
import vl_convert

from agentdyno.core.estimate import Estimate
from agentdyno.dashboards.charts.heat import Square, heat_map
from agentdyno.dashboards.charts.intervals import Line, forest
from agentdyno.dashboards.charts.spread import spread
from agentdyno.dashboards.charts.tradeoff import Spot, trade_off

_WIDTH_PX = 760
_CONFIG = {
    # Vega measures with a font of its own; where the reader has a wider one, labels need room.
    "font": "Arial, Helvetica, Liberation Sans, sans-serif", "background": "white",
    "padding": {"left": 30, "right": 30, "top": 5, "bottom": 5},
}


def main() -> int:
    """Draw what is asked for and return the exit code."""
    # Vega's own start takes more than a second, which passes while the caller still reads.
    warm = threading.Thread(target=_warm)
    warm.start()
    asked = json.load(sys.stdin)
    warm.join()
    json.dump([svg(CHARTS[one["chart"]](**one["data"])) for one in asked], sys.stdout)
    return 0


def svg(chart: alt.TopLevelMixin) -> str:
    """Return a chart as SVG."""
    return vl_convert.vegalite_to_svg(chart.to_dict(), config=_CONFIG, allowed_base_urls=[])


def _heat(squares: list[dict[str, Any]]) -> alt.LayerChart:
    return heat_map([Square(**one) for one in squares])


def _forest(lines: list[dict[str, Any]], **how: Any) -> alt.LayerChart:
    if how.get("domain"):
        how["domain"] = tuple(how["domain"])
    return forest([Line(**one) for one in lines], **how).properties(width=_WIDTH_PX)


def _trade_off(spots: list[dict[str, Any]], axis: str) -> alt.LayerChart:
    rows = [
        Spot(arm=one["arm"], on_front=one["on_front"], passed=Estimate(**one["passed"]),
             cost=Estimate(**one["cost"]))
        for one in spots
    ]
    return trade_off(rows, axis=axis).properties(width=_WIDTH_PX)


def _spread(values: dict[str, list[float]], axis: str) -> alt.LayerChart:
    return spread(values, axis=axis).properties(width=_WIDTH_PX)


def _warm() -> None:
    vl_convert.vegalite_to_svg({"mark": "point", "data": {"values": []}})


CHARTS: Mapping[str, Callable[..., alt.TopLevelMixin]] = {
    "heat": _heat, "forest": _forest, "trade_off": _trade_off, "spread": _spread,
}
"""By name, what takes the data of a planned figure and gives the dashboard's own chart."""

if __name__ == "__main__":
    sys.exit(main())
