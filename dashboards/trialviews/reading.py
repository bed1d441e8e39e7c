"""Trials for pages, read once: a sealed trial changes only when it runs or is graded again."""

import streamlit as st

from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.dashboards.bridge import ask, settings
from agentdyno.dashboards.trials.moments import Moment, moments
from agentdyno.store.database import describe
from agentdyno.store.trialpick import Names, trial_mark, trial_names
from agentdyno.store.trials import TrialStore
from agentdyno.store.wirereading import WireLine, wire_lines, wire_records

_KEPT = 16
"""Trials that the process keeps: the sessions share them."""


def load_trial(prefix: str) -> Trial:
    """Return the trial whose id starts with `prefix`.

    Raises:
        UsageError: there is none, or more than one.
    """
    trial_id = ask(lambda pool: TrialStore(pool).find(prefix))
    return _trial(trial_id, _mark(trial_id))


def load_moments(trial: Trial) -> tuple[Moment, ...]:
    """Return the trial's events in words."""
    return _moments(trial.id, _mark(trial.id), trial)


def load_lines(trial: Trial) -> tuple[WireLine, ...]:
    """Return what exchanges the trial had."""
    return _lines(trial.id, _mark(trial.id))


def load_records(trial: Trial, *seqs: int) -> tuple[WireRecord, ...]:
    """Return some of the trial's exchanges."""
    return ask(lambda pool: wire_records(pool, trial.id, seqs))


def load_names() -> Names:
    """Return the scenarios and runners that there are trials of."""
    return _names(place())


def place() -> str:
    """Return what tells this database from others, for the keys of caches."""
    found = settings()
    url = found.database_url
    return describe(url.get_secret_value()) if url else str(found.cache)


def _mark(trial_id: str) -> str:
    return f"{place()}/{ask(lambda pool: trial_mark(pool, trial_id))}"


@st.cache_data(ttl=30, max_entries=4, show_spinner=False)
def _names(where: str) -> Names:
    return ask(trial_names)


# Not copied for every interaction, as cache_data would: nouns are frozen.
@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _trial(trial_id: str, mark: str) -> Trial:
    return ask(lambda pool: TrialStore(pool).get(trial_id))


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _moments(trial_id: str, mark: str, _trial: Trial) -> tuple[Moment, ...]:
    return moments(_trial.events)


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _lines(trial_id: str, mark: str) -> tuple[WireLine, ...]:
    return ask(lambda pool: wire_lines(pool, trial_id))
