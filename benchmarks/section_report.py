"""The report on a stored run of 1,000 trials: wall seconds of the whole command, and its size."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import spread, target
from storage import _trial

from agentdyno.core.trial import Trial, Verdict
from agentdyno.store.database import open_pool
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server
from agentdyno.store.trials import TrialStore

TRIALS, RUNNERS, CASES = 1000, 5, 20
MOST_S, MOST_MB = 5.0, 5.0


def main(rounds: int) -> None:
    """Store the run, write its report `rounds` times, print one line."""
    with tempfile.TemporaryDirectory(prefix="agentdyno-bench-") as name:
        folder = Path(name)
        try:
            dsn = asyncio.run(_stored(folder / "cache"))
            file = folder / "report.html"
            _write(dsn, file)  # byte-compiles, and warms the disk
            took = [_write(dsn, file) for _ in range(rounds)]
            size = file.stat().st_size / 1e6
        finally:
            asyncio.run(remove_server(folder / "cache"))
    print(f"{TRIALS} trials of 25 events: {spread(took, 2)} s wall; "
          f"{target(sorted(took)[len(took) // 2] <= MOST_S, f'{MOST_S:g} s')}")
    print(f"one file of {size:.2f} MB; {target(size <= MOST_MB, f'{MOST_MB:g} MB')}", flush=True)


def _write(dsn: str, file: Path) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-P", "-m", "agentdyno", "report", "latest", "-o", str(file)], check=True,
        env={**os.environ, "AGENTDYNO_DATABASE_URL": dsn}, stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


async def _stored(cache: Path) -> str:
    dsn = await ensure_server(cache)
    await migrate(dsn)
    pool = await open_pool(dsn)
    store = TrialStore(pool)
    matrix = await store.create_matrix("benchmark", {})
    trials = [(_made(n), ()) for n in range(TRIALS)]
    for start in range(0, TRIALS, 100):
        await store.save(matrix, trials[start:start + 100])
    await store.finish_matrix(matrix, "finished")
    await pool.close()
    return dsn


def _made(n: int) -> Trial:
    """Return a trial of one of five runners on one of twenty cases; some fail."""
    trial = _trial(n)
    key = trial.key.model_copy(update={
        "runner": f"runner_{n % RUNNERS}", "case": f"case_{n // RUNNERS % CASES}",
        "repeat": n // (RUNNERS * CASES),
    })
    passed = n * 7919 % 11 > n % RUNNERS
    return trial.model_copy(update={
        "key": key, "duration_s": 1 + n % 7 / 10,
        "verdicts": (
            Verdict(check="figures", status="pass" if passed else "fail", reason="as they are"),
            *(Verdict(check=f"check_{m}", status="pass", reason="yes") for m in range(9)),
        ),
    })
