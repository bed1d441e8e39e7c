"""A store to look at, and pages to look at it with."""

import asyncio
import itertools
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import streamlit as st
from psycopg import sql
from streamlit.testing.v1 import AppTest

from agentdyno.core.approval import ApprovalRequest
from agentdyno.core.sink import Sink
from agentdyno.core.spec import MemoryItem
from agentdyno.dashboards import bridge
from agentdyno.memory.server import MemoryServer
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.tests.dashboards import stored as made

_numbers = itertools.count()
RUN_S = 30.0
"""Seconds that a page may take in a test; the first one imports pandas and Altair."""


def _copied(template: str, name: str, source: str) -> str:
    maintenance = template.replace("/agentdyno?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as link:
        link.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(source)))
    return template.replace("/agentdyno?", f"/{name}?")


def _dropped(template: str, name: str) -> None:
    maintenance = template.replace("/agentdyno?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as link:
        link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def _filled(_template: str) -> Iterator[str]:
    """A database with the store of stored.py, to be copied."""
    address = _copied(_template, "dashboard_filled", "agentdyno")
    asyncio.run(fill(address))
    yield _template
    _dropped(_template, "dashboard_filled")


@pytest.fixture
def stored(_filled: str) -> Iterator[str]:
    """Address of a database of one's own with a small realistic store: see stored.py."""
    name = f"dashboard_{next(_numbers)}"
    address = _copied(_filled, name, "dashboard_filled")
    yield address
    bridge.forget()
    _dropped(_filled, name)


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[made.Page]:
    """Return a function that opens a page on a database as a browser would: name, address of the
    database, then what stands in the query: `open_page("trial", stored, trial=found)`."""
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path))
    monkeypatch.delenv("AGENTDYNO_DASHBOARD_PASSWORD", raising=False)

    def opened(name: str, database: str, **query: Any) -> AppTest:
        monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
        script = f"from agentdyno.dashboards.app import main\nmain({name!r})\n"
        page = AppTest.from_string(script, default_timeout=RUN_S)
        for parameter, value in query.items():
            page.query_params[parameter] = value
        return page.run()

    yield opened
    st.cache_data.clear()
    bridge.forget()


async def fill(address: str) -> None:
    """Store everything that stored.py describes."""
    pool = await open_pool(address)
    try:
        store = TrialStore(pool)
        for matrix, command, trials, status in (
            (made.FIRST, "agentdyno run investment_analysis refund_chat -n 4",
             await _remembered(MemoryServer(pool), [*made.first_matrix()]), "finished"),
            (made.SECOND, "agentdyno run investment_analysis --variant brief",
             made.second_matrix(), "interrupted"),
            (made.CHAOS, "agentdyno chaos order_mail", made.chaos_matrix(), "finished"),
            (made.RUNNING, "agentdyno run support_triage", (), "running"),
        ):
            await store.create_matrix(command, {"scenarios": [], "trials": 4}, matrix)
            await store.save(matrix, trials)
            if status != "running":
                await store.finish_matrix(matrix, status)  # type: ignore[arg-type]
        async with pool.connection() as link:
            for seconds in (600, 0):
                await link.execute(
                    "INSERT INTO approval (ticket, trial_id, request, expires_at, seen_at) VALUES"
                    " (%s, %s, %s, clock_timestamp() + interval '30 minutes',"
                    " clock_timestamp() - make_interval(secs => %s))",
                    [uuid.uuid4(), "0" * 20, _waiting().model_dump_json(), seconds],
                )
    finally:
        await pool.close()


def _waiting() -> ApprovalRequest:
    """Return a call that waits: stored twice, once of a run that has fallen silent."""
    return ApprovalRequest(
        trial_id="0" * 20, scenario="refund_chat", runner="crewai 1.15.30", agent="support",
        ordinal=0, server="helpdesk", tool="refund", description="Pay an order back.",
        input_schema={"type": "object", "properties": {"amount": {"type": "number"}}},
        arguments={"order": "1042", "amount": 20}, risk="high", timeout_s=1800,
    )


async def _remembered(memory: MemoryServer, pairs: Sequence[made.Pair]) -> list[made.Pair]:
    """Return the same trials; the first one has memory, as if it had found a seed and written."""
    (trial, wire), *others = pairs
    await memory.seed(trial.id, [MemoryItem(text="The committee prefers low volatility."),
                                 MemoryItem(text="Mails go to the whole committee.")])
    sink = Sink(trial_id=trial.id, token="t", zero=time.perf_counter())
    await memory.call(sink, "researcher", "memory_write", {"text": "MSFT and AAPL: 0.25."})
    state = await memory.end_state(trial.id)
    trial = trial.model_copy(update={
        "events": (*trial.events, *sink.events), "end_state": {"memory": state},
    })
    await memory.keep(trial)
    return [(trial, wire), *others]
