"""Live models: per trial a chain of retry, circuit breaker and HTTP, over one client per run.

    scenario's choice -> Retrying -> breaker -> (whatever wraps the wire: faults) -> HTTP

Under `as-shipped` only the wire is left: each framework then meets the provider's errors itself.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from agentdyno.core.model import ModelChoice
from agentdyno.core.sink import Sink
from agentdyno.core.trial import Retries
from agentdyno.models.breaker import Breaker, BrokenCircuit
from agentdyno.models.catalogue import Catalogue, Target, read_providers
from agentdyno.models.limits import Limiter
from agentdyno.models.retrying import RetryingUpstream, RetryPolicy, Sleep
from agentdyno.models.target import Aimed, TargetedRequest
from agentdyno.models.upstream import Answered, ModelRequest, Upstream

__all__ = ["Catalogue", "Providers", "read_providers"]


@dataclass(frozen=True, kw_only=True)
class _PerAgent:
    """Hands each request to the chain of its agent."""

    chains: Mapping[str, Upstream]

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request. See `Upstream.answer`."""
        return await self.chains[request.agent].answer(request)


@dataclass(frozen=True, kw_only=True)
class _Wire:
    """Asks a target in its own language: passed through, or translated."""

    http: Upstream
    translated: Upstream

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request. See `Upstream.answer`."""
        if isinstance(request, TargetedRequest) and request.target.row.translator is not None:
            return await self.translated.answer(request)
        return await self.http.answer(request)


class Providers:
    """The providers of one run; a context manager that holds their connections."""

    def __init__(
        self, catalogue: Catalogue, *, policy: RetryPolicy | None = None,
        sleep: Sleep = asyncio.sleep, clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            catalogue: who they are; its keys go no further than to them.
            policy: how failed calls are retried under `uniform`.
            sleep: waits between attempts.
            clock: of the circuit breakers, in seconds.
        """
        self._catalogue = catalogue
        self._policy = policy or RetryPolicy()
        self._sleep = sleep
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}
        self._limiters: dict[str, Limiter] = {}
        self._proxies: dict[str, str | None] = {}
        self._open = AsyncExitStack()
        self._wire: Upstream | None = None

    async def __aenter__(self) -> Self:
        # Half a second of imports that runs without live calls never pay.
        from agentdyno.models.live import HttpUpstream, open_session
        from agentdyno.models.translate import TranslatedUpstream

        session = await self._open.enter_async_context(open_session())
        http = HttpUpstream(session=session, limiters=self._limiters, proxies=self._proxies)
        translated = TranslatedUpstream(limiters=self._limiters)
        self._open.push_async_callback(translated.close)
        self._wire = _Wire(http=http, translated=translated)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wire = None
        await self._open.aclose()

    def upstream(
        self, sink: Sink, choices: Mapping[str, ModelChoice], *, retries: Retries,
        wrap: Callable[[Upstream], Upstream] = lambda upstream: upstream,
    ) -> Upstream:
        """Return where one trial's calls are answered.

        Args:
            sink: of the trial; gets a `ModelTry` per attempt.
            choices: models by agent, with resolved fallbacks.
            retries: `as-shipped` leaves out retries, circuit breaker and fallback.
            wrap: put around the wire itself, once per trial: what it raises is retried.

        Raises:
            UsageError: a model that `Catalogue.check` would refuse.
            RuntimeError: the context is not open.
        """
        if self._wire is None:
            raise RuntimeError("providers are used inside their context")
        wire = wrap(self._wire)
        if retries == "as-shipped":
            aimed = {a: Aimed(inner=wire, target=self._target(c)) for a, c in choices.items()}
            return _PerAgent(chains=aimed)
        return _PerAgent(chains={
            agent: self._retrying(sink, choice, wire) for agent, choice in choices.items()
        })

    def _retrying(self, sink: Sink, choice: ModelChoice, wire: Upstream) -> RetryingUpstream:
        target, following, policy = self._target(choice), None, self._policy
        if isinstance(choice.fallback, ModelChoice):
            following = self._retrying(sink, choice.fallback, wire)
            policy = policy.at_most(choice.fallback_after)
        circuit = BrokenCircuit(Aimed(inner=wire, target=target), self._breakers[target.pool])
        return RetryingUpstream(
            circuit, sink, policy, target.provider, target.model, fallback=following,
            sleep=self._sleep,
        )

    def _target(self, choice: ModelChoice) -> Target:
        target = self._catalogue.target(choice)
        if target.pool not in self._breakers:
            row = target.row
            self._breakers[target.pool] = Breaker(f"{target.provider} ({target.place})",
                                            clock=self._clock)
            self._limiters[target.pool] = Limiter(row.max_concurrency, row.requests_per_minute)
            if target.base_url:
                self._proxies[target.pool] = self._catalogue.proxy(target.base_url)
        return target

