"""Holds one runner to every requirement of the patterns that it declares."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.conformance.bouts import BOUTS
from agentdyno.experiments.conformance.case import MAIN, Case, cases_of
from agentdyno.experiments.conformance.declared import declared_wrong
from agentdyno.experiments.conformance.play import Played, play
from agentdyno.experiments.conformance.requirements import REQUIREMENTS, requirements_of
from agentdyno.experiments.conformance.sight import sight
from agentdyno.models.gateway import ModelGateway
from agentdyno.runners.pool import TrialHost, WorkerPool
from agentdyno.runners.ref import RunnerRef
from agentdyno.tools.gateway import ToolGateway

SLOTS = 4
DECLARED = "declared"
REASONS: dict[str, str] = {
    DECLARED: "the matrix of runners is read off the code, so the code must be as it says",
    **{each.id: each.reason for each in REQUIREMENTS},
    **{bout.id: bout.reason for bout in BOUTS},
}
"""Every requirement of a card, in its order, with why it must hold."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One requirement in one pattern."""

    pattern: str
    requirement: str
    status: Literal["pass", "fail", "n/a"]
    """`n/a`: the pattern has no such case, or the runner does not execute it."""
    wrong: tuple[str, ...] = ()
    """What is wrong, case by case."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """All that was found about one pattern."""

    pattern: str
    kind: Literal["native", "composed", "unsupported"]
    how: str
    """How the runner executes it, or why it does not."""
    cells: tuple[Cell, ...]
    sight: dict[str, tuple[str, ...]]
    """Who saw what in the main case, by agent; see `sight.py`."""


async def examine(ref: RunnerRef, patterns: Sequence[str]) -> AsyncIterator[Column]:
    """Yield what is found about each of `patterns`, one after the other.

    Raises:
        EnvironmentFault: the runner cannot be started.
    """
    declared = await declared_wrong(ref)
    host = WorkerPool(ref, SLOTS)
    try:
        async with open_bench(ModelGateway(), ToolGateway({})) as bench:
            examiner = _Examiner(ref, bench, host)
            for pattern in patterns:
                yield await examiner.column(pattern, tuple(declared[pattern]))
    finally:
        await host.close()


class _Examiner:
    """Plays the cases of one runner."""

    def __init__(self, ref: RunnerRef, bench: Bench, host: TrialHost) -> None:
        self._ref = ref
        self._bench = bench
        self._host = host

    async def column(self, pattern: str, declared: tuple[str, ...]) -> Column:
        cases = cases_of(pattern)
        main = cases[MAIN]
        support = self._ref.teamwork.support(main.pattern, main.agents)
        wrong: dict[str, list[str]] = {DECLARED: list(declared)}
        seen: dict[str, tuple[str, ...]] = {}
        if support.kind != "unsupported":
            for case in cases.values():
                played = await self._held(case, wrong)
                if case is main and played is not None:
                    seen = {agent: tuple(sorted(what)) for agent, what in sight(played).items()}
            for bout in BOUTS:
                found = bout.judge(main, self._bench, self._host)
                wrong[bout.id] = [f"{main.id}: {line}" async for line in found]
        return Column(
            pattern=pattern, kind=support.kind, how=support.how, sight=seen,
            cells=tuple(_cell(pattern, id, wrong.get(id)) for id in REASONS),
        )

    async def _held(self, case: Case, wrong: dict[str, list[str]]) -> Played | None:
        """Play one case and add what is wrong with it; None when this team is not executed."""
        if self._ref.teamwork.support(case.pattern, case.agents).kind == "unsupported":
            return None
        played = await play(
            case, self._bench, self._host, derive=not self._ref.teamwork.hook
        )
        for requirement in requirements_of(case):
            lines = wrong.setdefault(requirement.id, [])
            lines += (f"{case.id}: {line}" for line in requirement.judge(played))
        return played


def _cell(pattern: str, requirement: str, wrong: list[str] | None) -> Cell:
    if wrong is None:
        return Cell(pattern=pattern, requirement=requirement, status="n/a")
    return Cell(pattern=pattern, requirement=requirement, wrong=tuple(wrong),
                status="fail" if wrong else "pass")
