"""The way of one trial: open the gateways, let the runner drive its team, seal what was seen."""

import secrets
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agentdyno.core.errors import DynoError
from agentdyno.core.event import Event, Message, Step, WireRecord
from agentdyno.core.sink import Sink, Watch
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Outcome, Trial, WorkerReport
from agentdyno.evals.checks import evaluate
from agentdyno.evals.conformance import conformance, swallowed
from agentdyno.experiments.approving import Approving
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.derived import derived
from agentdyno.experiments.fingerprint import wire_digest
from agentdyno.experiments.judging import with_judgement
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.experiments.sources import Sources, TrialSource
from agentdyno.experiments.user import UserSimulator
from agentdyno.memory.server import MemoryServer
from agentdyno.runners.pool import TrialHost, WorkerReplaced

Sealed = tuple[Trial, Sequence[WireRecord]]
ATTEMPTS = 2
"""A trial whose worker was replaced because of another trial runs once more, by itself."""


@dataclass(frozen=True, kw_only=True)
class Executor:
    """Runs planned trials on one bench."""

    bench: Bench
    memory: MemoryServer
    sources: Sources
    watch: Callable[[PlannedTrial], Watch | None] = lambda planned: None
    """Who looks at a trial while it runs."""
    approving: Approving = field(default_factory=Approving)
    """Who decides about calls that wait."""

    async def run(self, planned: PlannedTrial, host: TrialHost) -> Sealed:
        """Execute one trial to its end and grade it.

        Whatever goes wrong becomes the outcome; only cancellation passes through.
        """
        trial, wire = await self._first_undisturbed(planned, host)
        if not planned.runner.teamwork.hook:
            seen = (*trial.events, *derived(trial, wire))
            trial = trial.model_copy(update={"events": _in_order(seen)})
        judged, judging = await with_judgement(self.bench, self.sources, planned, trial, wire)
        verdicts = evaluate(judged, planned.scenario.scenario.checks, planned.scenario.folder)
        broken = conformance(trial, wire)
        return judged.model_copy(update={
            "verdicts": (*verdicts, *broken), "notes": (*trial.notes, *swallowed(trial)),
            "wire_digest": wire_digest(trial, wire),
        }), (*wire, *judging)

    async def _first_undisturbed(self, planned: PlannedTrial, host: TrialHost) -> Sealed:
        for _ in range(1, ATTEMPTS):
            with suppress(WorkerReplaced):
                return await self._attempt(planned, host, last=False)
        return await self._attempt(planned, host, last=True)

    async def _attempt(self, planned: PlannedTrial, host: TrialHost, *, last: bool) -> Sealed:
        sink = Sink(
            trial_id=planned.id, token=secrets.token_urlsafe(24), limits=planned.limits,
            seed=planned.key.seed, watch=self.watch(planned),
        )
        started_at = datetime.now(UTC).isoformat()
        report = WorkerReport(ended="cancelled")
        end_state: dict[str, Any] = {}
        try:
            source = self.sources.open(planned, sink)
        except DynoError as error:
            sink.end(Outcome.HARNESS_FAULT, str(error))
            return self._seal(planned, sink, report, end_state, started_at, 0.0), ()
        self.bench.models.open(
            sink, planned.scenario.callers, source.upstream, guard=source.guard,
            retries=planned.key.retries,
        )
        user = self._user(sink, planned)
        try:
            await self._open(sink, planned, source)
            report = await host.run(
                self._assignment(sink, planned), _stamped(sink), last_attempt=last,
                started=sink.rezero, user=user, clock=sink.clock,
            )
        except DynoError as error:
            sink.end(Outcome.HARNESS_FAULT, str(error))
        finally:
            duration_s = sink.worked_s()
            notes = (*source.notes(), *self._unused_results(sink, source))
            end_state = await self._close(sink, planned, source)
        trial = self._seal(planned, sink, report, end_state, started_at, duration_s)
        said = trial.user_turns if user is None else tuple(user.said)
        return trial.model_copy(update={"user_turns": said, "notes": notes}), sink.wire

    def _user(self, sink: Sink, planned: PlannedTrial) -> UserSimulator | None:
        scenario = planned.scenario
        if scenario.user is None:
            return None
        return UserSimulator(
            scenario.user, first=scenario.user_turns, variables=scenario.variables, sink=sink,
            base_url=self.bench.endpoint(sink.trial_id, scenario.user.agent).model_base_url,
        )

    async def _open(self, sink: Sink, planned: PlannedTrial, source: TrialSource) -> None:
        scenario = planned.scenario
        if source.recorded is None:
            await self.memory.seed(sink.trial_id, scenario.scenario.memory.seed)
        await self.bench.tools.open(
            sink, scenario.agents, scenario.scenario.mcpServers, scenario.folder,
            recorded=source.recorded, faults=planned.faults,
            approvals=None if source.recorded else self.approving.of(planned),
        )

    def _unused_results(self, sink: Sink, source: TrialSource) -> tuple[str, ...]:
        unused = self.bench.tools.unused(sink.trial_id) if source.recorded is not None else ()
        return tuple(f"recorded, but never asked for: {line}" for line in unused)

    async def _close(
        self, sink: Sink, planned: PlannedTrial, source: TrialSource
    ) -> dict[str, Any]:
        self.bench.models.close(sink.trial_id)
        states = await self.bench.tools.close(sink.trial_id)
        if source.recorded is not None:
            return states
        memory = await self.memory.end_state(sink.trial_id)
        return {**states, "memory": memory} if uses_memory(planned) and memory else states

    def _assignment(self, sink: Sink, planned: PlannedTrial) -> Assignment:
        agents = tuple(map(_neutral, planned.scenario.agents))
        return Assignment(
            trial_id=sink.trial_id,
            pattern=planned.scenario.scenario.pattern,
            agents=agents,
            user_turns=planned.scenario.user_turns,
            endpoints={
                agent.name: self.bench.endpoint(sink.trial_id, agent) for agent in agents
            },
            token=sink.token,
            limits=planned.limits,
            asks_user=planned.scenario.user is not None,
            retries=planned.key.retries,
            stream=planned.key.stream,
        )

    def _seal(
        self, planned: PlannedTrial, sink: Sink, report: WorkerReport, end_state: dict[str, Any],
        started_at: str, duration_s: float,
    ) -> Trial:
        outcome, reason = sink.stop or _outcome(report, planned)
        return Trial(
            id=planned.id,
            key=planned.key,
            outcome=outcome,
            reason=reason,
            answers=report.answer.texts if report.answer else (),
            user_turns=planned.scenario.user_turns,
            agents=planned.scenario.agents,
            prompts=planned.scenario.prompt_uses,
            pattern=planned.scenario.scenario.pattern,
            started_at=started_at,
            duration_s=duration_s,
            waited_s=sink.waited_s,
            events=_in_order(sink.events),
            end_state=end_state,
            report=report,
            usage_reported=report.answer.usage if report.answer else None,
        )


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda event: event.started_s))


