"""Which attempts of one trial the faults of a plan hit: counted, or drawn from the seed."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from agentdyno.core.errors import HarnessFault
from agentdyno.core.fault import ModelFault, ToolFault

FaultT = TypeVar("FaultT", ModelFault, ToolFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to have one call answered."""

    agent: str
    ordinal: int
    """Number of the call among the agent's calls on its channel, from 0; a second attempt of the
    gateway has that of the first."""
    elapsed_s: float
    """Seconds since the trial's start."""
    tool: str = ""
    """`server.tool`; "" for a model call."""


@dataclass(eq=False)
class _Course:
    """What one fault has met and done so far in one trial."""

    attempts: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Attempts by call: agent and ordinal."""
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    """Number of each call among all that the fault can be done to, from 1."""
    drawn: dict[tuple[str, int], bool] = field(default_factory=dict)
    draws: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls drawn for so far, by agent and tool."""
    hits: int = 0


class FaultDraw(Generic[FaultT]):
    """The faults of one channel in one trial."""

    def __init__(self, faults: Sequence[FaultT], seed: int) -> None:
        """
        Args:
            faults: in the plan's order.
            seed: the trial's seed.
        """
        self._faults: list[tuple[FaultT, _Course]] = [(fault, _Course()) for fault in faults]
        self._seed = seed

    def hit(self, attempt: Attempt, able: Callable[[FaultT], bool]) -> FaultT | None:
        """Count an attempt and return the first fault that hits it.

        Args:
            attempt: what is about to happen.
            able: whether a fault can be done to it.

        Raises:
            HarnessFault: a `while` condition fails on the values of this attempt.
        """
        found: FaultT | None = None
        for index, (fault, course) in enumerate(self._faults):
            if fault.agent in (None, attempt.agent) and able(fault):
                hits = self._hits(index, fault, course, attempt)
                if hits and found is None:
                    course.hits += 1
                    found = fault
        return found

    def open(self, able: Callable[[FaultT], bool]) -> bool:
        """Tell whether one of the faults that are `able` may hit yet."""
        return any(
            able(fault) and (fault.call is None or course.hits < (fault.times or 1))
            for fault, course in self._faults
        )

    def _hits(self, index: int, fault: FaultT, course: _Course, attempt: Attempt) -> bool:
        call = attempt.agent, attempt.ordinal
        number = course.numbers.setdefault(call, len(course.numbers) + 1)
        course.attempts[call] += 1
        if fault.call is not None:
            return number >= fault.call and course.hits < (fault.times or 1)
        if fault.probability is not None:
            if call not in course.drawn:
                course.drawn[call] = self._draw(index, course, attempt) < fault.probability
            return course.drawn[call] and course.attempts[call] <= (fault.times or 1)
        if fault.times is not None and course.hits >= fault.times:
            return False
        from agentdyno.core.condition import holds

        values = {
            "elapsed_s": attempt.elapsed_s, "calls": number, "attempt": course.attempts[call],
            "hits": course.hits, "agent": attempt.agent, "tool": attempt.tool,
        }
        try:
            return holds(fault.while_ or "", values)
        except ValueError as error:
            raise HarnessFault(
                f"the condition of the fault {fault.on} {fault.kind} cannot be answered: {error}",
                "correct `while` in the fault plan",
            ) from error

    def _draw(self, index: int, course: _Course, attempt: Attempt) -> float:
        course.draws[attempt.agent, attempt.tool] += 1
        number = course.draws[attempt.agent, attempt.tool]
        place = f"{self._seed}/fault/{index}/{attempt.agent}/{attempt.tool}/{number}"
        return random.Random(place).random()  # noqa: S311
