"""Built teams that one trial after the other uses, and never two at once.

Compiling an agent and greeting an MCP server cost a multiple of a whole trial's work, and nothing
in them belongs to a trial but two addresses and a token. So a team is built once, bound to the
trial that leases it, and thrown away when that trial ends in anything but an answer: closing it
closes every connection that the trial may have left half-used.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Hashable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from agentdyno.core.trial import Assignment

_IDLE = 64
"""Idle teams that are kept; beyond it the one that was used longest ago is closed."""
_LEAVING_S = 1.0
"""Seconds that a context gets to close by itself."""


class Team(Protocol):
    """Agents of one framework, ready to be pointed at a trial."""

    async def bind(self, assignment: Assignment) -> None:
        """Point every agent at the trial's addresses and token, and read its tools anew."""
        ...

    async def close(self) -> None:
        """Close the connections that only this team uses."""
        ...


TeamT = TypeVar("TeamT", bound=Team)


class TeamPool(Generic[TeamT]):
    """Leases teams to trials that ask for the same agents, pattern and gateway."""

    def __init__(self, build: Callable[[Assignment], Awaitable[TeamT]]) -> None:
        self._build = build
        self._idle: list[tuple[Hashable, TeamT]] = []

    @asynccontextmanager
    async def lease(self, assignment: Assignment) -> AsyncIterator[TeamT]:
        """Lend a team that no other trial uses until the block is left."""
        key = _key(assignment)
        team = self._take(key) or await self._build(assignment)
        try:
            await team.bind(assignment)
            yield team
        except BaseException:
            await team.close()
            raise
        self._idle.append((key, team))
        if len(self._idle) > _IDLE:
            await self._idle.pop(0)[1].close()

    async def close(self) -> None:
        """Close all idle teams."""
        while self._idle:
            await self._idle.pop()[1].close()

    def _take(self, key: Hashable) -> TeamT | None:
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][0] == key:
                return self._idle.pop(index)[1]
        return None


def _key(assignment: Assignment) -> Hashable:
    # A session lives on one gateway: the same agents on another one need a session of their own.
    doors = tuple(
        (name, urlsplit(endpoint.mcp_url).netloc if endpoint.mcp_url else None)
        for name, endpoint in sorted(assignment.endpoints.items())
    )
    return (assignment.pattern, assignment.agents, assignment.stream, assignment.retries, doors)


class Door:
    """Sends each request of a pooled MCP session to the trial that leases the session now.

    Mixed into the `Auth` class of httpx or httpx2, whose clients ask it before every request.
    """

    url = ""
    token = ""

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Readdress `request`, and sign it with the trial's token."""
        request.url = type(request.url)(self.url)
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


ValueT = TypeVar("ValueT")


class Held(Generic[ValueT]):
    """Keeps a context open in a task of its own, so that any task may close it.

    MCP sessions are built on anyio, whose scopes must be left by the task that entered them; a
    session that outlives its trial is entered and left by different ones.
    """

    def __init__(self, context: AbstractAsyncContextManager[ValueT]) -> None:
        self._context = context
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> ValueT:
        """Enter the context and return its value; whatever entering raises passes through."""
        entered: asyncio.Future[ValueT] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(entered))
        try:
            await asyncio.wait((self._task, entered), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.close()
            raise
        if not entered.done():
            await self._task
        return entered.result()

    async def close(self) -> None:
        """Leave the context; what a broken connection raises while it closes is of no use."""
        self._leave.set()
        if self._task is None:
            return
        if not self._task.done():
            _, late = await asyncio.wait((self._task,), timeout=_LEAVING_S)
            for task in late:
                task.cancel()
        with suppress(Exception, asyncio.CancelledError):
            await self._task

    async def _hold(self, entered: "asyncio.Future[ValueT]") -> None:
        async with self._context as value:
            entered.set_result(value)
            await self._leave.wait()
