"""What the pages read of the store, kept until something new is stored."""

from datetime import datetime

import streamlit as st

from agentdyno.dashboards.bridge import ask, settings
from agentdyno.store.reading import CellRow, Reading, RunRow
from agentdyno.store.readvalues import METRICS, ByArm, ReadValues, Wanted

Revision = tuple[int | None, ...]

MOST_VALUES = 2_000
"""Values of all arms together that resampling can take within half a second."""


def cells(matrix: str | None = None) -> list[CellRow]:
    """Return every cell, or those that one run executed."""
    return _cells(*key(), matrix)


def runs(limit: int = 12) -> list[RunRow]:
    """Return the newest runs with what they executed."""
    return _runs(*key(), limit)


def run_names(limit: int = 50) -> dict[str, str]:
    """Return the ids of the newest runs that executed something, by what they are called."""
    found = ask(lambda pool: Reading(pool).names(limit))
    return {run_name(run, began): run for run, began in found}


def run_name(run: str, began: datetime) -> str:
    """Return what a run is called, also in the address: the start of its id and when it began."""
    return f"{run[:8]} {began:%Y-%m-%d %H:%M}"


def values(wanted: Wanted, metrics: tuple[str, ...] = tuple(METRICS)) -> ByArm:
    """Return the values of `metrics` of the wanted arms."""
    return _values(*key(), wanted, metrics)


def checks(wanted: Wanted) -> ByArm:
    """Return passes and fails of every check of the wanted arms."""
    return _checks(*key(), wanted)


def most_per_case(found: list[CellRow], most: int = MOST_VALUES) -> int:
    """Return how many trials of each case and arm may be taken so that none has to wait."""
    return max(5, most // max(1, len(found)))


def key() -> tuple[str, str, Revision]:
    """Return what the answers depend on beside the question."""
    found = settings()
    url = found.database_url.get_secret_value() if found.database_url else ""
    return url, str(found.cache), ask(lambda pool: Reading(pool).revision())


@st.cache_data(show_spinner=False, max_entries=8)
def _cells(url: str, cache: str, revision: Revision, matrix: str | None) -> list[CellRow]:
    return ask(lambda pool: Reading(pool).cells(matrix))


@st.cache_data(show_spinner=False, max_entries=4)
def _runs(url: str, cache: str, revision: Revision, limit: int) -> list[RunRow]:
    return ask(lambda pool: Reading(pool).matrices(limit))


@st.cache_data(show_spinner=False, max_entries=16)
def _values(
    url: str, cache: str, revision: Revision, wanted: Wanted, metrics: tuple[str, ...]
) -> ByArm:
    return ask(lambda pool: ReadValues(pool).values(wanted, metrics))


@st.cache_data(show_spinner=False, max_entries=16)
def _checks(url: str, cache: str, revision: Revision, wanted: Wanted) -> ByArm:
    return ask(lambda pool: ReadValues(pool).checks(wanted))
