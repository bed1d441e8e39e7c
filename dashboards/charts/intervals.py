"""Values with their intervals, line by line: forest plots of rates, differences and ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from agentdyno.core.estimate import Estimate
from agentdyno.dashboards.charts.layers import layered
from agentdyno.dashboards.theme import NEUTRAL, SERIES, VERDICTS

ROW_PX, AXIS_PX = 26, 80
"""Height of a line and of the axis."""
NO_KIND = "–"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a forest plot."""

    name: str
    """What stands at the left."""
    value: float
    low: float
    high: float
    told: str
    """The numbers in words, for the tooltip: n and method too."""
    kind: str = ""
    """What decides the colour: a verdict, or a name of `kinds`."""


def line_of(name: str, estimate: Estimate, *, exact: bool = False, **more: Any) -> Line:
    """Return the line of an estimate; one that nothing scatters in has no interval."""
    value = estimate.value
    return Line(
        name=name, value=value, low=value if exact else estimate.low,
        high=value if exact else estimate.high, told=in_words(estimate, exact=exact), **more,
    )


def in_words(estimate: Estimate, *, exact: bool = False, digits: int = 3) -> str:
    """Return an estimate with all that it takes to judge it."""
    if exact:
        return f"{estimate.value:.{digits}g}, nothing scatters; n = {estimate.n}"
    return (
        f"{estimate.value:.{digits}g} [{estimate.low:.{digits}g}, {estimate.high:.{digits}g}],"
        f" {estimate.confidence:.0%}; n = {estimate.n}; {estimate.method}"
    )


def forest(
    lines: Sequence[Line], *, axis: str, reference: float | None = None,
    domain: tuple[float, float] | None = None, percent: bool = False, log: bool = False,
    kinds: Sequence[str] = (),
) -> alt.LayerChart:
    """Return a forest plot: one line for each of `lines`, in their order.

    Args:
        axis: what the values are.
        reference: where nothing differs: 0 for differences, 1 for ratios.
        domain: ends of the axis.
        percent: whether values are shares.
        log: whether the axis is logarithmic, as ratios want it.
        kinds: names that `Line.kind` takes, each with a colour of its own; verdicts without.
    """
    data = pd.DataFrame([vars_of(line) for line in lines])
    if log and not domain:
        # Left to itself a logarithmic axis reaches to the next power of ten.
        ends = [reference or 1.0, *(end for line in lines for end in (line.low, line.high))]
        domain = (min(ends) / 1.05, max(ends) * 1.05)
    more: dict[str, Any] = {"domain": domain} if domain else {"nice": True}
    scale = alt.Scale(**({"type": "log"} if log else {"zero": False}), **more)
    x_axis = alt.Axis(format="%" if percent else "~g")
    x, low = (alt.X(f"{name}:Q", title=axis, scale=scale, axis=x_axis) for name in ("value", "low"))
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(
        labelLimit=260, labelOverlap=False, labelFlush=False))
    colour = _colour(kinds, {line.kind or NO_KIND for line in lines})
    base = alt.Chart(data).encode(y=y, tooltip=[
        alt.Tooltip("name:N", title="arm"), alt.Tooltip("told:N", title=axis),
        alt.Tooltip("kind:N", title="kind" if kinds else "verdict"),
    ])
    layers = [
        base.mark_rule(strokeWidth=2).encode(x=low, x2="high:Q", color=colour),
        base.mark_point(filled=True, size=90, opacity=1).encode(x=x, color=colour),
    ]
    if reference is not None:
        rule = alt.Chart(data).mark_rule(strokeDash=[4, 4], color=NEUTRAL)
        layers.insert(0, rule.encode(x=alt.datum(reference)))
    # A number and not a step, which would keep the chart from filling its place.
    return layered(*layers).properties(
        height=ROW_PX * len({line.name for line in lines}) + AXIS_PX
    )


def vars_of(line: Line) -> dict[str, Any]:
    """Return a line as a row of data."""
    return {"name": line.name, "value": line.value, "low": line.low, "high": line.high,
            "told": line.told, "kind": line.kind or NO_KIND}


def _colour(kinds: Sequence[str], seen: set[str]) -> Any:
    if kinds:
        return alt.Color("kind:N", title=None, scale=alt.Scale(
            domain=list(kinds), range=[SERIES[n % len(SERIES)] for n in range(len(kinds))]))
    known = [kind for kind in VERDICTS if kind in seen]
    if not known:
        return alt.value(SERIES[0])
    rest = sorted(seen - set(known))
    return alt.Color("kind:N", title=None, scale=alt.Scale(
        domain=[*known, *rest], range=[*(VERDICTS[kind] for kind in known), *[NEUTRAL] * len(rest)]
    ))
