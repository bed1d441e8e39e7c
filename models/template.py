"""Jinja in script files: compiled once, checked before anything runs, sandboxed."""

import difflib
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import MethodType
from typing import Any

from jinja2 import StrictUndefined, TemplateError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from agentdyno.models.names import NAMES, Helpers

Compiled = Callable[[Context], Any]
"""From the names of a state, as a Jinja context, to a value."""

_MARKS = re.compile(r"\{\{|\{%|\{#")


class _Environment(SandboxedEnvironment):
    """The sandbox, with a short way to our own helpers: its checks cost more than their answers."""

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        if type(obj) is MethodType and isinstance(obj.__self__, Helpers):
            # Jinja adds these two to every call inside a loop or block, for its own functions.
            kwargs.pop("_loop_vars", None)
            kwargs.pop("_block_vars", None)
            return obj(*args, **kwargs)
        return super().call(context, obj, *args, **kwargs)


_jinja = _Environment(
    undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
)
_jinja.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False)
_jinja_globals = dict(_jinja.globals)
_VALUE = "value_of_expression"


def context_of(names: Mapping[str, Any]) -> Context:
    """Return a context in which any number of compiled templates can run one after the other.

    Making a context costs more than most of our expressions, so a state has a single one.
    """
    return Context(_jinja, {**_jinja_globals, **names}, None, {})


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Compiled:
    """Compile a Jinja expression; raises `jinja2.TemplateError` when it is none."""
    _jinja.compile_expression(source)
    render = _jinja.from_string("{% set " + _VALUE + " = (" + source + ") %}").root_render_func

    def evaluate(names: Context) -> Any:
        deque(render(names), 0)
        value = names.vars[_VALUE]
        _forget(names)
        return value

    return evaluate


@lru_cache(maxsize=4096)
def compile_text(source: str) -> Compiled:
    """Compile a text template; raises `jinja2.TemplateError`."""
    if not _MARKS.search(source):
        return lambda _: source
    render = _jinja.from_string(source).root_render_func

    def text(names: Context) -> str:
        rendered = "".join(render(names))
        _forget(names)
        return rendered

    return text


def _forget(names: Context) -> None:
    """Drop what a template set at its top level, so that the next one never sees it."""
    names.vars.clear()
    names.exported_vars.clear()


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


@lru_cache(maxsize=4096)
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
    def value(names: Context) -> Any:
        found = compiled(names)
        if isinstance(found, StrictUndefined):
            str(found)
        return found

    return value
