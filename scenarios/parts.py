"""The well-formed parts of a file that may hold mistakes elsewhere."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentdyno.core.canonical import canonical_json


def part(adapter: TypeAdapter[Any], data: Any) -> Any:
    """Return `data` as the adapter's type; `None` if malformed, which is told elsewhere."""
    try:
        return adapter.validate_json(canonical_json(data), strict=True)
    except ValidationError:
        return None


def mapping(data: Any, key: str) -> dict[str, Any]:
    """Return the mapping at `key`; an empty one where there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def listed(data: Any, key: str) -> list[Any]:
    """Return the list at `key`; an empty one where there is none."""
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, list) else []
