"""What pydantic finds wrong, in the words and keys of the file that the user wrote."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

_TYPES = {
    dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number",
    float: "a number", type(None): "nothing",
}


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the choice most like `word`, or ""."""
    found = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def problem_text(
    schema: dict[str, Any], data: Any, item: Any
) -> tuple[tuple[str | int, ...], str]:
    """Translate one item of `ValidationError.errors()`.

    Args:
        schema: JSON Schema of the model that refused.
        data: what it refused.
        item: one error.

    Returns:
        The path in `data` that the error is about, and what to do about it.
    """
    kind, context = item["type"], item.get("ctx", {})
    path, properties = _locate(schema, data, item["loc"])
    if kind == "missing":
        return (*path, item["loc"][-1]), "this key is required"
    if kind == "extra_forbidden":
        name = str(item["loc"][-1])
        known = ", ".join(sorted(properties))
        return path, f"unknown key{nearest(name, properties) or f' (known keys: {known})'}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = context["discriminator"].strip("'")
        tags = _tags(schema, data, item["loc"]) or [context.get("expected_tags", "")]
        if kind == "union_tag_not_found":
            return (*path, name), f"this key is required: one of {', '.join(tags)}"
        near = nearest(str(context["tag"]), tags)
        return (*path, name), f"{context['tag']!r} is none of {', '.join(tags)}{near}"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if kind in ("literal_error", "enum"):
        choices = re.findall(r"'([^']*)'", context["expected"])
        return path, f"{message}, not {item['input']!r}{nearest(str(item['input']), choices)}"
    if kind.endswith("_type"):
        return path, f"{message}, not {_TYPES.get(type(item['input']), 'this')}"
    return path, message


def _locate(
    schema: dict[str, Any], data: Any, loc: Sequence[str | int]
) -> tuple[tuple[str | int, ...], set[str]]:
    """Return the path in `data` that `loc` means, and the keys allowed beside its last part.

    `loc` also names the members of unions that pydantic tried; these are not keys of the file.
    """
    nodes, path, beside = [schema], list[str | int](), set[str]()
    for part in loc:
        tagged = _tagged(schema, nodes, part)
        if tagged:
            nodes = tagged
            continue
        nodes = _branches(schema, nodes)
        there = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if not there:
            continue
        beside = {name for node in nodes for name in node.get("properties", {})}
        data = data[part]
        path.append(part)
        nodes = [child for node in nodes for child in _children(node, part)]
    return tuple(path), beside


def _tags(schema: dict[str, Any], data: Any, loc: Sequence[str | int]) -> list[str]:
    nodes = [schema]
    for part in loc:
        nodes = _tagged(schema, nodes, part) or [
            child for node in _branches(schema, nodes) for child in _children(node, part)
        ]
    return sorted(tag for node in nodes for tag in node.get("discriminator", {}).get("mapping", {}))


def _tagged(
    schema: dict[str, Any], nodes: Sequence[dict[str, Any]], part: str | int
) -> list[dict[str, Any]]:
    refs = [node.get("discriminator", {}).get("mapping", {}).get(part) for node in nodes]
    return [_resolve(schema, {"$ref": ref}) for ref in refs if ref]


def _branches(
    schema: dict[str, Any], nodes: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for node in nodes:
        target = _resolve(schema, node)
        choices = target.get("anyOf") or target.get("oneOf")
        found += _branches(schema, choices) if choices else [target]
    return found


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return node


def _children(node: dict[str, Any], part: str | int) -> list[dict[str, Any]]:
    if isinstance(part, int):
        child = node.get("items")
    else:
        named = node.get("patternProperties", {}).items()
        fitting = (kind for pattern, kind in named if re.search(pattern, part))
        child = node.get("properties", {}).get(part) or next(
            fitting, node.get("additionalProperties")
        )
    return [child] if isinstance(child, dict) else []
