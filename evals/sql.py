"""The check that asks a query of what a trial leaves behind.

The end state is loaded into an in-memory database that the query can only read: no other file can
be attached and nothing can be changed. What a query may take is bounded by counts, not by seconds,
so that the same trial gets the same verdict on a slow machine.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from agentdyno.core.checkworld import SqlCheck
from agentdyno.core.trial import Trial
from agentdyno.evals.finding import Finding, excerpt, failed, passed
from agentdyno.evals.sqltables import accesses, cell, fill, names_in, tables
from agentdyno.evals.world import state_of

STEP = 10_000
STEPS = 5_000
"""Instructions of SQLite's machine that a query may take, in steps: seconds, at most."""
ROWS = 1_000
"""Most rows of a result."""
BYTES = 10_000_000
"""Longest text or blob, in bytes."""
_ALLOWED = (
    sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE,
)
_UNSTEADY = frozenset((
    "random", "randomblob", "load_extension", "current_date", "current_time", "current_timestamp",
))
"""Functions whose result is another each time, or that reach out of the database."""


class SqlFault(Exception):
    """The query cannot be answered, which says nothing about the agent."""


def sql(trial: Trial, check: SqlCheck, folder: Path) -> Finding:
    """Ask the query of the end state and compare what comes out.

    Raises:
        SqlFault: the query is wrong, or takes too much.
        StateFault: the server cannot tell its state.
    """
    state = state_of(trial, check.on, check.not_called)
    if isinstance(state, Finding):
        return state
    found = tables(state)
    if check.on == "memory":
        found["access"] = accesses(trial.events)
    with closing(sqlite3.connect(":memory:")) as link:
        try:
            fill(link, found, check.columns)
            rows = _ask(link, check.query)
        except (sqlite3.Error, sqlite3.Warning) as error:
            there = ", ".join(f"{table} ({', '.join(names_in(rows))})" if rows else table
                              for table, rows in found.items()) or "none"
            raise SqlFault(f"{_reason(error)}; tables: {there}") from error
    return _compared(check, rows)


def _reason(error: Exception) -> str:
    if str(error) == "interrupted":
        return f"the query took more than {STEP * STEPS:,} instructions"
    if str(error).startswith("not authorized"):
        return f"the query may only read, and the same each time ({error})"
    return str(error)


def _ask(link: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    left = STEPS

    def more() -> int:
        nonlocal left
        left -= 1
        return left < 0

    def allow(action: int, one: str | None, other: str | None, *_: str | None) -> int:
        unsteady = action == sqlite3.SQLITE_FUNCTION and (other or "").lower() in _UNSTEADY
        return sqlite3.SQLITE_OK if action in _ALLOWED and not unsteady else sqlite3.SQLITE_DENY

    # These two make themselves known to the database on first use, which the authorizer forbids.
    link.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')")
    link.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, BYTES)
    link.set_progress_handler(more, STEP)
    link.set_authorizer(allow)
    rows = link.execute(query).fetchmany(ROWS + 1)
    if len(rows) > ROWS:
        raise SqlFault(f"the query has more than {ROWS} rows")
    return rows


def _compared(check: SqlCheck, rows: list[tuple[Any, ...]]) -> Finding:
    told = f"the query gives {excerpt(_shown(rows), 240)}"
    if check.rows is not None:
        wanted = [tuple(map(cell, row)) for row in check.rows]
        return passed(told) if rows == wanted else failed(f"{told}, not {_shown(wanted)}")
    if len(rows) != 1 or len(rows[0]) != 1:
        return failed(f"{told}, which is not one value")
    value = rows[0][0]
    if "equals" in check.model_fields_set:
        wanted_value = cell(check.equals)
        same = value == wanted_value
        return passed(told) if same else failed(f"{told}, not {wanted_value!r}")
    if not isinstance(value, int | float):
        return failed(f"{told}, which is no number")
    if check.at_least is not None and value < check.at_least:
        return failed(f"{told}, not {check.at_least:g} or more")
    if check.at_most is not None and value > check.at_most:
        return failed(f"{told}, not {check.at_most:g} or less")
    return passed(told)


def _shown(rows: list[tuple[Any, ...]]) -> str:
    if len(rows) == 1 and len(rows[0]) == 1:
        return repr(rows[0][0])
    return "; ".join("(" + ", ".join(map(repr, row)) + ")" for row in rows) or "no row"
