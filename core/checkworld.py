"""Checks of the world that a trial leaves behind, and of whatever else a user can compute."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agentdyno.core.checkbase import Check, Computed

_NOW = re.compile(r"(?i)['\"]now['\"]")


def _reads_only(query: str) -> str:
    if not re.match(r"(?i)\s*(select|with|values)\b", query):
        raise ValueError("begins with neither SELECT, WITH nor VALUES; a check only reads")
    if _NOW.search(query):
        raise ValueError("asks for the time of day; the same trial must always get the same answer")
    return query


class _WorldCheck(Check):
    not_called: Literal["fail", "pass"] = "fail"
    """What it is when no agent ever called the server, which then leaves no state."""


class SqlCheck(_WorldCheck):
    """A query over the trial's memory, or over a tool server's end state, answers as expected.

    SQLite's dialect. Each key of the end state is a table: see design/checks.md.
    """

    type: Literal["sql"]
    on: str = Field(default="memory", min_length=1)
    """`memory`, or a name in `mcpServers`."""
    query: Annotated[str, Field(min_length=1), AfterValidator(_reads_only)]
    """One SELECT."""
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Columns that a table has also while no row says so, by table: of an empty list nothing else
    tells what its rows would be like."""
    equals: str | int | float | bool | None = None
    """The one value that must come out; null is SQL's NULL."""
    at_least: float | None = None
    """Least number that may come out."""
    at_most: float | None = None
    """Largest number that may come out."""
    rows: tuple[tuple[str | int | float | bool | None, ...], ...] | None = None
    """Rows that must come out, in this order and no others."""

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        given = {"equals", "at_least", "at_most", "rows"} & self.model_fields_set
        if not given:
            raise ValueError("expects nothing; give equals, at_least, at_most or rows")
        if len(given) > 1 and given != {"at_least", "at_most"}:
            raise ValueError(f"expects {' and '.join(sorted(given))} at once; give one of them")
        return self


class EndStateCheck(_WorldCheck):
    """A tool server's end state equals the expected one: the same hash of its canonical JSON.

    The order of keys, and whether a whole number is written 1 or 1.0, make no difference.
    """

    type: Literal["end_state"]
    server: str = Field(min_length=1)
    """`memory`, or a name in `mcpServers`."""
    equals: Any = None
    """The expected state as JSON."""
    file: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+\.json$")
    """File in the scenario's folder that holds it."""
    computed: Computed | None = None
    """Function in the scenario's folder that returns it, such as one that does by script what the
    agent should have done."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Its hash, as a failing verdict tells it."""
    ignore: tuple[str, ...] = ()
    """Keys that are left out of both sides wherever they stand, such as times and random ids."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = {"equals", "file", "computed", "sha256"} & self.model_fields_set
        if len(given) != 1:
            what = " and ".join(sorted(given)) or "none of them"
            raise ValueError(f"needs exactly one of equals, file, computed, sha256; it has {what}")
        return self


class PythonCheck(Check):
    """A check that a user wrote: a function with `@agentdyno.check`.

    It is given the sealed trial and returns whether it passes, with or without a reason. One that
    raises, or returns anything else, is an error.
    """

    type: Literal["python"]
    function: str = Field(
        pattern=r"^([A-Za-z0-9_]+\.py:[A-Za-z_][A-Za-z0-9_.-]*|[A-Za-z_][A-Za-z0-9_.-]*)$"
    )
    """`file.py:name` in the scenario's folder; or the `name` of a check that an installed package
    offers by the entry point group `agentdyno.checks`."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the function, after the trial."""
