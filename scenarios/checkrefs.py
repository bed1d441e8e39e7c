"""JSON Schemas and reference functions that a check names."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from agentdyno.core.check import Computed
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


def unknown(what: str, name: str, choices: Iterable[str]) -> str:
    """Return that there is no such thing, with the nearest that there is."""
    names = sorted(choices)
    there = ", ".join(names) or "none"
    return f"there is no {what} {name!r}{nearest(name, names)}; there is: {there}"
