"""The bare side of a comparison: a framework's own script against the floor server."""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
from process_tree import HERE, cost

from agentdyno.cli.context import load_settings
from agentdyno.runners import envs
from agentdyno.runners.switches import worker_environment

SCRIPTS = {
    "autogen": "autogen", "crewai": "crewai", "langgraph": "langgraph",
    "openai_agents": "openai_agents", "pydantic_ai": "pydantic_ai",
    # OpenFlow has no bare form in Python; its agents are Pydantic AI's.
    "windmill": "pydantic_ai",
}


@contextlib.contextmanager
def floor_server() -> Iterator[tuple[str, psutil.Process]]:
    """Serve the floor for the duration of the context; yields its base URL and process."""
    server = subprocess.Popen(
        [sys.executable, HERE / "floor_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = int(server.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1", psutil.Process(server.pid)
    finally:
        server.stdin.close()
        server.wait()


def python_of(runner: str) -> Path:
    """Return the interpreter of the runner's environment, made when it is missing."""
    ref = asyncio.run(envs.resolve(runner, load_settings().cache))
    return asyncio.run(envs.ensure(ref))


def bare_cpu_s(
    runner: str, mode: str, trials: int, concurrency: int, url: str, server: psutil.Process
) -> float:
    """Return the CPU seconds of the bare script and of the server that it talks to."""
    script = HERE / "bare" / f"run_{SCRIPTS[runner]}.py"
    command = [str(python_of(runner)), str(script), url, str(trials), str(concurrency), mode]
    with tempfile.TemporaryDirectory() as home:
        before = server.cpu_times()
        used = cost(command, env=worker_environment(Path(home))).cpu_s
        after = server.cpu_times()
    return used + after.user + after.system - before.user - before.system
