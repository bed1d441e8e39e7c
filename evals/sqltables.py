"""A JSON value as tables of SQLite; design/checks.md has the layout for users."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentdyno.core.canonical import canonical_json
from agentdyno.core.event import MemoryAccess

SCALARS = "state"
"""Table of the top-level values that are neither list nor object."""
_INTEGER = range(-(2**63), 2**63)

Rows = list[dict[str, Any]]


def tables(state: Any) -> dict[str, Rows]:
    """Return the rows of each table that `state` makes, by table.

    A list of objects is a table with a row for each; any other list, one with the column `value`.
    An object of objects is a table with a row for each and the name in the column `key`; any other
    object, one with the columns `key` and `value`. What is neither stands in the table `state`,
    with the columns `key` and `value`. A value that is no object has one table, `state`.
    """
    if not isinstance(state, dict):
        return {SCALARS: _rows(state if isinstance(state, list) else [state])}
    found: dict[str, Rows] = {}
    scalars: Rows = []
    for key, value in state.items():
        if isinstance(value, list | dict):
            found[key] = _rows(value)
        else:
            scalars.append({"key": key, "value": value})
    return {**found, SCALARS: [*found.get(SCALARS, []), *scalars]} if scalars else found


def _rows(value: Sequence[Any] | Mapping[str, Any]) -> Rows:
    if isinstance(value, Mapping):
        if value and all(isinstance(item, dict) for item in value.values()):
            return [{"key": key, **item} for key, item in value.items()]
        return [{"key": key, "value": item} for key, item in value.items()]
    if all(isinstance(item, dict) for item in value):
        return [dict(item) for item in value]
    return [{"value": item} for item in value]


def accesses(events: Iterable[Any]) -> Rows:
    """Return the rows of the table `access`: searches and writes in the trial's memory."""
    return [
        {"agent": event.agent, "operation": event.operation, "query": event.query,
         "mode": event.mode, "hits": list(event.hits), "started_s": event.started_s}
        for event in events if isinstance(event, MemoryAccess)
    ]


def names_in(rows: Rows) -> list[str]:
    """Return the columns that the rows have, in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def cell(value: Any) -> Any:
    """Return `value` as SQLite holds it: lists and objects as JSON text, true as 1."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and value not in _INTEGER:
        return str(value)
    return canonical_json(value) if isinstance(value, list | dict | tuple) else value


def fill(
    link: sqlite3.Connection, found: Mapping[str, Rows], columns: Mapping[str, Sequence[str]]
) -> None:
    """Create the tables and insert their rows.

    Args:
        columns: further columns by table, for tables that may be empty or missing.

    Raises:
        sqlite3.Error: two names differ by upper and lower case alone, which SQL takes for one.
    """
    for table in dict.fromkeys((*found, *columns)):
        rows = found.get(table, [])
        names = list(dict.fromkeys((*names_in(rows), *columns.get(table, ())))) or ["value"]
        quoted = ", ".join(map(_quoted, names))
        link.execute(f"CREATE TABLE {_quoted(table)} ({quoted})")
        link.executemany(
            f"INSERT INTO {_quoted(table)} VALUES ({', '.join('?' * len(names))})",  # noqa: S608
            [[cell(row.get(name)) for name in names] for row in rows],
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
