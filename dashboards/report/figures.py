"""Charts of the report as SVG: drawn by Vega itself, without a browser, by vl-convert."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from agentdyno.dashboards.report.contents import Findings


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One chart."""

    title: str
    text: str
    """What it shows and how to read it."""
    svg: Markup


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A chart that is to be drawn."""

    title: str
    text: str
    chart: str
    """Name in `pen.CHARTS`."""
    data: dict[str, Any]
    """Arguments of that chart, fit for JSON."""


def planned(found: Findings) -> tuple[Planned, ...]:
    """Return the charts that a run has something to show in."""
    return ()
