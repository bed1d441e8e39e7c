"""One MCP server as the gateway sees it: started, listed, called, started again after a crash."""

import asyncio
import shlex
import textwrap
import time
from typing import Any, NoReturn

from agentdyno.core.errors import HarnessFault
from agentdyno.tools import jsonrpc
from agentdyno.tools.jsonrpc import RpcError
from agentdyno.tools.launch import Launch
from agentdyno.tools.link import Link, LinkLost, StderrTail
from agentdyno.tools.protocol import STATE_URI, TRIAL_META

START_TIMEOUT_S = 60.0
"""Seconds that a server may take to start; npx may first have to fetch it."""
MAX_CRASHES = 5
"""Crashes in a row, without one answer between them, after which a server stays down."""
_BACKOFF_S = 0.2
_MAX_PAGES = 100


class ServerCrashed(Exception):
    """The server went away during the call or could not be started again."""


class Upstream:
    """A server that is running, or will be at the next call."""

    def __init__(self, name: str, launch: Launch) -> None:
        self.name, self.launch = name, launch
        self.tools: tuple[dict[str, Any], ...] = ()
        self.starts = 0
        """How often the process was started: more than once means that its state was lost."""
        self._link: Link | None = None
        self._stderr = StderrTail()
        self._lock = asyncio.Lock()
        self._crashes = 0
        self._crashed_at = 0.0

    async def start(self) -> None:
        """Start the server and list its tools.

        Raises:
            HarnessFault: it cannot be started, exits, or does not answer in START_TIMEOUT_S.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                self._link = link = await self._open()
                self.tools = await _list_tools(link)
        except (OSError, LinkLost, RpcError, TimeoutError) as error:
            await self.close()
            raise self._start_fault(error) from None
        except BaseException:
            await self.close()
            raise

    async def call(self, tool: str, arguments: Any, meta: dict[str, Any]) -> dict[str, Any]:
        """Return the result of one tools/call as the server sent it.

        Raises:
            RpcError: the server answered with a JSON-RPC error.
            ServerCrashed: it went away; the next call starts it again.
        """
        link = self._link or await self._restart()
        try:
            result = await link.request(
                "tools/call", {"name": tool, "arguments": arguments, "_meta": meta}
            )
        except LinkLost as error:
            raise ServerCrashed(await self._bury(link, error)) from None
        self._crashes = 0
        return result

    async def crash(self) -> NoReturn:
        """End the server as a crash would: calls under way die too, the next one starts it again.

        Raises:
            ServerCrashed: always.
        """
        link = self._link or await self._restart()
        raise ServerCrashed(await self._bury(link, LinkLost("the server process ended")))

    async def state(self, meta: dict[str, Any]) -> Any:
        """Return the end state of the trial in `meta` as JSON, or None when the server has none."""
        link = self._link
        if link is None or not link.has_resources:
            return None
        listed = await link.request("resources/list", {})
        if all(resource.get("uri") != STATE_URI for resource in listed["resources"]):
            return None
        read = await link.request("resources/read", {"uri": STATE_URI, "_meta": meta})
        await link.forget(meta[TRIAL_META])
        return jsonrpc.loads(read["contents"][0]["text"].encode())

    async def close(self) -> None:
        """Stop the server."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _open(self) -> Link:
        self.starts += 1
        self._stderr = StderrTail()
        if self.launch.ours:
            from agentdyno.tools.pipelink import PipeLink

            return await PipeLink.open(self.launch, self._stderr)
        # Imported late: the official SDK takes half a second that most scenarios need not pay.
        from agentdyno.tools.sdklink import SdkLink

        return await SdkLink.open(self.launch, self._stderr)

    async def _restart(self) -> Link:
        async with self._lock:
            if self._link is not None:
                return self._link
            if self._crashes >= MAX_CRASHES:
                raise ServerCrashed(
                    f"The server {self.name} crashed {self._crashes} times in a row and stays down."
                )
            # The first restart is immediate; each further one waits twice as long as the last.
            pause = _BACKOFF_S * 2 ** (self._crashes - 2) if self._crashes > 1 else 0.0
            await asyncio.sleep(max(0.0, self._crashed_at + pause - time.monotonic()))
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    self._link = await self._open()
            except (OSError, LinkLost, RpcError, TimeoutError) as error:
                self._crashes += 1
                self._crashed_at = time.monotonic()
                raise ServerCrashed(
                    f"The server {self.name} crashed and could not be started again: {error}"
                ) from None
            return self._link

    async def _bury(self, link: Link, error: LinkLost) -> str:
        """Forget a dead link once, however many calls died with it; return what to say."""
        if self._link is link:
            self._link = None
            self._crashes += 1
            self._crashed_at = time.monotonic()
            await link.close()
        return f"The server {self.name} crashed during the call: {error}. It will be started again."

    def _start_fault(self, error: Exception) -> HarnessFault:
        what = (
            f"did not answer within {START_TIMEOUT_S:.0f} s"
            if isinstance(error, TimeoutError) else f"failed: {error}"
        )
        words = self.launch.redact(self._stderr.last_lines())
        said = f"; its last lines:\n{textwrap.indent(words, '    ')}" if words else ""
        by_hand = (
            f"check that {self.launch.shown} answers" if self.launch.url
            else f"cd {shlex.quote(self.launch.cwd)} && {self.launch.shown}"
        )
        return HarnessFault(
            f"tool server {self.name!r} could not be started: "
            f"`{self.launch.shown}` {self.launch.redact(what)}{said}", by_hand,
        )


async def _list_tools(link: Link) -> tuple[dict[str, Any], ...]:
    tools: list[dict[str, Any]] = []
    params: dict[str, Any] = {}
    for _ in range(_MAX_PAGES):
        page = await link.request("tools/list", params)
        tools += page["tools"]
        cursor = page.get("nextCursor")
        if not cursor:
            break
        params = {"cursor": cursor}
    return tuple(tools)
