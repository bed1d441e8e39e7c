"""Compare: filters, views, and that no number stands without its uncertainty."""

import json
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.dashboards.stored import Page

VIEWS = ("Rates", "Differences", "Trade-offs", "Distributions", "Framework tax", "Recovery")


def test_every_view_opens_from_its_address(stored: str, open_page: Page) -> None:
    for view in VIEWS:
        page = open_page("compare", stored, view=view)
        assert not page.exception, view
        assert page.radio(key="view").value == view
        assert charts(page), view


def test_a_heat_map_has_a_square_for_each_scenario_and_arm_with_its_interval(
    stored: str, open_page: Page
) -> None:
    squares = {
        (row["row"], row["column"]): row["text"]
        for row in rows(charts(open_page("compare", stored))[0]) if "text" in row
    }
    assert squares["investment_analysis", "crewai · baseline"] == "100%\n51%–100%, n=4"
    assert squares["investment_analysis", "autogen · baseline"] == "67%\n21%–94%, n=3"
    assert squares["investment_analysis", "langgraph · brief"] == "75%\n30%–95%, n=4"


def test_only_trials_under_the_same_conditions_are_compared(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored)
    assert len(page.selectbox(key="conditions").options) == 3
    live = "openai:gpt-x, tools live, retries uniform, streamed, approver queue"
    page = open_page("compare", stored, conditions=live)
    table = rates(page)
    assert set(table["scenario"]) == {"all", "refund_chat"}
    assert list(table["cases"]) == [2] * 4


def test_filters_are_taken_from_the_address_and_leave_only_what_fits(
    stored: str, open_page: Page
) -> None:
    page = open_page("compare", stored, runner=["crewai", "langgraph"], variant="brief")
    assert page.multiselect(key="runner").value == ["crewai", "langgraph"]
    assert set(rates(page)["arm"]) == {"crewai", "langgraph"}
    page.multiselect(key="runner").set_value(["crewai"]).run()
    assert set(rates(page)["arm"]) == {"crewai"}


def test_one_run_alone_can_be_looked_at(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored)
    (name,) = [o for o in page.selectbox(key="run").options if o.startswith(made.SECOND[:8])]
    page.selectbox(key="run").set_value(name).run()
    assert set(rates(page)["arm"]) == {"crewai", "langgraph"}
    assert rates(page)["trials"].max() == 4


def test_filters_that_nothing_fits_say_what_to_run(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored, scenario="order_mail", variant="brief")
    assert "No trial fits" in page.info[0].value
    assert page.code[0].value.startswith("agentdyno run")


def test_differences_are_paired_and_say_their_verdict(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored, view="Differences", metric="prompt tokens",
                     against="crewai · baseline", arm="langgraph · baseline")
    lines = {row["name"]: row for row in rows(charts(page)[0]) if "told" in row}
    assert round(lines["langgraph · baseline"]["value"], 3) == round(2800 / 3700, 3)
    assert "Holm" in lines["langgraph · baseline"]["told"]
    (table,) = [t.value for t in page.dataframe if "verdict" in t.value]
    of = table.set_index("metric")
    assert of.loc["prompt tokens", "difference"].startswith("× 0.757 [")
    assert of.loc["pass rate", "verdict"] == "inconclusive"
    assert "check:mailed" in of.index


def test_an_arm_that_the_bench_spoiled_is_told_with_its_bounds(
    stored: str, open_page: Page
) -> None:
    page = open_page("compare", stored, view="Differences", arm="autogen · baseline")
    told = " ".join(caption.value for caption in page.caption).replace("\\", "")
    assert "only 3 of 4 trials of autogen · baseline count" in told
    assert "between 50% and 75%" in told


def test_cases_that_flipped_lead_to_two_trials(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored, view="Differences", against="crewai · baseline",
                     arm="langgraph · brief")
    links = [link for link in page.get("page_link") if "trial" in link.proto.query_string]
    assert len(links) == 2
    failing = next(t for t, _ in made.second_matrix() if any(
        verdict.status == "fail" for verdict in t.verdicts))
    assert any(failing.id in link.proto.query_string for link in links)


def test_the_front_shows_who_beats_whom(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored, view="Trade-offs", variant="baseline")
    (table,) = [t.value for t in page.dataframe if "beaten by" in t.value]
    beaten = dict(zip(table["arm"], table["beaten by"], strict=True))
    assert beaten["langgraph"] == "nobody"
    assert beaten["crewai"] == "langgraph"


def test_the_tax_is_a_ratio_to_the_leanest_arm(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored, view="Framework tax", variant="baseline")
    assert "Leanest: langgraph." in [c.value.replace("\\", "") for c in page.caption]
    lines = {row["name"]: row["value"] for row in rows(charts(page)[0]) if "told" in row}
    assert round(lines["crewai"], 3) == round(3700 / 2800, 3)


def test_the_recovery_matrix_says_who_got_over_which_fault(stored: str, open_page: Page) -> None:
    page = open_page("compare", stored, view="Recovery")
    squares = {
        (row["row"], row["column"]): row["text"] for row in rows(charts(page)[0]) if "text" in row
    }
    assert squares["model_http_500", "crewai 1.15.30"] == "1/1\n21%–100%"
    assert squares["model_http_500", "langgraph 1.2.22"] == "0/1\n0%–79%"


def charts(page: AppTest) -> list[dict[str, Any]]:
    """Return the Vega-Lite specifications of a page's charts with their data."""
    found = []
    for element in page.get("vega_lite_chart") or page.get("arrow_vega_lite_chart"):
        spec = json.loads(element.proto.spec)
        spec["_rows"] = [_arrow(one.data.data) for one in element.proto.datasets]
        found.append(spec)
    return found


def rows(chart: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all rows of a chart's data."""
    return [row for table in chart["_rows"] for row in table.to_dict("records")]


def rates(page: AppTest) -> pd.DataFrame:
    """Return the table of the view Rates."""
    (table,) = [t.value for t in page.dataframe if "interval" in t.value]
    return table


def _arrow(data: bytes) -> pd.DataFrame:
    import pyarrow as pa

    return pa.ipc.open_stream(data).read_pandas()
