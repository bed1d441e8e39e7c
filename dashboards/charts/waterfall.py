"""Waterfalls of a trial's time: all of it in lanes by agent, and a part of it call by call."""

from collections.abc import Iterator, Sequence

import altair as alt
import pandas as pd

from agentdyno.dashboards import theme
from agentdyno.dashboards.text import shorten
from agentdyno.dashboards.trials.waterfall import Bar

COLOURS = {
    "model": theme.SERIES[0], "tool": theme.SERIES[1], "memory": theme.SERIES[2],
    "waiting": theme.SERIES[3], "backoff": theme.SERIES[4],
}
"""Colours of what takes time; `waiting` is for people, `backoff` the gateway's own."""
_TEXT = 60
_PIXELS = 500
"""Parts of the whole time: no bar is drawn shorter than one, for most calls take less."""


def lanes(bars: Sequence[Bar]) -> alt.Chart:
    """Return where time went, one lane per agent in the order in which they began."""
    order = [
        shorten(lane) for lane in
        dict.fromkeys(bar.lane for bar in sorted(bars, key=lambda bar: bar.started_s))
    ]
    rows = [{**row, "row": row["agent"]} for row in _rows(bars)]
    return _chart(rows, order, step=34)


def calls(bars: Sequence[Bar], numbers: Sequence[int]) -> alt.Chart:
    """Return one line per call, in the order given; `numbers` are its events."""
    # The number makes each line its own: two calls may say the same.
    rows = [
        {**row, "row": shorten(f"{number} {bar.lane}: {bar.title}", _TEXT)}
        for row, bar, number in zip(_rows(bars), bars, numbers, strict=True)
    ]
    return _chart(rows, [str(row["row"]) for row in rows], step=20)


def _rows(bars: Sequence[Bar]) -> Iterator[dict[str, object]]:
    begin, end = min(bar.started_s for bar in bars), max(bar.ended_s for bar in bars)
    least = (end - begin) / _PIXELS
    for bar in bars:
        yield {
            "from": bar.started_s, "drawn": max(bar.ended_s, bar.started_s + least),
            "kind": bar.kind, "agent": shorten(bar.lane), "what": shorten(bar.title),
            "failed": bar.failed, "ms": 1000 * (bar.ended_s - bar.started_s),
        }


def _chart(rows: Sequence[dict[str, object]], order: Sequence[str], *, step: int) -> alt.Chart:
    kinds = [kind for kind in COLOURS if any(row["kind"] == kind for row in rows)]
    # Labels of rows are texts of models: a field, never a title, so that nothing is read in them.
    chart: alt.Chart = alt.Chart(pd.DataFrame(list(rows))).mark_bar(strokeWidth=2).encode(
        x=alt.X("from:Q", title="seconds from the trial's start", axis=alt.Axis(tickCount=10)),
        x2="drawn:Q",
        y=alt.Y("row:N", sort=list(order), title=None,
                axis=alt.Axis(labelLimit=420, labelOverlap=False)),
        color=alt.Color("kind:N", title=None, legend=alt.Legend(orient="top"),
                        scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds])),
        stroke=alt.condition("datum.failed", alt.value(theme.BAD), alt.value(None)),
        tooltip=[alt.Tooltip("agent:N"), alt.Tooltip("what:N"), alt.Tooltip("kind:N"),
                 alt.Tooltip("from:Q", format=".4f", title="from, s"),
                 alt.Tooltip("ms:Q", format=",.2f", title="took, ms")],
    ).properties(height=alt.Step(step), width="container")
    return chart
