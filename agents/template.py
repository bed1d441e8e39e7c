"""Jinja templates of users: sandboxed, and an undefined variable is an error."""

from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
)


class TemplateFault(ValueError):
    """A template cannot be rendered; the message says why."""


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
