"""`agentdyno cancel`: a real run, seen from elsewhere and stopped there."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners import envs
from agentdyno.store.audit import AuditLog
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.live import LiveBoard, LiveMatrix
from agentdyno.store.trials import TrialStore
from agentdyno.tests.cli.test_run import RUNNER, SCENARIO, Command

SCRIPT = """\
agents:
  solo:
    - when: turn == 1
      say: Hello.
    - say: "{{ 'word ' * 400 }}"
latency: {first_token_s: 0.05, tokens_per_s: 300}
"""


@pytest.fixture(scope="module", autouse=True)
def _environment() -> None:
    asyncio.run(envs.ensure(asyncio.run(envs.resolve(RUNNER, load_settings().cache))))


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database, size=2)
    yield opened
    await opened.close()


async def started(command: Command, folder: Path) -> asyncio.subprocess.Process:
    """Start a run of many slow trials, one at a time."""
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "script.yaml").write_text(SCRIPT)
    return await command.start(
        "run", str(folder), "--runner", RUNNER, "--trials", "50", "-c", "1", "--stream",
        "--no-mlflow",
    )


async def seen(pool: Pool, wanted: Callable[[LiveMatrix], bool]) -> LiveMatrix:
    """Return the only run under way, once it is as wanted."""
    async with asyncio.timeout(60):
        while True:
            for one in await LiveBoard(pool).list():
                if wanted(one):
                    return one
            await asyncio.sleep(0.1)


def talking(one: LiveMatrix) -> bool:
    """Tell whether an agent can be heard."""
    return any("word" in trial["text"] for trial in one.running)


async def status(pool: Pool, matrix: str) -> str:
    async with pool.connection() as link:
        found = await link.execute("SELECT status FROM matrix WHERE id = %s", [matrix])
        row = await found.fetchone()
    assert row is not None
    return str(row[0])


async def test_a_run_is_watched_from_elsewhere_and_cancelled_softly(
    database: str, pool: Pool, tmp_path: Path
) -> None:
    command = Command(database)
    process = await started(command, tmp_path)
    one = await seen(pool, talking)
    [trial] = one.running
    assert (trial["agent"], trial["runner"].split("@")[0]) == ("solo", RUNNER)
    assert one.total("planned") == 50
    code, listed, _ = await command("cancel")
    assert (code, one.matrix_id[:10] in listed, "/50" in listed) == (0, True, True)
    code, out, err = await command("cancel", one.matrix_id[:6], "--by", "Ada", "--reason", "dear")
    assert code == 0, err
    assert "finishes 1 running trials" in out
    _, told = await process.communicate()
    assert process.returncode == 2
    assert "cancelled by Ada: finishing the running trials" in told.decode()
    assert await status(pool, one.matrix_id) == "interrupted"
    assert 1 <= len(await TrialStore(pool).list()) < 50
    [row] = await AuditLog(pool).list()
    assert (row.who, row.action, row.detail["reason"]) == ("Ada", "matrix.cancel", "dear")
    code, out, _ = await command("cancel")
    assert "nothing runs" in out
    code, _, err = await command("cancel", one.matrix_id)
    assert (code, "one that has ended cannot be cancelled" in err) == (4, True)


async def test_cancelled_twice_a_run_ends_at_once(
    database: str, pool: Pool, tmp_path: Path
) -> None:
    process = await started(Command(database), tmp_path)
    one = await seen(pool, talking)
    began = time.monotonic()
    for _ in range(2):
        await LiveBoard(pool).cancel(one.matrix_id, by="Ada")
    _, told = await process.communicate()
    assert process.returncode == 2
    assert "stopping at once" in told.decode()
    # Heard within a second; what is left is closing workers and database.
    assert time.monotonic() - began < 15


async def test_a_killed_harness_is_lost_and_can_be_given_up(
    database: str, pool: Pool, tmp_path: Path
) -> None:
    command = Command(database)
    process = await started(command, tmp_path)
    one = await seen(pool, talking)
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    async with pool.connection() as link:
        await link.execute("UPDATE live_matrix SET seen_at = seen_at - interval '31 seconds'")
    assert [lost.state for lost in await LiveBoard(pool).list()] == ["lost"]
    code, out, _ = await command("cancel", one.matrix_id)
    assert (code, "is marked as interrupted" in out) == (0, True)
    assert await status(pool, one.matrix_id) == "interrupted"
