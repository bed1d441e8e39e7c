"""Jinja templates of users: sandboxed, and an undefined variable is an error."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
import jinja2.meta
import jinja2.nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentdyno.core.yamlproblem import nearest

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)


class TemplateFault(ValueError):
    """A template cannot be rendered; the message says why."""


def expression_problems(
    expression: str, names: Sequence[str], variables: Mapping[str, Any]
) -> Iterator[str]:
    """Say what is wrong with a Jinja expression over `names`, of which `vars` holds `variables`."""
    try:
        tree = _ENVIRONMENT.parse("{{ " + expression + " }}")
        _ENVIRONMENT.compile_expression(expression)
    except jinja2.TemplateSyntaxError as error:
        yield f"not a Jinja expression: {error.message}"
        return
    for name in sorted(jinja2.meta.find_undeclared_variables(tree) - set(names)):
        yield f"{name!r} is none of {', '.join(names)}{nearest(name, names)}"
    for looked_up in tree.find_all(jinja2.nodes.Getattr):
        owner = looked_up.node
        is_variable = isinstance(owner, jinja2.nodes.Name) and owner.name == "vars"
        if is_variable and looked_up.attr not in variables:
            yield f"`vars` has no {looked_up.attr!r}{nearest(looked_up.attr, variables)}"


def holds(expression: str, names: Mapping[str, Any]) -> bool:
    """Return whether a Jinja expression is true; raises `TemplateFault` where it has no value."""
    try:
        compiled = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)
        return bool(compiled(**names))
    # A sandboxed expression may raise whatever the called method raises.
    except Exception as error:
        raise TemplateFault(f"{type(error).__name__}: {error}") from error


def render(template: str, variables: Mapping[str, Any]) -> str:
    """Render `template` over `variables`, without white space around the result.

    Raises:
        TemplateFault: the syntax is wrong, a variable is undefined, or an expression failed.
    """
    try:
        return _ENVIRONMENT.from_string(template).render(variables).strip()
    except jinja2.TemplateSyntaxError as error:
        raise TemplateFault(f"template line {error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        known = ", ".join(sorted(variables))
        raise TemplateFault(f"{error.message} (variables: {known})") from error
    # A sandboxed expression may raise whatever the called method raises.
    except Exception as error:
        raise TemplateFault(f"{type(error).__name__}: {error}") from error