def _neutral(agent: AgentSpec) -> AgentSpec:
    """Return `agent` without its model's real name: some frameworks behave by it, and the gateway
    knows the model from the agent."""
    return agent.model_copy(update={"model": "default"}) if ":" in agent.model else agent


def uses_memory(planned: PlannedTrial) -> bool:
    """Tell whether an agent of the trial's team is given memory tools."""
    return any(agent.memory != "none" for agent in planned.scenario.agents)


def _stamped(sink: Sink) -> Callable[[Message | Step], None]:
    """Give what runners declare the harness's clock: a worker does not know the trial's zero."""

    def emit(event: Message | Step) -> None:
        now = sink.now()
        stamped: Event = event.model_copy(update={"started_s": now, "ended_s": now})
        sink.record(stamped)

    return emit


def _outcome(report: WorkerReport, planned: PlannedTrial) -> tuple[Outcome, str]:
    """Classify what the worker says, when no instrument decided before."""
    match report.ended:
        case "returned":
            answer = report.answer
            if answer is not None and answer.stopped_by_limit:
                return Outcome.LIMIT, answer.note or "the framework stopped at its turn limit"
            return Outcome.COMPLETED, ""
        case "raised":
            return Outcome.AGENT_FAULT, f"{report.error_type}: {report.error}"
        case "died":
            return Outcome.AGENT_FAULT, report.error or "the worker process died"
        case "timeout":
            return Outcome.LIMIT, f"overran the trial's {planned.limits.timeout_s:g} s"
        case "cancelled":
            return Outcome.CANCELLED, "cancelled"
