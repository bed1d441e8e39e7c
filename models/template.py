"""Jinja in script files: compiled once, checked before anything runs, sandboxed."""

import difflib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import SandboxedEnvironment

from agentdyno.models.state import NAMES

Compiled = Callable[[Mapping[str, Any]], Any]
"""From the names of a state to a value."""

_MARKS = re.compile(r"\{\{|\{%|\{#")

_jinja = SandboxedEnvironment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
)
_jinja.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False)


def compile_expression(source: str) -> Compiled:
    """Compile a Jinja expression; raises `jinja2.TemplateError` when it is none."""
    compiled = _jinja.compile_expression(source, undefined_to_none=False)
    return lambda names: compiled(names)


def compile_text(source: str) -> Compiled:
    """Compile a text template; raises `jinja2.TemplateError`."""
    if not _MARKS.search(source):
        return lambda _: source
    return _jinja.from_string(source).render


def compile_value(value: Any) -> Compiled:
    """Compile JSON whose texts are templates; a text that is one expression keeps its type.

    Raises:
        jinja2.TemplateError: a text is no template.
    """
    if isinstance(value, dict):
        members = {key: compile_value(member) for key, member in value.items()}
        return lambda names: {key: make(names) for key, make in members.items()}
    if isinstance(value, list | tuple):
        items = [compile_value(item) for item in value]
        return lambda names: [make(names) for make in items]
    if not isinstance(value, str):
        return lambda _: value
    lone = _lone_expression(value)
    return compile_text(value) if lone is None else _typed(compile_expression(lone))


def template_problems(
    source: str, variables: Mapping[str, Any], *, expression: bool
) -> Iterator[str]:
    """Yield what is wrong with one expression or template: syntax, unknown names and variables."""
    try:
        tree = _jinja.parse("{{ " + source + " }}" if expression else source)
        (compile_expression if expression else compile_value)(source)
    except TemplateError as error:
        yield f"not a Jinja {'expression' if expression else 'template'}: {error.message}"
        return
    for name in sorted(find_undeclared_variables(tree) - set(NAMES) - set(_jinja.globals)):
        yield f"unknown name {name!r}{_near(name, NAMES)}; there are {', '.join(NAMES)}"
    for read in tree.find_all(nodes.Getattr):
        target = read.node
        if isinstance(target, nodes.Name) and target.name == "vars" and read.attr not in variables:
            yield f"the scenario has no variable {read.attr!r}{_near(read.attr, variables)}"


def _near(name: str, choices: Mapping[str, Any] | tuple[str, ...]) -> str:
    found = difflib.get_close_matches(name, list(choices), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _lone_expression(source: str) -> str | None:
    """Return the expression of a text that is nothing but `{{ expression }}`."""
    text = source.strip()
    if not (text.startswith("{{") and text.endswith("}}")):
        return None
    body = _jinja.parse(text).body
    output = body[0] if len(body) == 1 else None
    if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
        return None
    return text[2:-2].strip("-+ \n")


def _typed(compiled: Compiled) -> Compiled:
    def value(names: Mapping[str, Any]) -> Any:
        found = compiled(names)
        if isinstance(found, StrictUndefined):
            str(found)
        return found

    return value
