"""Old forms that Windmill still reads: modules without an id, `input_transform` for the plural."""

from collections.abc import Iterator
from typing import Any

_HOLDS_MODULES = ("modules", "failure_module", "value", "branches", "default")


def with_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with a name for each module that has none: a, b, c, ..."""
    value = document["value"]
    taken = set(_ids(value))
    fresh = (name for name in _letters() if name not in taken)

    def named(node: Any) -> Any:
        if isinstance(node, list):
            return [named(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {
            key: named(item) if key in _HOLDS_MODULES else item for key, item in node.items()
        }
        if isinstance(node.get("value"), dict) and "type" in node["value"] and not node.get("id"):
            node["id"] = next(fresh)
        if node.get("input_transform") is not None and node.get("input_transforms") is None:
            node["input_transforms"] = node["input_transform"]
        return node

    return {**document, "value": named(value)}


def _ids(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _ids(item)
    elif isinstance(node, dict):
        if isinstance(node.get("id"), str):
            yield node["id"]
        for key in _HOLDS_MODULES:
            yield from _ids(node.get(key))


def _letters() -> Iterator[str]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    yield from alphabet
    for prefix in _letters():
        yield from (prefix + letter for letter in alphabet)
