"""Tools of a recording: their schemas as given, or worked out from the calls and marked so."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentdyno.core.errors import Problem
from agentdyno.scenarios.importing.located import Document, KeyPath
from agentdyno.scenarios.importing.talk import RecordedCall, RecordedTool

_WIRE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TYPES = {
    bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object",
    type(None): "null",
}


def given_tools(
    document: Document, sent: Sequence[tuple[KeyPath, Any]], problems: list[Problem]
) -> dict[str, RecordedTool]:
    """Return the function tools of a request by name; what is wrong goes to `problems`.

    Known forms: the chat API's, with or without `function` around it, and MCP's `inputSchema`.
    """
    found: dict[str, RecordedTool] = {}
    for path, tool in sent:
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            problems.append(document.problem(path, "a tool needs a name: {\"function\": {...}}"))
            continue
        schema = function.get("parameters", function.get("inputSchema")) or {}
        fault = _schema_fault(schema)
        if fault:
            problems.append(document.problem(path, f"the schema of tool {name!r} {fault}"))
            continue
        description = function.get("description")
        found[name] = RecordedTool(
            name=name, inferred=False,
            description=description if isinstance(description, str) else "",
            schema={"type": "object", "properties": {}} | schema,
        )
    return found


def _schema_fault(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "is no object"
    if schema.get("type", "object") != "object":
        return f"is of type {schema['type']!r}; arguments are always an object"
    # A tenth of a second that importing without schemas need not spend.
    import jsonschema.exceptions
    import jsonschema.validators

    validator = jsonschema.validators.validator_for(
        schema, default=jsonschema.validators.Draft202012Validator
    )
    try:
        validator.check_schema(schema)
    except jsonschema.exceptions.SchemaError as error:
        return f"is no JSON Schema: {error.message}"
    return ""


def all_tools(
    given: Mapping[str, RecordedTool], calls: Sequence[RecordedCall]
) -> tuple[tuple[RecordedTool, ...], list[str]]:
    """Return the given tools and those that were only called, and notes about both."""
    made: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for call in calls:
        made[call.tool].append(call.arguments)
    inferred = [
        RecordedTool(
            name=name, inferred=True, schema=_object(values, whole=True),
            description=f"{name} (schema inferred from {_times(len(values))} in a recording; the "
            "real one may take more)",
        )
        for name, values in made.items() if name not in given
    ]
    tools = (*given.values(), *inferred)
    notes = []
    if inferred:
        names = ", ".join(tool.name for tool in inferred)
        notes.append(f"The schemas of these tools were inferred from their calls: {names}.")
    odd = [tool.name for tool in tools if not _WIRE_NAME.fullmatch(tool.name)]
    if odd:
        notes.append(
            f"OpenAI-compatible APIs refuse these tool names, and frameworks may rewrite them: "
            f"{', '.join(odd)}."
        )
    return tools, [*notes, *_misfits(given, made)]


def _times(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"


def _misfits(
    given: Mapping[str, RecordedTool], made: Mapping[str, Sequence[dict[str, Any]]]
) -> Iterable[str]:
    """Yield a note for each tool that was called with what its own schema forbids."""
    for name, tool in given.items():
        if name not in made or not tool.schema["properties"]:
            continue
        import jsonschema.validators

        validator = jsonschema.validators.validator_for(
            tool.schema, default=jsonschema.validators.Draft202012Validator
        )(tool.schema)
        for arguments in made[name]:
            error = next(iter(validator.iter_errors(arguments)), None)
            if error is not None:
                yield (
                    f"The model called {name} with arguments that its schema forbids "
                    f"({error.json_path}: {error.message[:200]}); frameworks that check arguments "
                    "will not pass such a call on."
                )
                break


def _object(values: Sequence[dict[str, Any]], *, whole: bool = False) -> dict[str, Any]:
    keys = list(dict.fromkeys(key for value in values for key in value))
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: _schema([v[key] for v in values if key in v]) for key in keys},
    }
    required = [key for key in keys if all(key in value for value in values)]
    if required:
        schema["required"] = required
    # Only where something is known: an object that was always empty may hold anything.
    return schema if keys or whole else {"type": "object"}


def _schema(values: Sequence[Any]) -> dict[str, Any]:
    """Return a schema that every one of `values` satisfies."""
    kinds = {_TYPES[type(value)] for value in values}
    if kinds == {"integer", "number"}:
        kinds = {"number"}
    if kinds == {"object"}:
        return _object(list(values))
    if kinds == {"array"}:
        items = [item for value in values for item in value]
        return {"type": "array", "items": _schema(items) if items else {}}
    if len(kinds) == 1:
        return {"type": kinds.pop()}
    # One shape for each kind, as pydantic writes it: frameworks read that.
    return {"anyOf": [
        _schema([value for value in values if _TYPES[type(value)] == kind])
        for kind in sorted(kinds)
    ]}
