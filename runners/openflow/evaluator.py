"""The evaluator's interface: one function from an expression and its variables to JSON."""

import re
from collections.abc import Mapping
from typing import Any, Protocol


class EvaluationError(Exception):
    """An expression has no value; `message` says what JavaScript said."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Evaluator(Protocol):
    """Evaluates expressions of a flow."""

    async def evaluate(self, expr: str, context: Mapping[str, Any]) -> Any:
        """Return the JSON value of `expr`, which sees the keys of `context` as variables.

        Raises:
            EvaluationError: it does not parse, throws, or overruns a limit.
        """
        ...


_STATEMENT = re.compile(
    r"(return|const|let|var|if|for|while|switch|try|throw|function|class|async|await)(?![\w$])"
)
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`", re.DOTALL)


def function_body(expr: str) -> str:
    """Return the function body that Windmill makes of an expression: most get a `return`."""
    text = expr.strip()
    if _STATEMENT.match(text) or ";" in _QUOTED.sub("", text):
        return text
    return f"return {text}"


def is_true(value: Any) -> bool:
    """Return JavaScript's truth of a JSON value: empty arrays and objects are true."""
    return value if isinstance(value, bool) else bool(value) or isinstance(value, list | dict)
