"""A table of texts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of texts under heads; the template escapes them all."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """What its marks mean."""
    texts: frozenset[int] = frozenset({0})
    """Columns that hold words and are set to the left."""
