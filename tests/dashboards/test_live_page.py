"""The live page: what runs is seen as it is said, cancelled once, and written down under a name."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from agentdyno.core.errors import UsageError
from agentdyno.dashboards.stopping import stop
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.live import LiveBoard, LiveMatrix
from agentdyno.tests.dashboards import stored as made

Page = Callable[..., AppTest]
Result = TypeVar("Result")
_EVIL = "<img src=x onerror=alert(1)> **bold** [x](javascript:alert(1)) :red[no] $x^2$ \u202eevil"
_TRIAL = {
    "trial": "t1", "situation": "support_triage", "runner": "crewai@1.15.30", "variant": "brief",
    "repeat": 2, "started_at": "2026-11-21T11:00:00+00:00", "agent": "writer",
    "doing": "answering", "text": f"Dear customer, {_EVIL}", "model_calls": 3, "tool_calls": 1,
}
_PROGRESS = {
    "crewai@1.15.30": {"planned": 4, "done": 2, "passed": 1, "faults": 1},
    "langgraph@1.2.22": {"planned": 4, "done": 1, "passed": 1, "faults": 0},
    "": {"reused": 5},
}


def _on(address: str, work: Callable[[Pool], Awaitable[Result]]) -> Result:
    async def main() -> Result:
        pool = await open_pool(address)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(main())


def _beat(address: str, **changes: Any) -> None:
    told: dict[str, Any] = {
        "host": "bench", "pid": 4711, "stage": "running", "progress": _PROGRESS,
        "running": [_TRIAL],
    } | changes
    _on(address, lambda pool: LiveBoard(pool).beat(made.RUNNING, **told))


def _list(address: str) -> list[LiveMatrix]:
    return _on(address, lambda pool: LiveBoard(pool).list())


def _sql(address: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as link:
        found = link.execute(query.encode())
        return found.fetchall() if found.description else []


def _audit(address: str) -> list[tuple[Any, ...]]:
    return _sql(address, "SELECT who, action, target FROM audit ORDER BY id")


def _silent(address: str) -> None:
    _sql(address, "UPDATE live_matrix SET seen_at = seen_at - interval '1 minute'")


def _cancel_buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button if str(button.key).startswith("cancel-")]


def _press(page: AppTest, state: str) -> AppTest:
    return page.button(key=f"cancel-{made.RUNNING}-{state}").click().run()


def _said(page: AppTest) -> str:
    return "\n".join(e.value for e in (*page.success, *page.error)).replace("\\", "")


@pytest.fixture
def running(stored: str) -> str:
    """The store, with one run under way."""
    _beat(stored)
    return stored


def test_a_run_shows_its_progress_by_runner_and_what_is_being_said(
    open_page: Page, running: str
) -> None:
    page = open_page("live", running)
    assert not page.exception
    assert "agentdyno run support\\_triage" in page.markdown[0].value
    (bar,) = page.get("progress")
    assert bar.proto.text == (
        "3 of 8 trials, 2 passed, 1 by fault of the bench, 5 more were stored already")
    assert bar.proto.value == 37
    assert list(page.dataframe[0].value["runner"]) == ["crewai@1.15.30", "langgraph@1.2.22"]
    texts = [text.value for text in page.text]
    assert any("support_triage on crewai@1.15.30 in brief, repeat 2: writer answering"
               " (3 model calls, 1 tool call)" in text for text in texts)


def test_what_a_model_says_is_shown_as_text(open_page: Page, running: str) -> None:
    _beat(running, running=[_TRIAL | {"agent": _EVIL, "doing": _EVIL}])
    page = open_page("live", running)
    shown = next(code.value for code in page.code if "Dear customer" in code.value)
    assert shown == f"Dear customer, {_EVIL}".replace("\u202e", "\ufffd")
    loose = "\n".join(e.value for e in (*page.markdown, *page.caption))
    assert "onerror" not in loose


def test_cancelling_finishes_what_runs_and_again_stops_at_once_each_under_a_name(
    open_page: Page, running: str
) -> None:
    page = open_page("live", running)
    page.sidebar.text_input[0].set_value("mira").run()
    assert _cancel_buttons(page) == ["Cancel"]
    _press(page, "running")
    assert "finishes the trials that run" in _said(page)
    (row,) = _list(running)
    assert (row.state, row.cancels, row.cancelled_by) == ("cancelling", 1, "mira")
    assert _cancel_buttons(page) == ["Stop at once"]
    _press(page, "cancelling")
    (row,) = _list(running)
    assert row.cancels == 2
    assert page.button(key=f"cancel-{made.RUNNING}-cancelling").disabled
    assert _audit(running) == [("mira", "matrix.cancel", made.RUNNING)] * 2


def test_a_second_click_on_the_first_button_does_not_stop_at_once(running: str) -> None:
    (seen,) = _list(running)

    async def twice(pool: Pool) -> None:
        assert "finishes" in await stop(pool, seen, who="mira")
        with pytest.raises(UsageError, match="is cancelling by mira meanwhile; nothing was done"):
            await stop(pool, seen, who="noor")

    _on(running, twice)
    assert [row.cancels for row in _list(running)] == [1]


def test_a_run_whose_harness_was_killed_is_shown_as_lost_and_can_be_put_away(
    open_page: Page, running: str
) -> None:
    _silent(running)
    page = open_page("live", running)
    assert "was probably killed" in page.warning[0].value
    assert not [c for c in page.code if "Dear customer" in c.value], "nobody says it any more"
    assert _cancel_buttons(page) == ["Mark as interrupted"]
    _press(page, "lost")
    assert "is marked as interrupted" in _said(page)
    assert not page.exception
    assert _list(running) == []
    assert _audit(running)[0][1] == "matrix.give_up"


def test_a_run_that_ended_while_somebody_looked_stays_linked(
    open_page: Page, running: str
) -> None:
    page = open_page("live", running)
    _on(running, lambda pool: LiveBoard(pool).leave(made.RUNNING))
    _sql(running, "UPDATE matrix SET status = 'finished', finished_at = clock_timestamp()"
         " WHERE status = 'running'")
    page.run()
    assert not page.exception
    assert "Nothing runs." in page.info[0].value
    links = [link.proto.label for link in page.get("page_link")]
    assert any("finished" in link and "support" in link for link in links)


def test_a_run_that_has_not_planned_yet_says_so(open_page: Page, stored: str) -> None:
    _beat(stored, progress={}, running=[], stage="making the environment of crewai")
    page = open_page("live", stored)
    assert not page.exception
    (bar,) = page.get("progress")
    assert bar.proto.text == "its trials are not planned yet"


def test_a_store_in_which_nothing_runs_says_what_to_run(open_page: Page, database: str) -> None:
    page = open_page("live", database)
    assert not page.exception
    assert "Nothing runs." in page.info[0].value
    assert "agentdyno run support_triage" in [code.value for code in page.code]
