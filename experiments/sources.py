"""Where a run's answers come from: a chain of upstreams per trial."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import WireRecord
from agentdyno.core.judged import JUDGE
from agentdyno.core.model import ModelChoice
from agentdyno.core.recording import ToolRecording
from agentdyno.core.settings import Budget, RunOptions
from agentdyno.core.sink import Sink
from agentdyno.core.trial import Outcome, Trial, TrialKey
from agentdyno.experiments.plan import Answerable, PlannedTrial
from agentdyno.experiments.request import Request
from agentdyno.models.account import tightest
from agentdyno.models.budget import Approver, Budgets, Ledger
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary
from agentdyno.models.cassette.replayer import Replayer
from agentdyno.models.exchange import Guard
from agentdyno.models.faults import FaultyUpstream
from agentdyno.models.guard import Payees, chain, payees_of
from agentdyno.models.providers import Providers
from agentdyno.models.retrying import RetryingUpstream, RetryPolicy
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import Upstream

UNRECORDED = (Outcome.HARNESS_FAULT, Outcome.CANCELLED, Outcome.LIMIT)
"""Outcomes after which a recording would end in the middle."""


@dataclass(frozen=True, kw_only=True)
class TrialSource:
    """What one trial's calls are answered by."""

    upstream: Upstream
    guard: Guard | None
    recorded: ToolRecording | None
    """Tool results instead of tool servers; null when those are live."""
    replayer: Replayer | None

    def notes(self) -> tuple[str, ...]:
        """Return what is to be said about the trial once it is over."""
        unused = self.replayer.unused() if self.replayer is not None else ()
        return tuple(f"recorded, but never asked for: {line}" for line in unused)


