"""The one retry policy: uniform over all frameworks, in the gateway, each try an event."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from agentdyno.core.event import ModelTry
from agentdyno.core.sink import Sink
from agentdyno.models.breaker import CircuitOpen
from agentdyno.models.providerfault import ProviderError
from agentdyno.models.upstream import Answered, ModelRequest, Upstream, UpstreamError

Sleep = Callable[[float], Awaitable[None]]
Decision = Literal["answered", "retry", "fallback", "give_up", "circuit_open"]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long."""

    attempts: int = 5
    """Attempts at one model, the first one included."""
    first_wait_s: float = 0.5
    """Upper bound of the first wait; it doubles from one to the next, and the wait is drawn."""
    max_wait_s: float = 30.0
    """Upper bound of a drawn wait. What a provider asks for by Retry-After is kept to."""
    max_retry_after_s: float = 120.0
    """A longer Retry-After is not waited for."""

    def at_most(self, attempts: int) -> "RetryPolicy":
        """Return this policy with no more than `attempts` attempts."""
        return replace(self, attempts=min(attempts, self.attempts))


class RetryingUpstream:
    """Asks the inner upstream again where that may help, and the fallback where it did not."""

    def __init__(
        self, inner: Upstream, sink: Sink, policy: RetryPolicy, provider: str = "",
        model: str = "", *, fallback: "RetryingUpstream | None" = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """
        Args:
            inner: asked once per attempt.
            sink: gets a `ModelTry` per attempt. The scripted model's only follow a failure.
            policy: how often; with a fallback, the failures after which it is asked.
            provider: for the events; "" for the scripted model.
            model: for the events.
            fallback: asked when no attempt is left here.
            sleep: waits between attempts.
        """
        self._inner = inner
        self._sink = sink
        self._policy = policy
        self._provider = provider
        self._model = model
        self._fallback = fallback
        self._sleep = sleep
        self._backoff = wait_random_exponential(policy.first_wait_s, policy.max_wait_s)

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request. See `Upstream.answer`; an error is the last attempt's."""
        return await self._answer(request, 1)

    async def _answer(self, request: ModelRequest, first: int) -> Answered:
        call = _Call(self._inner, self._sink, request, first, self._provider, self._model)
        try:
            answered = await call.attempt(self._again)
        except UpstreamError as error:
            if self._fallback is None or not _may_help(error):
                call.record("circuit_open" if isinstance(error, CircuitOpen) else "give_up")
                # A provider that stays away says nothing about the agent.
                error.ends_trial |= isinstance(error, ProviderError) and error.retryable
                raise
            call.record("fallback")
        else:
            if self._provider or call.number > 1:
                call.record("answered")
            return answered
        return await self._fallback._answer(request, call.number + 1)

    def _again(self, call: "_Call") -> AsyncRetrying:
        return AsyncRetrying(
            sleep=self._sleep, wait=self._wait, stop=self._must_stop,
            retry=retry_if_exception(_may_help), reraise=True,
            before_sleep=lambda state: call.record(
                _decision(state), wait_s=state.upcoming_sleep
            ),
        )

    def _must_stop(self, state: RetryCallState) -> bool:
        """Stop after the last attempt, and where the wait would outlast the trial."""
        error = _error(state)
        if self._fallback is not None and isinstance(error, CircuitOpen):
            return True
        if state.attempt_number >= self._policy.attempts or self._sink.stop is not None:
            return True
        wait = state.upcoming_sleep
        asked = error.retry_after_s or 0.0 if error else 0.0
        return (
            asked > self._policy.max_retry_after_s
            or self._sink.worked_s() + wait >= self._sink.limits.timeout_s
        )

    def _wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if error is not None and error.retry_after_s is not None:
            return error.retry_after_s
        return self._backoff(state)


class _Call:
    """One request on its way through its attempts."""

    def __init__(
        self, inner: Upstream, sink: Sink, request: ModelRequest, first: int, provider: str,
        model: str,
    ) -> None:
        self.number = first - 1
        self._inner = inner
        self._sink = sink
        self._request = request
        self._provider = provider
        self._model = model
        self._began = 0.0
        self._ended = 0.0
        self._status: int | None = None
        self._error: str | None = None

    async def attempt(self, again: Callable[["_Call"], AsyncRetrying]) -> Answered:
        """Ask until the loop that `again` makes has enough of it.

        It is brought in after the first failure, and told of that one first: around a call that
        needs no second attempt it would cost more CPU than all the rest of the gateway.
        """
        try:
            return await self._once()
        except UpstreamError as error:
            failed: list[UpstreamError] = [error]

        async def next_one() -> Answered:
            if failed:
                raise failed.pop()
            return await self._once()

        answered: Answered = await again(self)(next_one)
        return answered

    async def _once(self) -> Answered:
        self.number += 1
        self._began = self._sink.now()
        try:
            answered = await self._inner.answer(self._request)
        except UpstreamError as error:
            self._status = error.status if error.reached else None
            self._error = error.message
            raise
        finally:
            self._ended = self._sink.now()
        self._status, self._error = 200, None
        return answered

    def record(self, decision: Decision, wait_s: float = 0.0) -> None:
        """Write the event of the attempt that has just ended."""
        self._sink.record(ModelTry(
            agent=self._request.agent, started_s=self._began, ended_s=self._ended,
            ordinal=self._request.ordinal, attempt=self.number, provider=self._provider,
            model=self._model, status=self._status, error=self._error, decision=decision,
            wait_s=wait_s,
        ))


def _may_help(error: BaseException) -> bool:
    return isinstance(error, UpstreamError) and error.retryable


def _error(state: RetryCallState) -> UpstreamError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, UpstreamError) else None


def _decision(state: RetryCallState) -> Decision:
    return "circuit_open" if isinstance(_error(state), CircuitOpen) else "retry"
