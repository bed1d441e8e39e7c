"""No worker outlives the harness, however the harness ends and whatever the runner is doing."""

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# A harness that starts a trial, says which process hosts it, and is killed without warning.
HARNESS = """
import asyncio, os, signal, sys
from pathlib import Path
from agentdyno.runners.process import WorkerProcess
from agentdyno.tests.runners.fakes.support import fake_ref, order

async def main(folder, turn):
    process = await WorkerProcess.start(fake_ref(Path(folder)), 30)
    begun = asyncio.Event()
    process.submit(order("t", turn), lambda event: begun.set())
    await begun.wait()
    print(process.ready.pid, process._folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for a stranger by pidfd (Linux)")
@pytest.mark.parametrize("turn", ["wait FILE", "block"])
def test_a_worker_ends_when_its_harness_is_killed(tmp_path: Path, turn: str):
    file = tmp_path / "never"
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(tmp_path), turn.replace("FILE", str(file))],
        stdout=subprocess.PIPE, text=True,
    )
    assert harness.stdout is not None
    with harness.stdout:
        pid, private = harness.stdout.readline().split()
        try:
            watch = os.pidfd_open(int(pid))
        except ProcessLookupError:
            watch = None
        harness.wait()
    if watch is not None:
        gone, _, _ = select.select([watch], [], [], 30)
        os.close(watch)
        assert gone
    shutil.rmtree(private)
    if turn != "block":
        assert Path(f"{file}.cancelled").exists()
