"""Differences between two JSON values, key by key.

Kept libraries (deepdiff, jsondiff) answer in their own trees and know nothing of JSON Schema, where
the order of `required` means nothing and that of `properties` is what a model reads.
"""

from collections.abc import Iterator
from typing import Any

from agentdyno.experiments.wirediff.nouns import Change
from agentdyno.models.conversation import canonical

_SETS = ("required", "enum", "type")
_ORDERED = ("properties",)


def diff_json(a: Any, b: Any, path: str = "") -> Iterator[Change]:
    """Yield every difference; as in JSON texts, 1 and 1.0 are equal and 1 and true are not."""
    if isinstance(a, dict) and isinstance(b, dict):
        yield from _objects(a, b, path)
    elif isinstance(a, list) and isinstance(b, list):
        yield from _arrays(a, b, path)
    elif isinstance(a, bool) is not isinstance(b, bool) or a != b:
        yield Change(path=path, kind="changed", a=a, b=b)


def _objects(a: dict[str, Any], b: dict[str, Any], path: str) -> Iterator[Change]:
    for key in [*a, *(key for key in b if key not in a)]:
        place = f"{path}.{key}" if path else key
        if key not in b:
            yield Change(path=place, kind="removed", a=a[key])
        elif key not in a:
            yield Change(path=place, kind="added", b=b[key])
        else:
            yield from diff_json(a[key], b[key], place)
    if _last(path) in _ORDERED and list(a) != list(b) and a.keys() == b.keys():
        yield Change(path=path, kind="reordered", a=list(a), b=list(b))


def _arrays(a: list[Any], b: list[Any], path: str) -> Iterator[Change]:
    left, right = sorted(map(canonical, a)), sorted(map(canonical, b))
    if left == right:
        if a != b and _last(path) not in _SETS:
            yield Change(path=path, kind="reordered", a=a, b=b)
    elif len(a) == len(b) and all(isinstance(item, dict) for item in [*a, *b]):
        for at, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from diff_json(one, other, f"{path}.{at}")
    else:
        yield Change(path=path, kind="changed", a=a, b=b)


def _last(path: str) -> str:
    return path.rpartition(".")[2]
