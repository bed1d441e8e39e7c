"""The bench that all tests of a session share: one database run, one process for each runner."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentdyno.cli.database import address, open_database
from agentdyno.cli.session import open_embedder
from agentdyno.core.errors import DynoError, HarnessFault, InputError, UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.trial import Outcome, Trial
from agentdyno.core.variant import Variant
from agentdyno.experiments.approving import Approving
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.execute import Executor, uses_memory
from agentdyno.experiments.matrix import Brake, Watcher, run_trials
from agentdyno.experiments.plan import PlannedTrial, not_supported, plan
from agentdyno.experiments.request import Request, read_request
from agentdyno.experiments.sources import open_budgets, open_sources
from agentdyno.experiments.toolcheck import tool_problems
from agentdyno.experiments.variants import Declared
from agentdyno.memory.server import MemoryServer
from agentdyno.models.gateway import ModelGateway
from agentdyno.runners import envs
from agentdyno.runners.command import CommandHost
from agentdyno.runners.own import OwnRef, Ref
from agentdyno.runners.pool import TrialHost, WorkerPool
from agentdyno.store.ledger import SpendLedger
from agentdyno.store.spool import Spool
from agentdyno.store.trials import TrialStore
from agentdyno.store.writer import TrialWriter
from agentdyno.tools.gateway import ToolGateway

_PEOPLE = ("cli", "queue")


class NotRun(Exception):
    """The runner does not execute the scenario's team: nothing to test."""


@dataclass(kw_only=True)
class _Open:
    """What the session's trials share."""

    bench: Bench
    memory: MemoryServer
    writer: TrialWriter
    ledger: SpendLedger
    hosts: dict[str, TrialHost] = field(default_factory=dict)
    checked: set[str] = field(default_factory=set)
    """Digests of scenarios whose tools were found good."""


class Lab:
    """Runs trials; everything is made when the first trial needs it."""

    def __init__(self, settings: Settings, run_id: str, concurrency: int) -> None:
        """`run_id` is the run that trials are stored under; processes of one session share it."""
        self._settings = settings
        self._run_id = run_id
        self._concurrency = concurrency
        self._open: _Open | None = None
        self._serving: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._making = asyncio.Lock()
        self._keeping: set[asyncio.Task[None]] = set()

    async def trials(
        self, options: RunOptions, variant: str = "baseline", change: Variant | None = None
    ) -> list[Trial]:
        """Run one scenario on one runner, afresh; returns the sealed trials by repeat.

        Raises:
            NotRun: the runner does not execute the scenario's team.
            DynoError: a file or a name is wrong, or the bench cannot be made.
        """
        declared = Declared(
            variants={variant: change}, folder=Path(), owner="this test",
        ) if change else None
        if declared:
            options = options.model_copy(update={"variants": (variant,)})
        request = await read_request(self._settings, options, declared)
        for fault in request.unresolved.values():
            raise fault
        _need_nobody(request)
        async with self._making:
            opened = await self._opened()
        planned = plan(options, request.scenarios, request.runners,
                       embedder=opened.memory.embedder_id)
        if not planned:
            raise NotRun("; ".join(cell.why for cell in not_supported(
                request.scenarios, request.runners)))
        async with self._making:
            await self._prepare(opened, request)
        return await self._run(opened, request, planned)

    async def _run(
        self, opened: _Open, request: Request, planned: Sequence[PlannedTrial]
    ) -> list[Trial]:
        sealed: dict[str, Trial] = {}

        async def keep(trial: Trial, wire: Sequence[WireRecord]) -> None:
            sealed[trial.id] = trial
            with_memory = any(one.id == trial.id and uses_memory(one) for one in planned)
            self._keeping.add(asyncio.create_task(_store(opened, trial, wire, with_memory)))

        async with (
            open_budgets(request, opened.ledger, None) as budgets,
            open_sources(request, budgets) as sources,
        ):
            executor = Executor(
                bench=opened.bench, memory=opened.memory, sources=sources,
                approving=Approving(override=request.options.approver),
            )
            await run_trials(
                planned, executor.run, opened.hosts, keep, concurrency=self._concurrency,
                brake=Brake(), watcher=Watcher(),
            )
        trials = [sealed[one.id] for one in planned]
        for trial in trials:
            if trial.outcome is Outcome.HARNESS_FAULT:
                raise HarnessFault(
                    f"the bench failed, which says nothing about the agent: {trial.reason}",
                    f"agentdyno show {trial.id[:10]}",
                )
        return trials

    async def _prepare(self, opened: _Open, request: Request) -> None:
        """Start what is missing: environments, processes, and tool servers to see their tools."""
        for ref in request.runners:
            if ref.label not in opened.hosts:
                opened.hosts[ref.label] = await _host(ref, self._concurrency)
        if request.options.tools == "replay":
            return
        for one in request.scenarios:
            if one.loaded.digest not in opened.checked:
                if problems := await tool_problems(opened.bench.tools, one.loaded):
                    raise InputError(problems, "correct these lines, then: agentdyno validate")
                opened.checked.add(one.loaded.digest)

    async def _opened(self) -> _Open:
        if self._open is None:
            ready: asyncio.Future[_Open] = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(ready), name="dyno-lab")
            self._open = await ready
        return self._open

    async def _serve(self, ready: "asyncio.Future[_Open]") -> None:
        """Hold everything open, in one task, until the session ends."""
        try:
            async with (
                open_database(self._settings) as pool, open_embedder(self._settings) as embedder
            ):
                store, command = TrialStore(pool), "pytest"
                await store.create_matrix(command, {}, self._run_id)
                spool = Spool(self._settings.cache / "spool", self._run_id, command, {})
                memory = MemoryServer(pool, embedder, revive=self._revive)
                async with (
                    TrialWriter(store, self._run_id, spool, revive=self._revive) as writer,
                    open_bench(ModelGateway(), ToolGateway({"memory": memory})) as bench,
                ):
                    ledger = SpendLedger(pool, self._run_id, revive=self._revive)
                    opened = _Open(bench=bench, memory=memory, writer=writer, ledger=ledger)
                    ready.set_result(opened)
                    await self._stopping.wait()
                    await asyncio.gather(*(host.close() for host in opened.hosts.values()))
                    await asyncio.gather(*self._keeping)
                await store.finish_matrix(self._run_id, "finished")
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _revive(self) -> None:
        await address(self._settings)

    async def close(self) -> None:
        """Store what is not yet stored and end everything.

        Raises:
            DynoError: trials could not be stored.
        """
        if self._open is not None and self._serving is not None:
            self._stopping.set()
            await self._serving


async def _store(
    opened: _Open, trial: Trial, wire: Sequence[WireRecord], with_memory: bool
) -> None:
    await opened.writer.put(trial, wire)
    if with_memory:
        await opened.memory.keep(trial)


async def _host(ref: Ref, slots: int) -> TrialHost:
    if isinstance(ref, OwnRef):
        return CommandHost(ref, slots)
    await envs.ensure(ref)
    pool = WorkerPool(ref, slots)
    try:
        await pool.start()
    except DynoError:
        await pool.close()
        raise
    return pool


def _need_nobody(request: Request) -> None:
    """Refuse scenarios whose calls wait for a person: nobody sits before a test."""
    for one in request.scenarios:
        policy = one.loaded.scenario.approvals
        if policy and (request.options.approver or policy.approver) in _PEOPLE:
            raise UsageError(
                f"calls of {one.loaded.situation} wait for a person ({policy.approver}).",
                "name another approver: auto, deny or script",
            )
