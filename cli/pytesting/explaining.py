"""Adds the evidence of a failed question to its assertion error."""

import pytest

from agentdyno.experiments.pytesting.seen import Seen

_FOUND = 60
"""Characters of a value by which it is found in pytest's own text, which cuts long ones."""


def explain(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Append what was seen to the error of an `assert` that asked a `Seen`.

    pytest's rewritten assertions name each value on one line of their message, and keep it in a
    variable of the frame that failed.
    """
    error = excinfo.value
    if not excinfo.traceback or len(error.args) > 1:
        return
    message = str(error)
    asked = [
        value for value in excinfo.traceback[-1].frame.f_locals.values()
        if isinstance(value, Seen)
    ]
    named = [seen for seen in dict.fromkeys(asked) if repr(seen)[:_FOUND] in message]
    if named:
        error.args = ("\n".join([message, *(seen.explain() for seen in named)]),)
