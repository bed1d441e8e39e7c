"""The queue of approvals: a question waits in the table until somebody at the desk decides."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentdyno.core.approval import ApprovalRequest, Decision
from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.store.approvalqueue import ApprovalQueue
from agentdyno.store.approvals import LOST_S, ApprovalDesk
from agentdyno.store.audit import AuditLog
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server, server_status, stop_server

_KILLED = Path(__file__).with_name("killed_asker.py")


def _request(**changes: Any) -> ApprovalRequest:
    fields: dict[str, Any] = {
        "trial_id": "t1", "scenario": "incident", "runner": "autogen@0.7", "agent": "operator",
        "ordinal": 0, "server": "ops", "tool": "restart", "description": "Restart a service.",
        "arguments": {"service": "pay\u0000ments \u2028", "force": True}, "risk": "high",
        "timeout_s": 60.0,
    }
    return ApprovalRequest(**(fields | changes))


class Asker:
    """A run with a queue, whose questions can be waited for."""

    def __init__(self, pool: Pool, **how: Any) -> None:
        self.numbers: asyncio.Queue[int] = asyncio.Queue()
        self.queue = ApprovalQueue(
            pool, asked=lambda number, _: self.numbers.put_nowait(number), **how
        )

    async def ask(self, **changes: Any) -> tuple[int, "asyncio.Task[Decision]"]:
        task = asyncio.create_task(self.queue.decide(_request(**changes)))
        return await self.numbers.get(), task


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database)
    yield opened
    await opened.close()


@pytest.fixture
async def asker(pool: Pool) -> AsyncIterator[Asker]:
    asker = Asker(pool)
    yield asker
    await asker.queue.close()


@pytest.fixture
def desk(pool: Pool) -> ApprovalDesk:
    return ApprovalDesk(pool)


async def test_a_decision_reaches_the_call_that_waits_with_who_when_and_what(
    asker: Asker, desk: ApprovalDesk
) -> None:
    number, call = await asker.ask()
    (row,) = await desk.list()
    assert (row.id, row.state, row.lost) == (number, "waiting", False)
    assert row.asked == _request()
    assert 50 < row.left_s <= 60
    await desk.settle(number, "modified", by="mira", reason="softly", arguments={"force": False})
    decision = await asyncio.wait_for(call, 30)
    assert (decision.decision, decision.decided_by, decision.reason) == (
        "modified", "mira", "softly")
    assert decision.arguments == {"force": False}
    row = await desk.get(number)
    assert row.decided_at is not None
    assert decision.decided_at[:19] == row.decided_at.isoformat()[:19]
    assert await desk.list() == []
    assert [r.state for r in await desk.list(all=True)] == ["modified"]


async def test_every_decision_is_in_the_audit_log_and_none_is_made_by_nobody(
    asker: Asker, desk: ApprovalDesk, pool: Pool
) -> None:
    number, call = await asker.ask()
    with pytest.raises(UsageError, match="needs the name of whoever does it"):
        await desk.settle(number, "approved", by=" ")
    assert (await desk.get(number)).state == "waiting", "what cannot be written down is not done"
    await desk.settle(number, "rejected", by="mira", reason="too dear")
    await call
    (line,) = await AuditLog(pool).list(noun="approval")
    assert (line.who, line.action, line.target) == ("mira", "approval.reject", str(number))
    assert line.detail == {"trial": "t1", "reason": "too dear", "arguments": None}


async def test_several_questions_are_answered_each_by_its_own_decision(
    asker: Asker, desk: ApprovalDesk
) -> None:
    asked = [await asker.ask(ordinal=n) for n in range(3)]
    for number, _ in reversed(asked):
        await desk.settle(number, "rejected", by="mira", reason=f"number {number}")
    for number, call in asked:
        assert (await asyncio.wait_for(call, 30)).reason == f"number {number}"


async def test_of_two_who_decide_at_once_one_does_and_the_other_is_told_by_whom(
    asker: Asker, desk: ApprovalDesk
) -> None:
    number, call = await asker.ask()
    results = await asyncio.gather(
        desk.settle(number, "approved", by="mira"), desk.settle(number, "rejected", by="noor"),
        return_exceptions=True,
    )
    decision = await call
    (late,) = [result for result in results if isinstance(result, UsageError)]
    assert decision.decided_by in ("mira", "noor")
    assert f"is decided already: {decision.decision} by {decision.decided_by} at" in str(late)


async def test_nobody_in_time_is_written_down_and_the_late_one_is_told(
    asker: Asker, desk: ApprovalDesk
) -> None:
    number, call = await asker.ask(timeout_s=0.05)
    decision = await call
    assert (decision.decision, decision.decided_by) == ("timed_out", "policy")
    assert (await desk.get(number)).state == "timed_out"
    with pytest.raises(UsageError, match="has timed out: the scenario's policy has decided"):
        await desk.settle(number, "approved", by="mira")


async def test_a_decision_just_before_the_end_of_the_time_counts(
    pool: Pool, desk: ApprovalDesk
) -> None:
    class Slow(ApprovalQueue):
        async def _look(self, link: Any) -> None:
            """Hear nothing."""

    asker = Asker(pool)
    asker.queue = Slow(pool, asked=lambda number, _: asker.numbers.put_nowait(number))
    number, call = await asker.ask(timeout_s=0.3)
    await desk.settle(number, "approved", by="mira")
    assert (await call).decided_by == "mira"
    await asker.queue.close()


async def test_an_approval_for_a_trial_that_has_ended_is_refused_with_words(
    asker: Asker, desk: ApprovalDesk
) -> None:
    number, call = await asker.ask()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asker.queue.close()
    assert (await desk.get(number)).state == "withdrawn"
    with pytest.raises(UsageError, match="its trial has ended") as told:
        await desk.settle(number, "approved", by="mira")
    assert told.value.hint == f"agentdyno approvals show {number}"


async def test_an_unknown_number_is_refused(desk: ApprovalDesk) -> None:
    with pytest.raises(UsageError, match="there is no approval 17"):
        await desk.settle(17, "approved", by="mira")


async def test_nobody_decides_for_a_run_that_was_killed(
    database: str, pool: Pool, desk: ApprovalDesk
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(_KILLED), database, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    number = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    assert not (await desk.get(number)).lost, "it may still be there"
    with psycopg.connect(database) as link:
        link.execute("UPDATE approval SET seen_at = seen_at - make_interval(secs => %s)", [LOST_S])
    assert (await desk.get(number)).lost
    with pytest.raises(UsageError, match="the run that asked for approval 1 was last heard of at"):
        await desk.settle(number, "approved", by="mira")


async def test_a_run_that_waits_is_heard_of(pool: Pool, desk: ApprovalDesk) -> None:
    asker = Asker(pool, heartbeat_s=0.02)
    number, call = await asker.ask()
    before = (await desk.get(number)).seen_at
    async with asyncio.timeout(30):
        while (await desk.get(number)).seen_at == before:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await desk.settle(number, "approved", by="mira")
    await call
    await asker.queue.close()


async def test_killed_backends_are_not_noticed(
    asker: Asker, desk: ApprovalDesk, database: str
) -> None:
    number, call = await asker.ask()
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as link:
        await link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    await desk.settle(number, "approved", by="mira")
    assert (await asyncio.wait_for(call, 30)).decision == "approved"


async def test_a_question_survives_the_death_of_the_database_and_of_whoever_looked(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"
    try:
        dsn = await ensure_server(cache)
        await migrate(dsn)
        pool = await open_pool(dsn, timeout_s=1.0)
        asker = Asker(pool, revive=lambda: ensure_server(cache))
        number, call = await asker.ask()
        pid = (await server_status(cache)).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        again = await open_pool(await ensure_server(cache))
        await ApprovalDesk(again).settle(number, "approved", by="mira")
        assert (await asyncio.wait_for(call, 30)).decided_by == "mira"
        await again.close()
        await asker.queue.close()

        alone = ApprovalQueue(pool, pauses_s=(0.0,))
        await stop_server(cache)
        with pytest.raises(HarnessFault, match="Nobody can decide about the call") as told:
            await alone.decide(_request())
        assert "agentdyno db status" in told.value.hint
        await pool.close()
    finally:
        await remove_server(cache)


async def test_a_queue_that_is_never_asked_makes_no_connection() -> None:
    from psycopg_pool import AsyncConnectionPool

    await ApprovalQueue(AsyncConnectionPool("host=/nowhere", open=False)).close()
