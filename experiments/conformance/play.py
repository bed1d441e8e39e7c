"""Plays one case on one runner: real gateways, real worker, scripted model."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from agentdyno.core.event import Event, Message, ModelCall, Step, WireRecord
from agentdyno.core.sink import Sink
from agentdyno.core.spec import ToolServer
from agentdyno.core.trial import Assignment, Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.conformance.case import FOLDER, TIMEOUT_S, Case
from agentdyno.experiments.conformance.wrappers import Listener, Meeting
from agentdyno.experiments.derived import derived
from agentdyno.experiments.exchanges import Exchange, exchanges
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import Upstream
from agentdyno.runners.base import Emit
from agentdyno.runners.pool import TrialHost, WorkerReplaced

SERVERS = {"calculator": ToolServer(bundled="calculator")}
Wrap = Callable[[Upstream], Upstream]


def _as_it_is(upstream: Upstream) -> Upstream:
    return upstream


@dataclass(frozen=True, kw_only=True)
class Played:
    """A case that was played."""

    case: Case
    trial: Trial
    wire: Sequence[WireRecord]
    absent: frozenset[str]
    """Agents of the case's `together` who had not begun while the others waited for them."""
    late: tuple[tuple[str, str], ...]
    """Texts that were declared late or never, with who said them."""

    @property
    def model_calls(self) -> list[ModelCall]:
        """Model calls, in the order in which they began."""
        return [event for event in self.trial.events if isinstance(event, ModelCall)]

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Model calls with what stood on the wire."""
        return exchanges(self.trial, self.wire)

    @property
    def messages(self) -> list[Message]:
        """What the runner declared that agents said."""
        return [event for event in self.trial.events if isinstance(event, Message)]

    @property
    def steps(self) -> list[Step]:
        """What the runner declared of the team's work."""
        return [event for event in self.trial.events if isinstance(event, Step)]


async def play(
    case: Case, bench: Bench, host: TrialHost, *, derive: bool = False, wrap: Wrap = _as_it_is
) -> Played:
    """Play `case` to its end, with what `wrap` puts around the scripted model.

    With `derive` messages and steps are read off the wire, for runners without a hook.

    Raises:
        DynoError: the runner's environment or a tool server cannot be started.
    """
    sink = Sink(trial_id=f"c{secrets.token_hex(8)}", token=secrets.token_urlsafe(24),
                limits=case.limits)
    started_at = datetime.now(UTC).isoformat()
    listener = Listener(ScriptedUpstream(case.script, 0), () if derive else _in_time(case))
    meeting = Meeting(listener, case.spec.together)
    bench.models.open(sink, case.agents, wrap(meeting))
    report = WorkerReport(ended="timeout")
    try:
        await bench.tools.open(sink, case.agents, SERVERS, FOLDER)
        async with asyncio.timeout(TIMEOUT_S):
            report = await host.run(_assignment(case, sink, bench), _recorded(sink, listener))
    except TimeoutError:
        sink.end(Outcome.LIMIT, f"the trial had not ended after {TIMEOUT_S:g} s")
    except WorkerReplaced as death:
        sink.end(Outcome.AGENT_FAULT, f"the worker process went away: {death}")
    finally:
        duration_s = sink.now()
        bench.models.close(sink.trial_id)
        await bench.tools.close(sink.trial_id)
    outcome, reason = sink.stop or _outcome(report)
    trial = Trial(
        id=sink.trial_id, key=_key(case), outcome=outcome, reason=reason,
        answers=report.answer.texts if report.answer else (), user_turns=case.spec.user,
        agents=case.agents, pattern=case.pattern, started_at=started_at, duration_s=duration_s,
        events=tuple(sorted(sink.events, key=lambda event: event.started_s)), report=report,
        usage_reported=report.answer.usage if report.answer else None,
    )
    if derive:
        trial = trial.model_copy(update={"events": (*trial.events, *derived(trial, sink.wire))})
    return Played(
        case=case, trial=trial, wire=sink.wire, absent=frozenset(meeting.absent),
        late=tuple(listener.late),
    )


def verdicts(played: Played) -> tuple[Verdict, ...]:
    """Return the answers to the case's checks."""
    return evaluate(played.trial, played.case.spec.checks, FOLDER)


def _in_time(case: Case) -> list[tuple[str, str]]:
    """Return the texts that must be declared before the next agent is answered."""
    said = (case.spec.said or ()) if case.spec.ordered else ()
    return [(each.agent, each.text) for each in said]


def _assignment(case: Case, sink: Sink, bench: Bench) -> Assignment:
    return Assignment(
        trial_id=sink.trial_id, token=sink.token, pattern=case.pattern, agents=case.agents,
        user_turns=case.spec.user, limits=case.limits, stream=case.spec.stream,
        endpoints={spec.name: bench.endpoint(sink.trial_id, spec) for spec in case.agents},
    )


def _recorded(sink: Sink, listener: Listener) -> Emit:
    def emit(event: Message | Step) -> None:
        now = sink.now()
        stamped: Event = event.model_copy(update={"started_s": now, "ended_s": now})
        sink.record(stamped)
        listener.heard(event)

    return emit


def _outcome(report: WorkerReport) -> tuple[Outcome, str]:
    match report.ended:
        case "returned":
            answer = report.answer
            if answer is not None and answer.stopped_by_limit:
                return Outcome.LIMIT, answer.note
            return Outcome.COMPLETED, ""
        case "timeout":
            return Outcome.LIMIT, "the trial overran its time"
        case "cancelled":
            return Outcome.CANCELLED, "cancelled"
    return Outcome.AGENT_FAULT, f"{report.error_type}: {report.error}"


def _key(case: Case) -> TrialKey:
    return TrialKey(
        scenario=case.id, scenario_digest="", runner="", runner_version="", runner_digest="",
        model_digest=case.script.digest, stream=case.spec.stream,
    )
