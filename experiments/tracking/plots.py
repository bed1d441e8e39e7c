"""The plots of a matrix as one SVG: means with their intervals, a panel per metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import vl_convert

from agentdyno.experiments.tracking.cells import Cell

PLOTTED: Mapping[str, str] = {
    "passed": "share of trials that pass", "model_calls": "model calls per trial",
    "prompt_tokens": "prompt tokens per trial", "cost_usd": "US dollars per trial",
    "wall_s": "seconds per trial",
}
"""Metric -> title of its axis."""
_LONGEST_LABEL = 420


def forest(cells: Sequence[Cell], metrics: Mapping[str, Mapping[str, float]]) -> str:
    """Return means with their 95 % intervals as SVG.

    Args:
        cells: the cells of one scenario.
        metrics: numbers by the key of the cell.
    """
    # All at once: the engine behind it takes longer to start than to draw.
    drawn: str = vl_convert.vegalite_to_svg({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": "mean and 95 % interval", "background": "white",
        "vconcat": [
            _panel(metric, points) for metric in PLOTTED
            if (points := _points(metric, cells, metrics))
        ],
    })
    return drawn


def _points(
    metric: str, cells: Sequence[Cell], metrics: Mapping[str, Mapping[str, float]]
) -> list[dict[str, Any]]:
    return [
        {"cell": cell.name, "value": own[metric], "low": own.get(f"{metric}.low", own[metric]),
         "high": own.get(f"{metric}.high", own[metric])}
        for cell in cells if metric in (own := metrics[cell.key])
    ]


def _panel(metric: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    y = {"field": "cell", "type": "nominal", "sort": None, "title": None,
         "axis": {"labelLimit": _LONGEST_LABEL}}
    scale = {"domain": [0, 1]} if metric == "passed" else {"zero": True}
    x = {"field": "value", "type": "quantitative", "title": PLOTTED[metric], "scale": scale}
    return {
        "width": 420, "height": {"step": 26}, "data": {"values": points}, "encoding": {"y": y},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2},
             "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}}},
            {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
             "encoding": {"x": x}},
        ],
    }
