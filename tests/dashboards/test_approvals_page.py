"""The approvals page: what waits is seen whole, decided once, and written down under a name."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

Page = Callable[..., AppTest]


@pytest.fixture
def waiting(stored: str) -> str:
    """The store, with a run that is still there: one call waits, another one's run has gone."""
    _sql(stored, "UPDATE approval SET seen_at = clock_timestamp() WHERE seen_at > (SELECT"
         " min(seen_at) FROM approval)")
    return stored


def _sql(address: str, query: str, values: Any = None) -> list[tuple[Any, ...]]:
    with psycopg.connect(address, autocommit=True) as link:
        found = link.execute(query.encode(), values)
        return found.fetchall() if found.description else []


def _number(address: str) -> int:
    return int(_sql(address, "SELECT max(id) FROM approval")[0][0])


def _state(address: str) -> tuple[Any, ...]:
    (row,) = _sql(
        address, "SELECT state, decided_by, reason, arguments FROM approval WHERE id = %s",
        [_number(address)],
    )
    return row


def _audit(address: str) -> list[tuple[Any, ...]]:
    return _sql(address, "SELECT who, action, target FROM audit ORDER BY id")


def _texts(page: AppTest) -> str:
    return "\n".join(str(e.value) for e in (*page.text, *page.markdown, *page.code))


def _said(page: AppTest) -> str:
    return "\n".join(e.value for e in (*page.success, *page.error)).replace("\\", "")


def test_a_call_that_waits_is_seen_with_its_arguments_and_one_of_a_dead_run_cannot_be_decided(
    open_page: Page, waiting: str
) -> None:
    page = open_page("approvals", waiting)
    assert not page.exception
    shown = _texts(page)
    assert "support in refund_chat on crewai 1.15.30 asked at" in shown
    assert "min" in shown
    assert "Pay an order back." in shown
    (box,) = page.text_area
    assert json.loads(box.value) == {"order": "1042", "amount": 20}
    assert [button.label for button in page.button if "approval-" in (button.key or "")] == [
        "Approve", "Approve with changes", "Reject"]
    assert "Nobody would hear a decision" in page.warning[0].value


def test_approving_makes_the_call_under_the_name_that_stands_in_the_sidebar(
    open_page: Page, waiting: str
) -> None:
    page, number = open_page("approvals", waiting), _number(waiting)
    page.sidebar.text_input[0].set_value("mira").run()
    page.text_input(key=f"approval-{number}-reason").set_value("well reasoned")
    page.button(key=f"approval-{number}-approved").click().run()
    assert not page.exception
    assert _state(waiting) == ("approved", "mira", "well reasoned", None)
    assert "helpdesk.refund of support in refund_chat is made as it is" in _said(page)
    earlier = next(t.value for t in page.dataframe if "made with" in t.value.columns
                   and "approved" in str(t.value["state"].iloc[0]))
    assert earlier["reason"].iloc[0] == "well reasoned"
    assert not page.text_area, "it waits no more"
    assert _audit(waiting) == [("mira", "approval.approve", str(number))]


def test_changed_arguments_are_held_against_the_tools_schema_before_anything_is_decided(
    open_page: Page, waiting: str
) -> None:
    page, number = open_page("approvals", waiting), _number(waiting)
    box, change = f"approval-{number}-arguments", f"approval-{number}-modified"
    for typed, wrong in (
        ('{"amount": "all"}', "the tool does not take it: arguments.amount: 'all' is not of type"),
        ('{"amount": 2', "this is no JSON"),
    ):
        page.text_area(key=box).set_value(typed)
        page.button(key=change).click().run()
        assert wrong in _said(page)
        assert page.text_area(key=box).value == typed, "what was typed is still there"
        assert _state(waiting)[0] == "waiting"
    page.text_area(key=box).set_value('{"order": "1042", "amount": 5}')
    page.button(key=change).click().run()
    assert _state(waiting)[::3] == ("modified", {"order": "1042", "amount": 5})


def test_approve_does_not_make_a_call_whose_arguments_somebody_has_begun_to_change(
    open_page: Page, waiting: str
) -> None:
    page, number = open_page("approvals", waiting), _number(waiting)
    page.text_area(key=f"approval-{number}-arguments").set_value('{"amount": 5}')
    page.button(key=f"approval-{number}-approved").click().run()
    assert "Choose Approve with changes, or restore the arguments" in _said(page)
    assert _state(waiting)[0] == "waiting"


def test_who_comes_second_is_told_who_was_first(open_page: Page, waiting: str) -> None:
    page, number = open_page("approvals", waiting), _number(waiting)
    _sql(waiting, "UPDATE approval SET state = 'rejected', decided_by = 'noor', decided_at ="
         " clock_timestamp() WHERE id = %s", [number])
    page.button(key=f"approval-{number}-approved").click().run()
    assert f"approval {number} is decided already: rejected by noor at" in _said(page)
    assert _audit(waiting) == [], "nothing was changed"


def test_what_hides_or_steers_in_arguments_is_seen_and_survives_the_way_through_the_box(
    open_page: Page, waiting: str
) -> None:
    request = _sql(waiting, "SELECT request FROM approval WHERE id = %s", [_number(waiting)])[0][0]
    evil = "<script>alert(1)</script> **bold** [x](javascript:alert(1)) \u202eevil\u0000 \ud800"
    request |= {"tool": evil, "description": evil, "arguments": {"amount": 1, "note": evil}}
    _sql(waiting, "INSERT INTO approval (ticket, trial_id, request, expires_at) VALUES (%s, 't',"
         " %s, clock_timestamp() + interval '1 minute')", [uuid.uuid4(), json.dumps(request)])
    page, number = open_page("approvals", waiting), _number(waiting)
    assert not page.exception
    box = page.text_area(key=f"approval-{number}-arguments")
    assert "\\u202eevil\\u0000 \\ud800" in box.value
    heading = next(e.value for e in page.markdown if f"{number}: " in e.value)
    assert "\\<script\\>" in heading
    page.button(key=f"approval-{number}-approved").click().run()
    assert _state(waiting)[0] == "approved"


def test_a_store_in_which_nothing_waits_says_what_to_run(open_page: Page, database: str) -> None:
    page = open_page("approvals", database)
    assert not page.exception
    assert "Nothing waits for approval" in page.info[0].value
    assert "agentdyno run incident_response --approver queue" in [c.value for c in page.code]
    assert "Nobody has decided anything yet." in [t.value for t in page.text]
