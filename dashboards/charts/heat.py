"""Scenario by runner: how often each arm passed where."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd

from agentdyno.dashboards.charts.layers import layered
from agentdyno.dashboards.theme import SCALE, over

ROW_PX, COLUMN_PX = 46, 128
_WIDEST = 7
"""Columns that a page is wide."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """One cell of a heat map."""

    row: str
    column: str
    value: float | None
    """From 0 to 1; None where there is nothing to tell, in grey."""
    text: str
    """What stands in it, lines separated by a newline."""
    told: str
    """All that there is to say, for the tooltip."""


def heat_map(squares: Sequence[Square]) -> alt.LayerChart:
    """Return a heat map, rows and columns in the order of `squares`.

    Where there are more columns than a page is wide, and fewer rows, the two change places.
    """
    # The colours of a cell are chosen here, so that its text can be read on each of them.
    data = pd.DataFrame([
        {"row": s.row, "column": s.column, "text": s.text, "told": s.told,
         "fill": colour(s.value), "ink": over(colour(s.value))} for s in squares
    ])
    down, across = "row", "column"
    rows, columns = (list(dict.fromkeys(data[name])) for name in (down, across))
    if len(rows) < len(columns) > _WIDEST:
        (down, rows), (across, columns) = (across, columns), (down, rows)
    flat = len(columns) <= _WIDEST
    base = alt.Chart(data).encode(
        x=alt.X(f"{across}:N", title=None, sort=columns, axis=alt.Axis(
            orient="top", labelAngle=0 if flat else -40, labelLimit=180, labelOverlap=False,
            labelFlush=False)),
        y=alt.Y(f"{down}:N", title=None, sort=rows, axis=alt.Axis(
            labelLimit=260, labelOverlap=False, labelFlush=False)),
        tooltip=[alt.Tooltip("row:N", title="scenario"), alt.Tooltip("column:N", title="arm"),
                 alt.Tooltip("told:N", title="passed")],
    )
    return layered(
        base.mark_rect(stroke="#80808040").encode(fill=alt.Fill("fill:N", scale=None)),
        base.mark_text(lineBreak="\n", fontSize=12, baseline="middle", dy=-6).encode(
            text="text:N", color=alt.Color("ink:N", scale=None)),
    ).properties(
        # Numbers and not steps: the chart is fitted with its labels into them.
        height=ROW_PX * len(rows) + (50 if flat else 110),
        width=COLUMN_PX * len(columns) + min(260, 20 + 7 * max(map(len, rows))),
    )


def colour(value: float | None) -> str:
    """Return the colour of a share: between the steps of the scale by a straight line."""
    if value is None:
        return "#8a919b"
    place = min(max(value, 0.0), 1.0) * (len(SCALE) - 1)
    low = min(int(place), len(SCALE) - 2)
    parts = [
        round(_part(SCALE[low], at) + (place - low) * (_part(SCALE[low + 1], at)
                                                       - _part(SCALE[low], at)))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _part(colour: str, at: int) -> int:
    return int(colour[at : at + 2], 16)
