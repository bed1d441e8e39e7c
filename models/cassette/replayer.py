"""The upstream that answers from a cassette, strictly: every request has to be one it knows."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

from agentdyno.core.sink import Sink
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.miss import told_miss
from agentdyno.models.cassette.normal import normalised
from agentdyno.models.cassette.recordings import ModelRecording, request_key
from agentdyno.models.cassette.secrets import Scrubber
from agentdyno.models.upstream import (
    Answered,
    ModelRequest,
    Passage,
    Recorded,
    Upstream,
    UpstreamError,
)

Result = TypeVar("Result")

LARGE = 1_000_000
"""Bytes of a request that is looked up in a thread."""


class Replayer:
    """Answers the model calls of one trial.

    A recording answers the same request (without its volatile ids) of the same agent at the same
    place among the agent's calls. Only calls that overlapped in the recording may change places.
    """

    def __init__(
        self, cassette: Cassette, sink: Sink, *, on_miss: Upstream | None = None,
        fork_at: int | None = None, live: Upstream | None = None, pace: bool = False,
        scrub: Sequence[str] = (),
    ) -> None:
        """
        Args:
            cassette: what was recorded.
            sink: the trial's; its id is no part of a request.
            on_miss: answers what was not recorded; null ends the trial instead.
            fork_at: number of model calls of the trial that are replayed; the later ones go to
                `live`.
            live: answers from the fork on; `on_miss` when absent.
            pace: whether to answer as slowly as the provider did.
            scrub: the secrets that were taken out of the recording.

        Raises:
            ValueError: a fork has nowhere to go.
        """
        self._live = live or on_miss
        if fork_at is not None and self._live is None:
            raise ValueError("fork_at needs an upstream that answers from there on")
        self._cassette = cassette
        self._sink = sink
        self._on_miss = on_miss
        self._fork_at = fork_at
        self._pace = pace
        self._scrubber = Scrubber(scrub)
        self._numbers: dict[tuple[str, int], int] = {}
        """Position of each call among those of the trial, by agent and ordinal."""
        self._given: dict[tuple[str, int], ModelRecording] = {}
        """What answered each call: who asks again in its name is answered the same again."""
        self._used: set[tuple[str, int]] = set()
        self._by_key: defaultdict[tuple[str, str], list[ModelRecording]] = defaultdict(list)
        for call in cassette.calls:
            self._by_key[call.agent, call.request_key].append(call)
        self._places = _places(cassette.calls)

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer from the cassette; raises `UpstreamError` for a miss or a recorded error."""
        place = request.agent, request.ordinal
        number = self._numbers.setdefault(place, len(self._numbers))
        if self._fork_at is not None and number >= self._fork_at:
            assert self._live is not None, "checked when the fork was made"
            return await self._live.answer(request)
        size = len(request.body)
        asked, key = await _aside(size, lambda: self._normal(request))
        found = self._find(place, key)
        if found is None:
            if self._on_miss is not None:
                return await self._on_miss.answer(request)
            used = frozenset(self._used)
            told = await _aside(size, lambda: told_miss(
                self._cassette, request.agent, request.ordinal, asked, used
            ))
            raise UpstreamError(400, told, ends_trial=True)
        self._given[place] = found
        self._used.add((found.agent, found.ordinal))
        return await self._play(found)

    def unused(self) -> tuple[str, ...]:
        """Return one line for each recorded call that nobody asked for."""
        return tuple(
            f"{call.label} (answered {call.status})"
            for call in self._cassette.calls if (call.agent, call.ordinal) not in self._used
        )

    def _normal(self, request: ModelRequest) -> tuple[dict[str, Any], str]:
        asked = normalised(self._scrubber.value(request.json), self._sink.trial_id)
        return asked, request_key(request.api, asked)

    def _find(self, place: tuple[str, int], key: str) -> ModelRecording | None:
        agent, ordinal = place
        given = self._given.get(place)
        if given is not None and given.request_key == key:
            return given
        free = [
            call for call in self._by_key.get((agent, key), ())
            if (agent, call.ordinal) not in self._used
            and ordinal in self._places[agent, call.ordinal]
        ]
        return min(free, key=lambda call: abs(call.ordinal - ordinal), default=None)

    async def _play(self, call: ModelRecording) -> Passage:
        recorded = Recorded(
            first_token_ms=call.first_token_ms, duration_ms=call.duration_ms, gaps_ms=call.gaps_ms,
        )
        if call.status != 200:
            await self._wait(call.duration_ms)
            raise UpstreamError(
                call.status, f"recorded: the provider answered {call.status}",
                body=call.body_text().encode(), recorded=recorded,
            )
        return Passage(
            chunks=self._chunks(call), source="recorded", provider=call.provider,
            model=call.provider_model, recorded=recorded,
            media_type=b"text/event-stream" if call.stream else b"application/json",
        )

    async def _chunks(self, call: ModelRecording) -> AsyncIterator[bytes]:
        if not call.stream:
            await self._wait(call.duration_ms)
            yield call.body_text().encode()
        before = 0.0
        for chunk in call.stream:
            await self._wait(chunk.ms - before)
            before = chunk.ms
            yield chunk.text.encode()

    async def _wait(self, ms: float) -> None:
        if self._pace and ms > 0:
            await asyncio.sleep(ms / 1000)


async def _aside(size: int, work: Callable[[], Result]) -> Result:
    """Return what `work` returns; where there is much to do, without holding up other trials."""
    return await asyncio.to_thread(work) if size > LARGE else work()


def _places(calls: Sequence[ModelRecording]) -> dict[tuple[str, int], range]:
    """Return, for each call, the ordinals that it may have had: those of calls it overlapped."""
    by_agent: defaultdict[str, list[ModelRecording]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.ordinal):
        by_agent[call.agent].append(call)
    groups: list[list[ModelRecording]] = []
    for own in by_agent.values():
        until = float("-inf")
        for call in own:
            if call.started_s >= until:
                groups.append([])
            groups[-1].append(call)
            until = max(until, call.ended_s)
    return {
        (call.agent, call.ordinal): range(group[0].ordinal, group[-1].ordinal + 1)
        for group in groups for call in group
    }
