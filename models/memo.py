"""A bounded memory: frameworks resend a whole conversation with each call."""

from typing import Generic, TypeVar

Key = TypeVar("Key", str, bytes)
Value = TypeVar("Value")

_LIMIT = 4_000_000


class Memo(Generic[Key, Value]):
    """Values by text, forgotten all at once when the texts exceed `_LIMIT` characters."""

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}
        self._size = 0

    def get(self, key: Key) -> Value | None:
        """Return what was kept for `key`, None when nothing is."""
        return self._values.get(key)

    def keep(self, key: Key, value: Value) -> None:
        """Remember `value`."""
        if self._size > _LIMIT:
            self._values.clear()
            self._size = 0
        self._values[key] = value
        self._size += len(key)
