"""One `run`: make what is needed, run what is missing, keep every result."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from agentdyno.core.errors import DynoError, EnvironmentFault, InputError, UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.settings import RunOptions
from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.judges import library as judge_library
from agentdyno.experiments.approving import Approving
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.execute import Executor, uses_memory
from agentdyno.experiments.matrix import Brake, Watcher, run_trials
from agentdyno.experiments.plan import NotSupported, PlannedTrial, not_supported, plan
from agentdyno.experiments.request import Request
from agentdyno.experiments.sources import Sources, open_sources, secrets_of
from agentdyno.experiments.toolcheck import tool_problems
from agentdyno.memory.server import MemoryServer
from agentdyno.models.budget import Budgets
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary
from agentdyno.models.gateway import ModelGateway
from agentdyno.runners import envs
from agentdyno.runners.command import CommandHost
from agentdyno.runners.inprocess import InProcessHost
from agentdyno.runners.own import OwnRef, Ref
from agentdyno.runners.pool import TrialHost, WorkerPool
from agentdyno.store.trials import TrialStore
from agentdyno.store.writer import TrialWriter
from agentdyno.tools.gateway import ToolGateway


@dataclass(kw_only=True)
class Report:
    """What a run brought."""

    matrix_id: str = ""
    """Under which the run is stored."""
    planned: tuple[PlannedTrial, ...] = ()
    """The whole matrix, without the runners that cannot be started."""
    ran: list[str] = field(default_factory=list)
    """Ids of trials sealed by this run."""
    reused: frozenset[str] = frozenset()
    """Ids of trials that were stored already."""
    not_supported: tuple[NotSupported, ...] = ()
    """Cells that no trial was planned for."""
    skipped: dict[str, DynoError] = field(default_factory=dict)
    """Runners that cannot be started, with the reason, by label."""
    interrupted: bool = False
    stopped: str = ""
    """Why the run stopped itself before its end."""

    @property
    def missing(self) -> int:
        """Return how many planned trials are neither stored nor sealed."""
        return len(self.planned) - len(self.reused) - len(self.ran)


class View(Watcher):
    """What a user sees of a run; the defaults show nothing."""

    def environments(self, label: str, stage: str, done: int, total: int) -> None:
        """An environment is being made."""

    def planned(self, todo: Sequence[PlannedTrial], reused: int) -> None:
        """The missing trials are known and about to run."""


@contextlib.asynccontextmanager
async def _hosts(
    refs: Sequence[Ref], options: RunOptions, skipped: dict[str, DynoError]
) -> AsyncIterator[dict[str, TrialHost]]:
    """Start every runner's process before the first trial, so that no trial is measured beside
    another one's imports; runners that do not start land in `skipped`."""
    if options.isolation == "inprocess":
        if own := [ref.label for ref in refs if isinstance(ref, OwnRef)]:
            raise UsageError(
                f"{', '.join(own)} is a program and cannot run inside the harness.",
                "leave out --isolation inprocess",
            )
        yield {
            ref.label: InProcessHost(ref, options.concurrency) for ref in refs
            if not isinstance(ref, OwnRef)
        }
        return
    programs = {
        ref.label: CommandHost(ref, options.concurrency) for ref in refs if isinstance(ref, OwnRef)
    }
    pools = {
        ref.label: WorkerPool(ref, options.concurrency) for ref in refs
        if not isinstance(ref, OwnRef)
    }
    try:
        starts = await asyncio.gather(
            *(pool.start() for pool in pools.values()), return_exceptions=True
        )
        for label, result in zip(list(pools), starts, strict=True):
            if isinstance(result, EnvironmentFault):
                skipped[label] = result
            elif isinstance(result, BaseException):
                raise result
        yield {**pools, **programs}
    finally:
        hosts: list[TrialHost] = [*pools.values(), *programs.values()]
        await asyncio.gather(*(host.close() for host in hosts))


async def _environments(
    refs: Sequence[Ref], options: RunOptions, view: View, skipped: dict[str, DynoError]
) -> list[Ref]:
    """Make the environments that are missing, in parallel; returns the runners that have one."""
    if options.isolation == "inprocess":
        return list(refs)

    async def ensure(ref: Ref) -> Ref | None:
        def progress(stage: str, done: int, total: int) -> None:
            view.environments(ref.label, stage, done, total)

        if isinstance(ref, OwnRef):
            return ref
        try:
            await envs.ensure(ref, progress)
        except EnvironmentFault as fault:
            skipped[ref.label] = fault
            return None
        return ref

    made = await asyncio.gather(*(ensure(ref) for ref in refs))
    return [ref for ref in made if ref]


async def _check_tools(bench: Bench, request: Request) -> None:
    """Refuse tools that no server offers, before any trial runs."""
    if request.options.tools == "replay":
        return
    found = [await tool_problems(bench.tools, one.loaded) for one in request.scenarios]
    if problems := [problem for some in found for problem in some]:
        raise InputError(problems, "correct these lines, then: agentdyno validate")


async def _load_judges(todo: Sequence[PlannedTrial]) -> None:
    """Import what judges need before the first trial: no trial is measured beside that."""
    if any(planned.scenario.judge is not None for planned in todo):
        await asyncio.to_thread(judge_library.load)


