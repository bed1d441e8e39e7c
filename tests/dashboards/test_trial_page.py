"""The page of one trial."""

from agentdyno.dashboards.pages.trial import SECTIONS
from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.dashboards.stored import Page

TRIAL = made.analysis("crewai", 0, prompt=1200)[0].id
OTHER = made.analysis("langgraph", 0, prompt=900)[0].id


def test_without_a_trial_in_the_address_it_lists_what_is_stored(
    stored: str, open_page: Page
) -> None:
    page = open_page("trial", stored)
    assert not page.exception
    assert len(page.dataframe[0].value) == 34
    only = open_page("trial", stored, scenario="order_mail", bad="true")
    assert set(only.dataframe[0].value["runner"]) == {"langgraph 1.2.22"}


def test_every_section_opens(stored: str, open_page: Page) -> None:
    for name in SECTIONS:
        page = open_page("trial", stored, trial=TRIAL, section=name)
        assert not page.exception, name
        assert not page.error, name
