"""Waterfalls of a trial's time: all of it in lanes by agent, and a part of it call by call."""

from collections.abc import Sequence

import altair as alt

from agentdyno.dashboards import theme
from agentdyno.dashboards.text import shorten
from agentdyno.dashboards.trials.waterfall import Bar

COLOURS = {
    "model": theme.SERIES[0], "tool": theme.SERIES[1], "memory": theme.SERIES[2],
    "waiting": theme.SERIES[3], "backoff": theme.SERIES[4],
}
"""Colours of what takes time; `waiting` is for people, `backoff` the gateway's own."""
_TEXT = 60


def lanes(bars: Sequence[Bar]) -> alt.Chart:
    """Return where time went, one lane per agent in the order in which they began."""
    order = list(dict.fromkeys(bar.lane for bar in sorted(bars, key=lambda bar: bar.started_s)))
    rows = [{**_row(bar), "row": bar.lane} for bar in bars]
    return _chart(rows, order, height=max(120, 34 * len(order) + 40))


def calls(bars: Sequence[Bar], numbers: Sequence[int]) -> alt.Chart:
    """Return one line per call, in the order given; `numbers` are its events."""
    # The number makes each line its own: two calls may say the same.
    rows = [
        {**_row(bar), "row": shorten(f"{number} {bar.lane}: {bar.title}", _TEXT)}
        for bar, number in zip(bars, numbers, strict=True)
    ]
    return _chart(rows, [row["row"] for row in rows], height=max(120, 18 * len(rows) + 40))


def _row(bar: Bar) -> dict[str, object]:
    return {
        "from": bar.started_s, "to": max(bar.ended_s, bar.started_s), "kind": bar.kind,
        "agent": shorten(bar.lane), "what": shorten(bar.title), "failed": bar.failed,
        "ms": 1000 * (bar.ended_s - bar.started_s),
    }


def _chart(rows: Sequence[dict[str, object]], order: Sequence[str], *, height: int) -> alt.Chart:
    kinds = [kind for kind in COLOURS if any(row["kind"] == kind for row in rows)]
    # Labels of rows are texts of models: a field, never a title, so that nothing is read in them.
    return alt.Chart(alt.Data(values=list(rows))).mark_bar(
        height={"band": 0.7}, minBandSize=3, strokeWidth=1.5
    ).encode(
        x=alt.X("from:Q", title="seconds from the trial's start"),
        x2="to:Q",
        y=alt.Y("row:N", sort=list(order), title=None,
                axis=alt.Axis(labelLimit=420, labelOverlap=False)),
        color=alt.Color("kind:N", title=None, legend=alt.Legend(orient="top"),
                        scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds])),
        stroke=alt.condition("datum.failed", alt.value(theme.BAD), alt.value(None)),
        tooltip=[alt.Tooltip("agent:N"), alt.Tooltip("what:N"), alt.Tooltip("kind:N"),
                 alt.Tooltip("from:Q", format=".3f", title="from, s"),
                 alt.Tooltip("ms:Q", format=",.1f", title="took, ms")],
    ).properties(height=height, width="container")
