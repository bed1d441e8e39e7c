"""Overview: what ran, and what needs attention."""

from streamlit.testing.v1 import AppTest

from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.dashboards.stored import Page


def test_numbers_stand_beside_their_interval(stored: str, open_page: Page) -> None:
    page = open_page("overview", stored)
    numbers = {metric.label: (metric.value, metric.delta) for metric in page.metric}
    assert numbers["Trials"][0] == "34"
    assert numbers["Harness faults"][0] == "1"
    assert numbers["Passed"] == ("85%", "69% to 93%, n = 33")


def test_all_that_needs_attention_is_named_and_counted(stored: str, open_page: Page) -> None:
    titles = [expander.label for expander in open_page("overview", stored).expander]
    assert titles == [
        "2 calls wait for approval", "1 run fell silent or failed", "4 cases are flaky",
        "1 trial the bench spoiled", "8 reports of a missing tool",
    ]


def test_a_run_that_says_running_and_is_not_heard_of_is_said_to_be_lost(
    stored: str, open_page: Page
) -> None:
    page = open_page("overview", stored)
    assert "probably killed" in _written(page)
    assert "agentdyno run support_triage" in [code.value for code in page.code]


def test_flaky_cases_come_with_the_chance_that_two_trials_differ(
    stored: str, open_page: Page
) -> None:
    (table,) = [t.value for t in open_page("overview", stored).dataframe
                if "two trials differ" in t.value]
    worst = table.iloc[0]
    assert worst["passed"] in ("1 of 2", "2 of 3")
    assert all("[" in text and "n = " in text for text in table["two trials differ"])


def test_recent_runs_are_the_newest_first_with_what_they_executed(
    stored: str, open_page: Page
) -> None:
    (table,) = [t.value for t in open_page("overview", stored).dataframe if "command" in t.value]
    assert list(table["run"].str[:8]) == [
        run[:8] for run in (made.RUNNING, made.CHAOS, made.SECOND, made.FIRST)
    ]
    first = table.iloc[-1]
    assert (first["trials"], first["harness faults"]) == (20, 1)
    assert first["cost, USD"] == 8 * made.PRICE


def _written(page: AppTest) -> str:
    return " ".join(text.value for text in page.markdown).replace("\\", "")
