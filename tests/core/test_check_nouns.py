"""Check specs refuse questions that cannot be answered."""

import pytest
from pydantic import TypeAdapter, ValidationError

from agentdyno.core.check import CheckSpec

ADAPTER: TypeAdapter[CheckSpec] = TypeAdapter(CheckSpec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "regex", "pattern": "("}, "not a regular expression"),
        ({"type": "numeric", "find": "x", "expected": 1}, "exactly one .group."),
        ({"type": "numeric", "find": "(x)(y)", "expected": 1}, "it has 2"),
        ({"type": "numeric", "find": "(", "expected": 1}, "not a regular expression"),
        ({"type": "numeric", "find": "(1)", "expected": {"python": "../a.py:f"}}, "pattern"),
        ({"type": "tools_called"}, "asks nothing"),
        ({"type": "tools_called", "tools": ["search"]}, "pattern"),
        ({"type": "limits"}, "asks nothing"),
        ({"type": "contains", "text": ""}, "at least 1"),
        ({"type": "mail_sent"}, "to"),
        ({"type": "nothing"}, "nothing"),
    ],
)
def test_a_question_without_an_answer_is_refused(spec: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python({"id": "a", **spec})
