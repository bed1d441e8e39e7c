"""A server in a process of its own: its start, its health, its end."""

import asyncio
import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import HarnessFault

GUARD = Path(__file__).with_name("guard.py")
START_S = 180.0
"""Seconds that a server has to answer; MLflow takes half a minute on a busy machine."""
STOP_S = 10.0
_EVERY_S = 0.2
_LOG_LINES = 15
_LOG_LIMIT = 5_000_000
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, kw_only=True)
class Server:
    """What is started, and how to ask whether it is there."""

    name: str
    """As users are told."""
    command: Sequence[str]
    environ: Mapping[str, str]
    url: str
    """What a browser opens."""
    health: str
    """Address that answers 200 once it serves."""
    log: Path


class Service:
    """A running server; end it with `stop`."""

    def __init__(self, server: Server, process: asyncio.subprocess.Process) -> None:
        self.server = server
        self._process = process

    @classmethod
    async def start(cls, server: Server) -> "Service":
        """Start the process of `server`; what it says goes to its log."""
        server.log.parent.mkdir(parents=True, exist_ok=True)
        if server.log.exists() and server.log.stat().st_size > _LOG_LIMIT:
            server.log.replace(server.log.with_suffix(".log.1"))
        with server.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(GUARD), *server.command,
                stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log, env=dict(server.environ),
                # Not the caller's folder, whose modules and .streamlit would be found; and not his
                # terminal, whose Ctrl-C is ours to pass on.
                cwd=server.log.parent, start_new_session=True,
            )
        return cls(server, process)

    async def healthy(self) -> None:
        """Return once the server answers.

        Raises:
            HarnessFault: it ended instead, or did not answer in time.
        """
        deadline = asyncio.get_running_loop().time() + START_S
        while not await asyncio.to_thread(_answers, self.server.health):
            if self._process.returncode is not None:
                raise self._ended()
            if asyncio.get_running_loop().time() > deadline:
                raise HarnessFault(
                    f"{self.server.name} has not answered for {START_S:.0f} s.{self._last_words()}",
                    f"read {self.server.log}",
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _EVERY_S)

    async def ended(self) -> HarnessFault:
        """Return, once the server has ended by itself, what is to be said of it."""
        await self._process.wait()
        return self._ended()

    async def stop(self) -> None:
        """End the server and all that it started."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _ended(self) -> HarnessFault:
        return HarnessFault(
            f"{self.server.name} ended by itself (exit code {self._process.returncode})."
            f"{self._last_words()}", f"read {self.server.log}",
        )

    def _last_words(self) -> str:
        with self.server.log.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 20_000))
            lines = log.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
        return "".join(f"\n    {line}" for line in lines)


def _answers(url: str) -> bool:
    try:
        with _opener.open(url, timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
