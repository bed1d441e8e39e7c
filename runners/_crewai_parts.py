"""What the CrewAI adapter overrides: where model calls go, and what is silenced.

CrewAI's executor is synchronous: it blocks one thread for each model call and each tool call, and
nothing can take a thread back. So both only wait there, for work on the event loop that a `Scope`
can cancel.
"""

import asyncio
import warnings
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from crewai.llms.providers.openai.completion import OpenAICompletion
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from pydantic import ConfigDict, Field, PrivateAttr

from agentdyno.core.pattern import pattern_agents
from agentdyno.core.trial import Assignment
from agentdyno.runners import _crewai_versions as release
from agentdyno.runners.teams import Held

if TYPE_CHECKING:
    from mcp.types import Tool

    from agentdyno.runners._crewai_session import Session

CONTEXT_WINDOW = 128_000
"""Tokens; see `GatewayLLM.get_context_window_size`."""

ResultT = TypeVar("ResultT")


class Scope:
    """Runs coroutines of one trial on the event loop for threads that wait for them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[Any]] = set()
        self._closed = False

    def result(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run `work` in the calling thread's context and wait for it.

        Raises:
            concurrent.futures.CancelledError: the scope is closed.
        """
        return asyncio.run_coroutine_threadsafe(self._watched(work), self._loop).result()

    async def close(self) -> None:
        """Cancel what runs, wait until it has let go, and refuse what comes later."""
        self._closed = True
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _watched(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        if self._closed:
            work.close()
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            return await work
        finally:
            self._running.discard(task)


class TurnLimitReached(Exception):
    """CrewAI asked for more model calls than the agent may make in one user turn."""


class GatewayLLM(OpenAICompletion):
    """CrewAI's own OpenAI client, cancellable, and counting the calls of the user turn."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    scope: Scope = Field(exclude=True)
    http: DefaultAsyncHttpxClient = Field(exclude=True)
    max_turns: int
    as_shipped: bool
    """Whether CrewAI's own attempts around a call are left to it."""
    _calls: int = PrivateAttr(default=0)

    def begin(self) -> None:
        """Start a user turn: the agent may make `max_turns` calls again."""
        self._calls = 0

    @release.tried_within
    def call(self, *args: Any, **options: Any) -> Any:
        # After max_iter rounds CrewAI makes one call more, to force an answer without tools.
        if self._calls >= self.max_turns:
            raise TurnLimitReached(f"max_iter={self.max_turns} model calls were made")
        self._calls += 1
        acall = self.acall if self.as_shipped else release.once(self.acall)
        return self.scope.result(acall(*args, **options))

    def get_context_window_size(self) -> int:
        """Return a window that no scenario fills.

        CrewAI tells it from the model's name and takes 8,192 for an alias: from a quarter of that
        on it would hide tool results in files, and near it pay calls for summaries.
        """
        return CONTEXT_WINDOW

    def get_input_tokens_count(self, messages: Any, *args: Any, **options: Any) -> int:
        """Estimate as CrewAI does for servers that cannot count, without its warning each time."""
        texts = [messages] if isinstance(messages, str) else [m.get("content") for m in messages]
        return sum(len(str(text or "")) for text in texts) // 4 + 1

    def _build_sync_client(self) -> None:
        """Build none: it would cost an SSL context, and every call goes to the other one."""

    def _build_async_client(self) -> AsyncOpenAI:
        """Share one HTTP client, which `client_params` would hand to the synchronous one too."""
        return AsyncOpenAI(**self._get_client_params(), http_client=self.http)


class Sessions:
    """The tool sessions of a pattern's agents, which serve one trial after the other."""

    def __init__(self) -> None:
        self._held: dict[str, Held[Session]] = {}
        self.open: dict[str, tuple[Session, list[Tool]]] = {}
        """Session and tools by agent; an agent without tools has none."""

    async def bind(self, assignment: Assignment) -> None:
        """Point the sessions at the trial, and read its tools."""
        for name in pattern_agents(assignment.pattern):
            url = assignment.endpoints[name].mcp_url
            if url is None:
                continue
            if name in self.open and self.open[name][0].is_gone():
                await self._held[name].close()
                del self.open[name]
            if name not in self.open:
                # Dear to import, so only a team with tools pays for it.
                from agentdyno.runners._crewai_session import Session

                self._held[name] = Held(Session.open(url, assignment.token))
                self.open[name] = (await self._held[name].open(), [])
            session = self.open[name][0]
            session.turn_to(url, assignment.token)
            self.open[name] = (session, await session.tools())

    async def close(self) -> None:
        """Close the sessions."""
        await asyncio.gather(*(held.close() for held in self._held.values()))


def silence() -> None:
    """Stop Rich panels, which CrewAI renders even with verbose=False, and a warning each trial."""
    from crewai.events import event_context
    from crewai.events.event_listener import event_listener

    event_listener.formatter.console.quiet = True
    event_context._console.console.quiet = True
    warnings.filterwarnings("ignore", "function callbacks cannot be serialized", UserWarning)