async def _todo(
    store: TrialStore, planned: Sequence[PlannedTrial], options: RunOptions
) -> tuple[list[PlannedTrial], frozenset[str]]:
    """Return what is missing, and the ids of what is stored.

    A harness fault says nothing about the agent, so it counts as missing; so does a trial that
    was stopped because its run's or its day's budget was spent.
    """
    if options.fresh:
        return list(planned), frozenset()
    stored = await store.stored(
        [trial.id for trial in planned], without=(Outcome.HARNESS_FAULT,)
    )
    stored = set(stored) - await _starved(store, stored)
    return [trial for trial in planned if trial.id not in stored], frozenset(stored)


async def _starved(store: TrialStore, stored: Iterable[str]) -> set[str]:
    """Return those of the stored trials that a budget beyond their own has stopped."""
    ids = list(stored)
    unlimited = await store.stored(ids, without=(Outcome.LIMIT,))
    limited = await store.load([trial_id for trial_id in ids if trial_id not in unlimited])
    return {
        trial.id for trial in limited
        if any(event.kind == "budget" and event.scope != "trial"
               and event.step in ("stopped", "denied") for event in trial.events)
    }


async def run_session(
    request: Request, store: TrialStore, writer: TrialWriter, memory: MemoryServer,
    *, budgets: Budgets | None, brake: Brake, view: View, approving: Approving | None = None,
) -> Report:
    """Run what is missing of the matrix that `request` asks for.

    Runners whose environment cannot be made or started are left out and reported.
    """
    options = request.options
    planned = plan(
        options, request.scenarios, request.runners, embedder=memory.embedder_id,
        fault_plans=request.fault_plans,
    )
    left_out = not_supported(request.scenarios, request.runners)
    if left_out and not planned:
        raise UsageError(
            "\n".join(
                f"{cell.runner}@{cell.version} does not run {cell.scenario}: {cell.why}."
                for cell in left_out
            ), "agentdyno runners",
        )
    todo, reused = await _todo(store, planned, options)
    report = Report(skipped=dict(request.unresolved), reused=reused, not_supported=left_out)
    if todo:
        async with (
            open_sources(request, budgets) as sources,
            open_bench(ModelGateway(), ToolGateway({"memory": memory})) as bench,
        ):
            run = _Run(request=request, bench=bench, sources=sources, writer=writer,
                       memory=memory, brake=brake, view=view,
                       approving=approving or Approving())
            report.ran = await run.trials(todo, report)
    if options.model == "record":
        await _keep_stored(store, request, planned, reused)
    report.planned = tuple(
        trial for trial in planned
        if trial.id in reused or trial.runner.label not in report.skipped
    )
    report.interrupted, report.stopped = brake.soft and not brake.why, brake.why
    return report


async def _keep_stored(
    store: TrialStore, request: Request, planned: Sequence[PlannedTrial],
    reused: Collection[str],
) -> None:
    """Record trials that were stored already and have lost their cassette, or never had one."""
    recordings, secrets = CassetteLibrary(request.options.cassettes), secrets_of(request)
    for trial in planned:
        if trial.id in reused and not recordings.path(trial.key).exists():
            [stored] = await store.load([trial.id])
            wire = await store.wire(trial.id)
            recordings.save(Cassette.of(stored, wire, scrub=secrets))


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What the trials of one run share."""

    request: Request
    bench: Bench
    sources: Sources
    writer: TrialWriter
    memory: MemoryServer
    brake: Brake
    view: View
    approving: Approving

    async def trials(self, todo: Sequence[PlannedTrial], report: Report) -> list[str]:
        """Run `todo` on the runners that can be started; the others land in `report.skipped`."""
        options, view = self.request.options, self.view
        wanted = {trial.runner.label: trial.runner for trial in todo}
        refs, *_ = await asyncio.gather(
            _environments(list(wanted.values()), options, view, report.skipped),
            _check_tools(self.bench, self.request), _load_judges(todo),
        )
        with_memory = {trial.id for trial in todo if uses_memory(trial)}

        async def keep(trial: Trial, wire: Sequence[WireRecord]) -> None:
            await self.writer.put(trial, wire)
            if trial.id in with_memory:
                await self.memory.keep(trial)
            if unrecorded := await asyncio.to_thread(self.sources.keep, trial, wire):
                view.note(unrecorded)

        executor = Executor(
            bench=self.bench, memory=self.memory, sources=self.sources, watch=view.watch,
            approving=self.approving,
        )

        async def execute(
            planned: PlannedTrial, host: TrialHost
        ) -> tuple[Trial, Sequence[WireRecord]]:
            sealed = await executor.run(planned, host)
            budgets = self.sources.budgets
            if budgets is not None and (spent := budgets.exhausted):
                self.brake.stop(spent)
            return sealed

        async with _hosts(refs, options, report.skipped) as hosts:
            able = [trial for trial in todo if trial.runner.label not in report.skipped]
            view.planned(able, len(report.reused))
            return await run_trials(
                able, execute, hosts, keep,
                concurrency=options.concurrency, brake=self.brake, watcher=view,
            )
