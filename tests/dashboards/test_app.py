"""The frame: pages, errors, an empty store, a database that is not ours."""

from pathlib import Path

import psycopg
from streamlit.testing.v1 import AppTest

from agentdyno.dashboards.app import PAGES
from agentdyno.tests.dashboards.stored import Page


def test_every_page_opens_on_a_store_with_trials(stored: str, open_page: Page) -> None:
    for row in PAGES:
        page = open_page(row.name, stored)
        assert not page.exception, row.name
        assert page.title[0].value == row.title


def test_every_page_opens_on_a_store_without_any_trial_and_says_what_to_run(
    database: str, open_page: Page
) -> None:
    for row in PAGES:
        page = open_page(row.name, database)
        assert not page.exception, row.name
        assert any(code.value.startswith("agentdyno ") for code in page.code), row.name


def test_a_database_that_is_behind_is_named_and_left_as_it_is(
    database: str, open_page: Page
) -> None:
    with psycopg.connect(database) as link:
        link.execute("DELETE FROM schema_migration WHERE name LIKE '0010%'")
    page = open_page("overview", database)
    assert "0010" in _text(page)
    assert "agentdyno" in page.code[0].value
    with psycopg.connect(database) as link:
        found = link.execute("SELECT count(*) FROM schema_migration WHERE name LIKE '0010%'")
        assert found.fetchone() == (0,)


def test_a_database_that_is_away_is_an_error_with_the_next_command(open_page: Page) -> None:
    page = open_page("overview", "postgresql://nobody:secret@127.0.0.1:9/none")
    assert "cannot be used" in _text(page)
    assert "secret" not in _text(page) + "".join(code.value for code in page.code)
    assert "agentdyno db status" in page.code[0].value


def test_without_any_database_nothing_is_made_and_the_page_says_what_to_run(
    open_page: Page, tmp_path: Path
) -> None:
    page = open_page("overview", "")
    assert "nothing has been run" in _text(page)
    assert page.code[0].value.startswith("agentdyno run")
    assert not any(tmp_path.iterdir())


def _text(page: AppTest) -> str:
    return "".join(error.value for error in page.error).replace("\\", "")
