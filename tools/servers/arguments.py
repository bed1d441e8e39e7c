"""Checks a call's arguments against the part of JSON Schema that the bundled servers use.

The package jsonschema would do it too, and would double the start of every server.
"""

from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "array": (list,),
}


class InvalidArguments(ValueError):
    """The arguments do not fit the tool; the message says which and what would."""


def checked(tool: str, schema: dict[str, Any], arguments: Any) -> dict[str, Any]:
    """Return `arguments` without the nulls of optional parameters.

    Raises:
        InvalidArguments: something is unknown, missing or of the wrong type or size.
    """
    properties: dict[str, dict[str, Any]] = schema["properties"]
    required: list[str] = schema.get("required", [])
    given = {} if arguments is None else arguments
    if not isinstance(given, dict):
        raise InvalidArguments(f"{tool}: the arguments must be an object, not {_kind(given)}.")
    takes = ", ".join(n if n in required else f"{n} (optional)" for n in properties) or "nothing"
    problems = [f"unknown argument {name!r}" for name in given if name not in properties]
    # Several frameworks send null for an optional parameter that the model left out.
    kept = {
        name: value for name, value in given.items()
        if name in properties and (value is not None or name in required)
    }
    problems += [f"missing argument {name!r}" for name in required if name not in kept]
    for name, value in kept.items():
        problems += _problems(name, properties[name], value)
    if problems:
        raise InvalidArguments(f"{tool}: {'; '.join(problems)}. It takes {takes}.")
    return kept


def _problems(name: str, schema: dict[str, Any], value: Any) -> list[str]:
    wanted = schema["type"]
    fits: bool = isinstance(value, _TYPES[wanted]) and not isinstance(value, bool)
    if not fits:
        return [f"{name!r} must be of type {wanted}, not {_kind(value)}"]
    if wanted == "array":
        least, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not least <= len(value) <= most:
            return [f"{name!r} must have {least} to {most} items, not {len(value)}"]
        return [
            problem for number, item in enumerate(value)
            for problem in _problems(f"{name}[{number}]", schema["items"], item)
        ]
    if wanted in ("integer", "number"):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            return [f"{name!r} must be from {low} to {high}, not {value}"]
    return []


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "object"
    return {bool: "boolean", str: "string", int: "integer", float: "number", list: "array"}[
        type(value)
    ]
