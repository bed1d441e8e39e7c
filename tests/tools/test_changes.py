"""Arguments that a person types in place of a call's own."""

from typing import Any

import pytest

from agentdyno.core.approval import ApprovalRequest
from agentdyno.tools.changes import changed, replaced


@pytest.fixture
def request_() -> ApprovalRequest:
    schema: dict[str, Any] = {
        "type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"],
    }
    return ApprovalRequest(
        trial_id="t", scenario="s", agent="a", ordinal=0, server="shop", tool="refund",
        description="", input_schema=schema, arguments={"amount": 50, "note": "late"},
        risk="high", timeout_s=60.0,
    )


def test_members_take_the_place_of_the_calls_own_or_of_all_of_them(
    request_: ApprovalRequest,
) -> None:
    assert changed(request_, '{"amount": 5}') == ({"amount": 5, "note": "late"}, "")
    assert replaced(request_, '{"amount": 5}') == ({"amount": 5}, "")


@pytest.mark.parametrize(("typed", "wrong"), [
    ('{"amount": ', "this is no JSON: Expecting value at character 12"),
    ('{"amount": NaN}', "this is no JSON: NaN is no number there"),
    ("[5]", "this is no JSON object"),
    ('{"amount": "five"}', "the tool does not take it: arguments.amount: 'five' is not of type"),
])
def test_what_cannot_be_a_call_is_told_and_not_made(
    request_: ApprovalRequest, typed: str, wrong: str
) -> None:
    for read in (changed, replaced):
        arguments, told = read(request_, typed)
        assert arguments is None
        assert wrong in told


def test_all_arguments_as_they_are_is_no_change(request_: ApprovalRequest) -> None:
    assert replaced(request_, '{"note": "late", "amount": 50}') == (
        None, "nothing is changed; approve the call as it is")
