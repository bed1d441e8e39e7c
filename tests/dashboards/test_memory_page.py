"""The memory page: what is remembered is found, and forgotten under a name."""

from typing import Any

import psycopg
import pytest

from agentdyno.dashboards import access
from agentdyno.tests.dashboards.hostile import EVERYTHING, MARK
from agentdyno.tests.dashboards.stored import RUNNING, Page


def sql(address: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as link:
        found = link.execute(query.encode(), values)
        return found.fetchall() if found.description else []


def seed_of(address: str) -> str:
    [(name,)] = sql(address, "SELECT DISTINCT namespace FROM memory_item WHERE"
                    " starts_with(namespace, 'seed/')")
    return str(name)


@pytest.fixture
def quiet(stored: str) -> str:
    """The store, with its run that never ended given up: nobody reads a memory."""
    sql(stored, "UPDATE matrix SET status = 'interrupted' WHERE status = 'running'")
    return stored


def test_namespaces_and_what_is_in_them(quiet: str, open_page: Page) -> None:
    seed = seed_of(quiet)
    page = open_page("memory", quiet, namespace=seed)
    assert not page.exception
    spaces, items = page.dataframe[0].value, page.dataframe[1].value
    assert sorted(spaces["items"]) == [1, 2]
    assert list(items["id"]) == ["m2", "m1"]
    assert list(items["found by searches"]) == [0, 1]


def test_search_ranks_what_holds_any_of_the_words(quiet: str, open_page: Page) -> None:
    page = open_page("memory", quiet, part="Search", words="volatile committee")
    found = page.dataframe[0].value
    assert list(found["text"]) == [
        "The committee prefers low volatility.", "Mails go to the whole committee.",
    ]
    none = open_page("memory", quiet, part="Search", words="zebra")
    assert none.info[0].value == "Nothing is found."


def test_a_namespace_is_forgotten_under_a_name_with_a_reason_and_without_its_texts(
    quiet: str, open_page: Page
) -> None:
    seed = seed_of(quiet)
    page = open_page("memory", quiet, namespace=seed)
    button = page.button(key=f"forget_{seed}")
    assert button.disabled
    page.text_input(key=f"why_{seed}").input("out of date")
    page.checkbox(key=f"sure_{seed}").check().run()
    page.button(key=f"forget_{seed}").click().run()
    assert "2 items" in page.success[0].value
    assert sql(quiet, "SELECT count(*) FROM memory_item WHERE namespace = %s", seed) == [(0,)]
    [(who, action, target, detail)] = sql(
        quiet, "SELECT who, action, target, detail FROM audit ORDER BY id DESC LIMIT 1"
    )
    assert (who, action, target) == (access.os_user(), "memory.forget", seed)
    assert detail == {"items": 2, "reason": "out of date"}


def test_a_memory_that_a_run_may_be_reading_is_not_forgotten(
    stored: str, open_page: Page
) -> None:
    sql(stored, "INSERT INTO live_matrix (matrix_id, host, pid, stage, progress, running) VALUES"
        " (%s, 'here', 1, 'running', '{}', '[]')", RUNNING)
    seed = seed_of(stored)
    page = open_page("memory", stored, namespace=seed)
    page.text_input(key=f"why_{seed}").input("out of date")
    page.checkbox(key=f"sure_{seed}").check().run()
    page.button(key=f"forget_{seed}").click().run()
    assert "may be reading this memory" in page.error[0].value
    assert sql(stored, "SELECT count(*) FROM memory_item WHERE namespace = %s", seed) == [(2,)]
    assert sql(stored, "SELECT count(*) FROM audit WHERE action = 'memory.forget'") == [(0,)]


def test_use_is_told_by_scenario_and_runner(quiet: str, open_page: Page) -> None:
    # The made-up trials have the accesses, but not the calls of tools that they come with.
    sql(quiet, "INSERT INTO tool_use SELECT t.row_id, 'memory', 'memory_search', 2, 0, 0, 0, 0, 0,"
        " 0, 0.1, 0.1 FROM trial t WHERE scenario = 'investment_analysis' AND NOT superseded"
        " AND runner = 'crewai' AND variant = 'baseline'")
    page = open_page("memory", quiet, part="Use")
    [row] = page.dataframe[0].value.to_dict("records")
    assert (row["runner"], row["trials"], row["searches"]) == ("crewai 1.15.30", 4, 8)
    assert (row["searches that found"], row["trials that searched and found"]) == (
        1, "1 of 4 (5 to 70 %)",
    )
    assert list(page.dataframe[1].value["text"]) == ["The committee prefers low volatility."]


def test_hostile_memory_is_shown_as_text(quiet: str, open_page: Page) -> None:
    text = EVERYTHING.replace("\0", "").replace("\ud800", "")
    sql(quiet, "INSERT INTO memory_item (namespace, ordinal, text) VALUES (%s, 1, %s)",
        f"<b>{MARK}</b>/1", text)
    page = open_page("memory", quiet, namespace=f"<b>{MARK}</b>/1")
    assert not page.exception
    assert "<b>" not in page.subheader[0].value
    assert any(MARK in cell for cell in page.dataframe[1].value["text"])
    assert not any(MARK in element.value and "\\<" not in element.value
                   for element in (*page.markdown, *page.caption))