def luck_of(key: TrialKey) -> int:
    """Return the seed of a scripted model's chances: its own for every case and repeat, since
    statistics take these for independent; the same for all runners and variants."""
    return int(content_hash([key.situation, key.seed - key.repeat, key.repeat])[:15], 16)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Answers for every trial of one run."""

    options: RunOptions
    providers: Providers | None = None
    """Null when no call may go live."""
    budgets: Budgets | None = None
    secrets: tuple[str, ...] = ()
    """Keys that must not be in a recording."""
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    """For injected faults above the scripted model; providers have their own."""

    @property
    def recordings(self) -> CassetteLibrary:
        """The folder of cassettes."""
        return CassetteLibrary(self.options.cassettes)

    def open(self, planned: PlannedTrial, sink: Sink) -> TrialSource:
        """Put one trial's chain together.

        Raises:
            DynoError: its cassette cannot be read.
        """
        replayer, upstream = self._answers(planned, sink)
        recorded = None
        if self.options.tools == "replay":
            recorded = self.recordings.load(planned.key).tools()
        return TrialSource(
            upstream=upstream, recorded=recorded, replayer=replayer, guard=self._guard(planned),
        )

    def _guard(self, planned: PlannedTrial) -> Guard | None:
        if self.budgets is None:
            return None
        budget = tightest(planned.scenario.scenario.budget, self.options.trial_budget)
        return self.budgets.guard(budget, self._payees(planned))

    def judging_guard(self, planned: Answerable) -> Guard | None:
        """Return who looks at a judge's calls: the run's and the day's budgets, not the trial's."""
        if self.budgets is None:
            return None
        return self.budgets.guard(Budget(), self._payees(planned))

    def _payees(self, planned: Answerable) -> Payees | None:
        return payees_of(planned.choices) if planned.choices else None

    def judge(self, planned: Answerable, sink: Sink) -> Upstream:
        """Return what answers the judge of one trial, or whoever else the bench asks by itself: no
        fault is injected into these calls.

        Raises:
            DynoError: its cassette cannot be read.
        """
        if planned.script is not None:
            return ScriptedUpstream(planned.script, luck_of(planned.key))
        if self.options.model != "replay":
            return self._live(planned, sink)
        live = self._live(planned, sink) if self.providers is not None else None
        judge = planned.scenario.judge
        return Replayer(
            self.recordings.load(planned.key).part(judge.name if judge else JUDGE), sink,
            scrub=self.secrets,
            on_miss=live if self.options.on_miss == "live" or self.options.fork_at else None,
        )

    def _answers(
        self, planned: PlannedTrial, sink: Sink
    ) -> tuple[Replayer | None, Upstream]:
        def faulty(upstream: Upstream) -> Upstream:
            return FaultyUpstream(upstream, planned.faults, sink) if planned.faults else upstream

        if planned.script is not None:
            scripted = faulty(ScriptedUpstream(planned.script, luck_of(planned.key)))
            if planned.faults is None or planned.key.retries == "as-shipped":
                return None, scripted
            return None, RetryingUpstream(scripted, sink, self.policy)
        if self.options.model != "replay":
            return None, self._live(planned, sink, wrap=faulty)
        live = self._live(planned, sink) if self.providers is not None else None
        cassette = self.recordings.load(planned.key)
        if planned.scenario.judge is not None:
            cassette = cassette.part(JUDGE, without=True)
        replayer = Replayer(
            cassette, sink, fork_at=self.options.fork_at, live=live,
            on_miss=live if self.options.on_miss == "live" else None,
            pace=self.options.pace == "recorded", scrub=self.secrets,
        )
        replayed = faulty(replayer)
        if planned.faults is None or planned.key.retries == "as-shipped":
            return replayer, replayed
        return replayer, RetryingUpstream(replayed, sink, self.policy)

    def _live(
        self, planned: Answerable, sink: Sink,
        wrap: Callable[[Upstream], Upstream] = lambda upstream: upstream,
    ) -> Upstream:
        assert self.providers is not None, "a run that goes live opens its providers"
        return self.providers.upstream(
            sink, planned.choices, retries=planned.key.retries, wrap=wrap
        )

    def keep(self, trial: Trial, wire: Sequence[WireRecord]) -> str | None:
        """Keep the recording of a sealed trial, when this run makes any.

        Returns why there is none, for a trial that says nothing of its agents.
        """
        if self.options.model != "record":
            return None
        if trial.outcome in UNRECORDED:
            return f"not recorded: {trial.key.scenario} on {trial.key.runner} ({trial.outcome})"
        self.recordings.save(Cassette.of(trial, wire, scrub=self.secrets))
        return None


@contextlib.asynccontextmanager
async def open_budgets(
    request: Request, ledger: Ledger | None, approver: Approver | None
) -> AsyncIterator[Budgets | None]:
    """Keep the budgets of a run; there are none where nothing is limited and nobody is paid.

    Raises:
        UsageError: cost is limited, and the price of a model is unknown.
    """
    options, scenarios = request.options, [one.loaded.scenario for one in request.scenarios]
    asked = (options.matrix_budget, options.day_budget, options.trial_budget)
    limited = any(budget != Budget() for budget in (*asked, *(one.budget for one in scenarios)))
    if request.catalogue is None and not limited:
        yield None
        return
    budgets = Budgets(options.matrix_budget, options.day_budget, ledger, approver)
    for one in request.scenarios:
        payees = [payee for choice in one.choices.values() for payee in chain(choice)]
        budgets.check(tightest(one.loaded.scenario.budget, options.trial_budget), payees)
    try:
        yield budgets
    finally:
        await budgets.close()


@contextlib.asynccontextmanager
async def open_sources(request: Request, budgets: Budgets | None) -> AsyncIterator[Sources]:
    """Open the providers that a run may ask, for the duration of the context."""
    catalogue = request.catalogue
    if catalogue is None:
        yield Sources(options=request.options, budgets=budgets)
        return
    async with Providers(catalogue) as providers:
        yield Sources(options=request.options, providers=providers, budgets=budgets,
                      secrets=secrets_of(request))


def secrets_of(request: Request) -> tuple[str, ...]:
    """Return the keys and headers that a run gives to providers, and to nobody else."""
    found: list[str] = []
    catalogue = request.catalogue
    if catalogue is None:
        return ()
    for one in request.scenarios:
        for choice in one.choices.values():
            following: str | ModelChoice | None = choice
            while isinstance(following, ModelChoice):
                found += catalogue.target(following).secrets
                following = following.fallback
    return tuple(dict.fromkeys(found))
