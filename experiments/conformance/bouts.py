"""Requirements that take several trials: apart from each other, and after one that went wrong."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from agentdyno.core.trial import Outcome
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.conformance.case import WORD, Case
from agentdyno.experiments.conformance.judges import answer, outcome
from agentdyno.experiments.conformance.play import Played, play
from agentdyno.models.upstream import Answered, ModelRequest, Upstream, UpstreamError
from agentdyno.runners.pool import TrialHost

WORDS = ("k1", "k2", "k3")
LEAVING_S = 5.0
"""Seconds that a cancelled trial has to be gone."""
REACHING_S = 30.0
MESSAGE = "this provider has no answer today"


@dataclass(frozen=True, kw_only=True)
class Bout:
    """A requirement that a pattern's main case is held to by several trials."""

    id: str
    reason: str
    """Why it must hold."""
    judge: Callable[[Case, Bench, TrialHost], AsyncIterator[str]]
    """Runs the trials and yields what is wrong."""


async def apart(case: Case, bench: Bench, host: TrialHost) -> AsyncIterator[str]:
    """Trials at the same time see nothing of each other, nor of the one before."""
    before = await play(case, bench, host)
    at_once = await asyncio.gather(*(play(case.about(word), bench, host) for word in WORDS))
    for played in (before, *at_once):
        for wrong in (*outcome(played), *answer(played)):
            yield wrong
    for word, played in zip(WORDS, at_once, strict=True):
        bytes_seen = "\n".join(record.request + record.response for record in played.wire)
        for other in (WORD, *WORDS):
            # Identifiers of trials and calls are hexadecimal, so they hold none of the words.
            if other != word and f" {other}" in bytes_seen:
                yield f"the trial about {word} saw {other} of another one"


class Failing:
    """A model whose first call is refused, whoever makes it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._refused = False

    async def answer(self, request: ModelRequest) -> Answered:
        """Refuse once, then answer."""
        if not self._refused:
            self._refused = True
            raise UpstreamError(500, MESSAGE)
        return await self._upstream.answer(request)


async def broken(case: Case, bench: Bench, host: TrialHost) -> AsyncIterator[str]:
    """A model's error ends the trial with that error, untried again, and harms no other."""
    played = await play(case, bench, host, wrap=Failing)
    if played.trial.outcome is not Outcome.AGENT_FAULT:
        yield f"after a model's error it ended with {played.trial.outcome.value}"
    elif MESSAGE not in played.trial.reason and "500" not in played.trial.reason:
        yield f"the reason does not say what the model's error was: {played.trial.reason}"
    failed = [call.agent for call in played.model_calls if call.status == 500]
    for agent in failed:
        if sum(call.agent == agent for call in played.model_calls) > 1:
            yield f"{agent} called again after its model's error"
    for wrong in (*outcome(after := await play(case, bench, host)), *answer(after)):
        yield f"the next trial: {wrong}"


class Deaf:
    """A model that answers one call and then nobody any more, and says when it fell silent."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._left = 1
        self.silent = asyncio.Event()

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer, or never."""
        if self._left:
            self._left -= 1
            return await self._upstream.answer(request)
        self.silent.set()
        return await _never()


async def _never() -> Answered:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def cancelled(case: Case, bench: Bench, host: TrialHost) -> AsyncIterator[str]:
    """A cancelled team hangs up at once, in the middle of its work, and harms no other."""
    made: list[Deaf] = []

    def wrap(upstream: Upstream) -> Upstream:
        made.append(Deaf(upstream))
        return made[-1]

    task = asyncio.create_task(play(case, bench, host, wrap=wrap))
    await asyncio.sleep(0)
    try:
        async with asyncio.timeout(REACHING_S):
            await _either(made[0].silent.wait(), task)
    except TimeoutError:
        yield "it never came to its second model call"
    ended = task.done()
    task.cancel()
    _, late = await asyncio.wait([task], timeout=LEAVING_S)
    if late:
        yield f"it was not gone {LEAVING_S:g} s after it was cancelled"
        await asyncio.wait([task])
    elif ended:
        yield f"it ended before its second model call: {_reason(task)}"
    for wrong in (*outcome(after := await play(case, bench, host)), *answer(after)):
        yield f"the next trial: {wrong}"


async def _either(event: Awaitable[object], task: "asyncio.Task[Played]") -> None:
    waiting = asyncio.ensure_future(event)
    try:
        await asyncio.wait([waiting, task], return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _reason(task: "asyncio.Task[Played]") -> str:
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return repr(error) if error else task.result().trial.reason


BOUTS: tuple[Bout, ...] = (
    Bout(id="apart", judge=apart,
         reason="trials share a process and teams are used again: nothing of one may be seen in"
                " another"),
    Bout(id="broken", judge=broken,
         reason="what was measured before an error is measured, and the next trial runs"),
    Bout(id="cancelled", judge=cancelled,
         reason="a cancelled trial that goes on calling would be billed and counted"),
)
