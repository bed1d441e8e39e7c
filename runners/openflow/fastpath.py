"""Expressions that need no JavaScript: half of those in published flows.

They also carry a rule of their own: a missing part of a `results` path is null and never throws.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from agentdyno.runners.openflow.evaluator import Evaluator

_FLOW_INPUT = re.compile(r"""flow_input(?:\.([A-Za-z_$][\w$]*)|\["([^"\\]*)"\])""")
_PATH = re.compile(
    r"(results|flow_env)\??\.([A-Za-z_$][\w$]*)(?:\[(\d+)\])?((?:\.[A-Za-z_$][\w$]*)*)"
)


class _Unknown:
    """The type of `UNKNOWN`."""


UNKNOWN: Final = _Unknown()
"""Says that an expression has no fast path."""


def fast(expr: str, context: Mapping[str, Any]) -> Any:
    """Return the value of a variable, of `flow_input.k` or of a `results` path, else `UNKNOWN`."""
    text = expr.strip()
    if text in context:
        return context[text]
    if match := _FLOW_INPUT.fullmatch(text):
        args = context.get("flow_input")
        key = match[1] or match[2]
        return args[key] if isinstance(args, dict) and key in args else UNKNOWN
    match = _PATH.fullmatch(text)
    if match is None or match[1] not in context:
        return UNKNOWN
    value = _field(context[match[1]], match[2])
    if match[3] is not None:
        index = int(match[3])
        value = value[index] if isinstance(value, list) and index < len(value) else None
    for key in match[4].split(".")[1:]:
        value = _field(value, key)
    return value


def _field(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


class FastEvaluator:
    """Takes the fast path where there is one, and asks `inner` otherwise."""

    def __init__(self, inner: Evaluator) -> None:
        self._inner = inner

    async def evaluate(self, expr: str, context: Mapping[str, Any]) -> Any:
        """Return the JSON value of `expr`; raises EvaluationError as `inner` does."""
        value = fast(expr, context)
        if value is not UNKNOWN:
            return value
        mentioned = {name: context[name] for name in context if mentions(expr, name)}
        return await self._inner.evaluate(expr, mentioned)


def mentions(expr: str, name: str) -> bool:
    """Return whether `name` occurs as a word in `expr`."""
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", expr) is not None
