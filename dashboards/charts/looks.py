"""How the evidence on each variant grew, look by look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from agentdyno.dashboards import theme


@dataclass(frozen=True, kw_only=True, slots=True)
class LookPoint:
    """What one look said of one variant."""

    arm: str
    rounds: int
    """Repeats that there were by then."""
    value: float
    low: float
    high: float
    verdict: str


def looks(
    points: Sequence[LookPoint], *, axis: str, reference: float, good: float, bad: float
) -> alt.LayerChart | alt.FacetChart:
    """Return the difference of each variant to the baseline with its interval, over the repeats.

    Args:
        axis: what differs.
        reference: where nothing differs: 0 for differences, 1 for ratios.
        good: where better begins to matter.
        bad: where worse begins to matter.
    """
    # Names of variants are fields, never titles: nothing is read in them.
    rows = [
        {"variant": p.arm, "repeats": p.rounds, "value": p.value, "low": p.low, "high": p.high,
         "verdict": p.verdict}
        for p in points
    ]
    arms = list(dict.fromkeys(point.arm for point in points))
    colour = alt.Color("variant:N", title=None, legend=alt.Legend(
        orient="top", symbolType="circle", symbolOpacity=1), scale=alt.Scale(
        domain=arms, range=[theme.SERIES[n % len(theme.SERIES)] for n in range(len(arms))]))
    x = alt.X("repeats:Q", title="repeats of every case", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(zero=False))
    base = alt.Chart(_values(rows)).encode(x=x, color=colour, tooltip=[
        alt.Tooltip("variant:N"), alt.Tooltip("repeats:Q"), alt.Tooltip("verdict:N"),
        alt.Tooltip("value:Q", format="+.3f", title=axis), alt.Tooltip("low:Q", format="+.3f"),
        alt.Tooltip("high:Q", format="+.3f"),
    ])
    return alt.layer(
        _rule([reference], dash=[1, 0]), _rule([good, bad], dash=[4, 4]),
        base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", title=axis), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(filled=True, size=60, opacity=1).encode(y=y),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q", title=axis), y2="high:Q"),
    ).properties(height=280, width="container")


def _rule(values: Sequence[float], *, dash: Sequence[int]) -> alt.Chart:
    data = _values([{"at": value} for value in values])
    rule = alt.Chart(data).mark_rule(color=theme.NEUTRAL, strokeDash=list(dash))
    return rule.encode(y=alt.Y("at:Q"))  # type: ignore[no-any-return]


def _values(rows: Sequence[Mapping[str, object]]) -> alt.Data:
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]
