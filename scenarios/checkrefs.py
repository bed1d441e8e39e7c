"""JSON Schemas, queries, files and functions that a check names; no code of theirs is run."""

import ast
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any

from agentdyno.core.check import Computed
from agentdyno.core.checkworld import PythonCheck
from agentdyno.core.yamlfile import KeyPath
from agentdyno.core.yamlproblem import nearest


def schema_problem(schema: dict[str, Any]) -> tuple[KeyPath, str] | None:
    """Return where and why `schema` is no JSON Schema; null when it is one."""
    # A tenth of a second that scenarios without such a check need not spend.
    import jsonschema.exceptions
    import jsonschema.validators

    validator = jsonschema.validators.validator_for(
        schema, default=jsonschema.validators.Draft202012Validator
    )
    try:
        validator.check_schema(schema)
    except jsonschema.exceptions.SchemaError as error:
        return tuple(error.absolute_path), f"not a JSON Schema: {error.message}"
    return None


def function_problems(folder: Path, computed: Computed) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with a reference function, and where below `computed`; it is not run."""
    file, _, name = computed.python.partition(":")
    try:
        tree = ast.parse((folder / file).read_bytes())
    except OSError:
        yield ("python",), f"there is no file {file!r} in the scenario's folder"
        return
    except (SyntaxError, ValueError) as error:
        yield ("python",), f"{file} is not Python: {error}"
        return
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in functions:
        yield ("python",), unknown(f"function in {file}:", name, functions)
        return
    takes = functions[name].args
    known = {arg.arg for arg in (*takes.args, *takes.kwonlyargs)}
    for key in () if takes.kwarg else computed.args:
        if key not in known:
            yield ("args", key), unknown(f"argument of {name}", key, known)


def json_problem(path: Path) -> str | None:
    """Return why the file is no JSON; None when it is, or when it cannot be read."""
    try:
        json.loads(path.read_bytes())
    except OSError:
        return None
    except ValueError as error:
        return f"{path.name} is not JSON: {error}"
    return None


def query_problem(query: str) -> str | None:
    """Return why SQLite cannot read `query`; None also where only names of tables decide."""
    with closing(sqlite3.connect(":memory:")) as link:
        try:
            link.execute(f"EXPLAIN {query}")
        except (sqlite3.Error, sqlite3.Warning) as error:
            only_names = str(error).startswith(("no such table", "no such column"))
            return None if only_names else f"SQLite cannot read it: {error}"
    return None


CHECKS_GROUP = "agentdyno.checks"
"""Entry point group by which an installed package offers checks."""


def user_check_problem(folder: Path, check: PythonCheck) -> str | None:
    """Return why there is no such user's check; None when there is one."""
    file, colon, name = check.function.rpartition(":")
    if not colon:
        offered = {point.name for point in metadata.entry_points(group=CHECKS_GROUP)}
        return None if name in offered else unknown("check of an installed package", name, offered)
    try:
        tree = ast.parse((folder / file).read_bytes())
    except OSError:
        return f"there is no file {file!r} in the scenario's folder"
    except (SyntaxError, ValueError) as error:
        return f"{file} is not Python: {error}"
    there = dict(filter(None, map(_user_check, tree.body)))
    if name not in there:
        return unknown(f"function with @agentdyno.check in {file}:", name, there)
    takes = there[name].args
    known = {arg.arg for arg in (*takes.args[1:], *takes.kwonlyargs)}
    wrong = [key for key in check.args if key not in known and not takes.kwarg]
    return unknown(f"argument of {name}", wrong[0], known) if wrong else None


def _user_check(node: ast.stmt) -> tuple[str, ast.FunctionDef] | None:
    """Return a function that is marked as a check, by the name that it has as one."""
    for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (getattr(called, "attr", None) or getattr(called, "id", None)) != "check":
            continue
        assert isinstance(node, ast.FunctionDef)
        given = decorator.keywords if isinstance(decorator, ast.Call) else []
        names = [k.value.value for k in given
                 if k.arg == "name" and isinstance(k.value, ast.Constant)]
        return str(names[0]) if names else node.name, node
    return None


def unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """Return that there is no such thing, with the nearest that there is."""
    names = sorted(choices)
    there = ", ".join(names) or "none"
    return f"there is no {what} {name!r}{nearest(name, names)}; there is: {there}"
