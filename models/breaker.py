"""A circuit breaker per provider: one that fails again and again is left alone for a while.

Written here because the asyncio breakers on PyPI have not been kept (aiobreaker: 2021, purgatory:
2024), and neither lets a test turn its clock.
"""

import time
from collections.abc import Callable

from agentdyno.models.providerfault import ProviderError
from agentdyno.models.upstream import Answered, ModelRequest, Upstream, UpstreamError


class CircuitOpen(UpstreamError):
    """The provider was not asked; `retry_after_s` says when it may be."""


class Breaker:
    """The state of one provider, shared by all trials of a run."""

    def __init__(
        self, provider: str, *, failures: int = 5, cooldown_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            provider: its name, for messages.
            failures: how many calls in a row must fail (5xx, no connection, silence).
            cooldown_s: seconds without a call; then one call tries whether it works again.
            clock: returns seconds.
        """
        self._provider = provider
        self._failures = failures
        self._cooldown_s = cooldown_s
        self._clock = clock
        self._failed = 0
        self._open_until = 0.0

    def admit(self) -> None:
        """Let a call pass; raises `CircuitOpen` where none may."""
        now = self._clock()
        if self._failed < self._failures:
            return
        if now < self._open_until:
            raise CircuitOpen(
                503, f"{self._provider} failed {self._failed} times in a row and is left alone "
                f"for {self._open_until - now:.0f} s more",
                retry_after_s=self._open_until - now, retryable=True, reached=False,
                ends_trial=True,
            )
        # Half open: this call is the one that tries, the others wait for what becomes of it.
        self._open_until = now + self._cooldown_s

    def passed(self) -> None:
        """Note that the provider answered, if only with a refusal."""
        self._failed = 0

    def failed(self) -> None:
        """Note that the provider did not answer."""
        self._failed += 1
        if self._failed >= self._failures:
            self._open_until = self._clock() + self._cooldown_s


class BrokenCircuit:
    """Asks the inner upstream while the provider's breaker lets it."""

    def __init__(self, inner: Upstream, breaker: Breaker) -> None:
        """Injected faults of `inner` do not count: they say nothing about the provider."""
        self._inner = inner
        self._breaker = breaker

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request; raises `CircuitOpen`, or like `Upstream.answer`."""
        self._breaker.admit()
        try:
            answered = await self._inner.answer(request)
        except ProviderError as error:
            if error.status >= 500:
                self._breaker.failed()
            else:
                self._breaker.passed()
            raise
        self._breaker.passed()
        return answered
