"""CPU of whole process trees: a command with its descendants, and the embedded Postgres."""

import asyncio
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from agentdyno.cli.context import load_settings
from agentdyno.store.postgres import ensure_server, server_status

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one command cost."""

    cpu_s: float
    """User and system seconds of the command, its descendants, and Postgres meanwhile."""
    wall_s: float


def postmaster() -> psutil.Process:
    """Return the embedded server's first process, starting it when it is down."""
    cache = load_settings().cache
    asyncio.run(ensure_server(cache))
    pid = asyncio.run(server_status(cache)).pid
    assert pid
    return psutil.Process(pid)


def _postgres_cpu(server: psutil.Process) -> float:
    """Return the CPU seconds of the server so far, ended backends included."""
    total = 0.0
    for process in [server, *server.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
        if process == server:
            total += times.children_user + times.children_system
    return total


def cost(
    command: Sequence[str], *, server: psutil.Process | None = None,
    env: dict[str, str] | None = None,
) -> Cost:
    """Run `command` to its end and return what it cost; raises when it fails."""
    database = _postgres_cpu(server) if server else 0.0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            cwd=HERE, check=False,
        )
        wall = time.perf_counter() - started
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{command[:3]} ended with {done.returncode}:\n{output.read()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(
        cpu_s=used + ((_postgres_cpu(server) - database) if server else 0.0), wall_s=wall
    )


def compiled_environment() -> dict[str, str]:
    """Return our environment, with byte code allowed: without it every start compiles anew."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
