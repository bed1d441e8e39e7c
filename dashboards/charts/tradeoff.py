"""Quality against what it takes: every arm with its intervals, and the arms that nobody beats."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from agentdyno.core.estimate import Estimate
from agentdyno.dashboards.charts.intervals import in_words
from agentdyno.dashboards.charts.layers import layered
from agentdyno.dashboards.theme import NEUTRAL, SAME


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One arm."""

    arm: str
    passed: Estimate
    cost: Estimate
    """On whatever `axis` says."""
    on_front: bool
    """Whether nobody beats it."""


def trade_off(spots: Sequence[Spot], *, axis: str) -> alt.LayerChart:
    """Return a chart of quality against cost; arms on the front are joined by steps."""
    data = pd.DataFrame([
        {"arm": s.arm, "passed": s.passed.value, "p_low": s.passed.low, "p_high": s.passed.high,
         "cost": s.cost.value, "c_low": s.cost.low, "c_high": s.cost.high,
         "front": "on the front" if s.on_front else "beaten",
         "p_told": in_words(s.passed), "c_told": in_words(s.cost)} for s in spots
    ])
    colour = alt.Color("front:N", title=None, scale=alt.Scale(
        domain=["on the front", "beaten"], range=[SAME, NEUTRAL]))
    y = alt.Y("passed:Q", title="passed", scale=alt.Scale(domain=(0, 1)),
              axis=alt.Axis(format="%"))
    x = alt.X("cost:Q", title=axis, scale=alt.Scale(zero=False))
    base = alt.Chart(data).encode(tooltip=[
        "arm:N", alt.Tooltip("p_told:N", title="passed"), alt.Tooltip("c_told:N", title=axis)])
    return layered(
        base.transform_filter("datum.front == 'on the front'").mark_line(
            interpolate="step-after", strokeDash=[3, 3], color=SAME).encode(x=x, y=y),
        base.mark_rule(strokeWidth=1.5).encode(x=x, y=alt.Y("p_low:Q", title="passed"),
                                               y2="p_high:Q", color=colour),
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("c_low:Q", title=axis), x2="c_high:Q", y=y,
                                               color=colour),
        base.mark_point(filled=True, size=110, opacity=1).encode(x=x, y=y, color=colour,
                                                                 shape=alt.Shape("front:N",
                                                                                 title=None)),
        base.mark_text(dx=9, dy=-9, align="left", fontSize=12).encode(
            x=x, y=y, text="arm:N", color=colour),
    ).properties(height=380)
