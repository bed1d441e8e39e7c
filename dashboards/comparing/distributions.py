"""View *Distributions*: how a quantity spreads over trials, arm by arm."""

import streamlit as st

from agentdyno.dashboards import frame, links
from agentdyno.dashboards.charts.intervals import in_words
from agentdyno.dashboards.charts.spread import MOST, spread
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.dashboards.comparing.words import words
from agentdyno.evals.statistics.medians import median_of
from agentdyno.experiments.measured import quantile

QUANTITIES = ("wall_s", "cpu_s", "first_token_s", "cost_usd", "prompt_tokens",
              "completion_tokens", "model_calls", "tool_calls", "coordination_tokens")


def view(selection: Selection) -> None:
    """Show one quantity of all arms."""
    metric = links.choose("Quantity", list(QUANTITIES), "quantity", shown=words) or QUANTITIES[0]
    found = data.values(selection.wanted(tuple(selection.names), 1_000_000), (metric,))
    values = {
        selection.names[arm]: [v for some in by_metric[metric].values() for v in some]
        for arm, by_metric in found.items()
    }
    values = {arm: some for arm, some in values.items() if some}
    if not values:
        frame.empty(f"No trial of these filters has {words(metric)}.",
                    "agentdyno run SCENARIO --model live --stream")
        return
    axis = f"{words(metric)} per trial"
    st.altair_chart(spread(values, axis=axis), width="stretch", key="spread",
                    alt=f"{axis}: trials, quartiles and percentiles of each arm.")
    total = sum(map(len, values.values()))
    if total > MOST:
        st.caption(f"Dots are a sample of {MOST:,} of {total:,} trials; the boxes are of all.")
    st.caption("Boxes are quartiles, lines reach from the 5th to the 95th percentile.")
    frame.table([_row(arm, some) for arm, some in values.items()], key="spread_table", plain=True)


def _row(arm: str, some: list[float]) -> dict[str, object]:
    middle = median_of(some)
    assert middle is not None, "arms without values are left out"
    return {"arm": arm, "n": len(some), "median": in_words(middle),
            **{f"p{round(100 * share)}": quantile(some, share) for share in (0.05, 0.95)}}
