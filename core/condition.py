"""Conditions that users write: one sandboxed Jinja expression over a few names.

Not importable in workers: it needs Jinja.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import jinja2
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentdyno.core.yamlproblem import nearest

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)


def check_condition(source: str, sample: Mapping[str, Any]) -> None:
    """Refuse an expression that cannot be evaluated over names and values like those of `sample`.

    Raises:
        ValueError: it is no expression, knows other names, or fails on the sample.
    """
    try:
        tree = _ENVIRONMENT.parse("{{ " + source + " }}")
        _ENVIRONMENT.compile_expression(source)
    except jinja2.TemplateSyntaxError as error:
        raise ValueError(f"not a Jinja expression: {error.message}") from None
    unknown = find_undeclared_variables(tree) - set(sample) - set(_ENVIRONMENT.globals)
    for name in sorted(unknown):
        known = ", ".join(sorted(sample))
        raise ValueError(f"unknown name {name!r}{nearest(name, sample)}; there are {known}")
    holds(source, sample)


def holds(source: str, values: Mapping[str, Any]) -> bool:
    """Tell whether the expression is true of `values`; raises ValueError when it fails on them."""
    try:
        return bool(_compiled(source)(**values))
    # A sandboxed expression may raise whatever its operators raise.
    except Exception as error:
        raise ValueError(f"{source!r} fails: {type(error).__name__}: {error}") from error


@lru_cache(maxsize=256)
def _compiled(source: str) -> Any:
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)
