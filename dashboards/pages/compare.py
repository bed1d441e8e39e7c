"""Runners and variants side by side: filters, then one of six views."""

from agentdyno.dashboards import frame, links
from agentdyno.dashboards.comparing import (
    data,
    differences,
    distributions,
    filters,
    rates,
    recovery,
    tax,
    tradeoffs,
)

VIEWS = {
    "Rates": rates.view, "Differences": differences.view, "Trade-offs": tradeoffs.view,
    "Distributions": distributions.view, "Framework tax": tax.view, "Recovery": recovery.view,
}


def page() -> None:
    """Show the comparison."""
    frame.header("Compare", "Runners and variants side by side, each number with its interval.")
    every = data.cells()
    if not every:
        frame.empty("Nothing has been run yet.", "agentdyno run investment_analysis")
        return
    selection = filters.choose(every)
    view = links.choose_section("View", list(VIEWS), "view")
    if not selection.cells and view != "Recovery":
        frame.empty("No trial fits these filters.", "agentdyno run SCENARIO --runner NAME")
        return
    VIEWS[view](selection)
