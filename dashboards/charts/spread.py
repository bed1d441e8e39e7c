"""How values spread: a strip of trials and their quartiles, arm by arm."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from agentdyno.dashboards.charts.layers import layered
from agentdyno.dashboards.theme import SERIES
from agentdyno.experiments.measured import quantile

MOST = 5_000
"""Trials that are drawn; of more a sample of this size, since a browser has to draw each."""
ROW_PX = 46


def sample(values: Mapping[str, Sequence[float]], most: int = MOST) -> dict[str, list[float]]:
    """Return at most `most` values of all arms together, of each arm the same share, drawn with a
    fixed seed."""
    total = sum(map(len, values.values()))
    if total <= most:
        return {arm: list(some) for arm, some in values.items()}
    drawn = random.Random(0)  # noqa: S311 dots on a chart, not a secret
    return {
        arm: drawn.sample(list(some), max(1, len(some) * most // total)) if some else []
        for arm, some in values.items()
    }


def spread(values: Mapping[str, Sequence[float]], *, axis: str) -> alt.LayerChart:
    """Return strips of (a sample of) the values with quartiles, median and 5th to 95th percentile
    of all of them."""
    points = pd.DataFrame([
        {"arm": arm, "value": value, "jitter": n * 0.618 % 1}
        for arm, some in sample(values).items() for n, value in enumerate(some)
    ])
    boxes = pd.DataFrame([
        {"arm": arm, "n": len(some),
         **{name: quantile(some, share) for name, share in
            (("p5", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95))}}
        for arm, some in values.items() if some
    ])
    arms = list(values)
    y = alt.Y("arm:N", title=None, sort=arms, axis=alt.Axis(labelLimit=260, labelFlush=False))
    colour = alt.Color("arm:N", legend=None, scale=alt.Scale(
        domain=arms, range=[SERIES[n % len(SERIES)] for n in range(len(arms))]))
    told: list[Any] = ["arm:N", "n:Q", *(alt.Tooltip(f"{name}:Q", format=".4~g")
                              for name in ("p5", "p25", "p50", "p75", "p95"))]
    box = alt.Chart(boxes).encode(y=y, tooltip=told)
    x: dict[str, Any] = {"title": axis, "scale": alt.Scale(zero=False)}
    return layered(
        alt.Chart(points).mark_circle(size=16, opacity=0.45).encode(
            x=alt.X("value:Q", **x), y=y, color=colour,
            yOffset=alt.YOffset("jitter:Q", scale=alt.Scale(domain=(-0.2, 1.2)))),
        box.mark_rule(strokeWidth=1.5, color="#7a8696").encode(x=alt.X("p5:Q", **x), x2="p95:Q"),
        box.mark_bar(height=16, fillOpacity=0.25, strokeWidth=1.5, stroke="#7a8696").encode(
            x=alt.X("p25:Q", **x), x2="p75:Q", color=colour),
        box.mark_tick(thickness=3, height=22, color="#7a8696").encode(x=alt.X("p50:Q", **x)),
    ).properties(height=ROW_PX * len(arms) + 60)
