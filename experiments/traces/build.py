"""From a sealed trial and its raw exchanges to spans. Everything that the instruments saw has one:

    invoke_workflow SCENARIO                  the trial; messages, steps, budgets as its events
      invoke_agent AGENT                      one stretch of an agent's work
        chat MODEL                            a model call; its attempts below it, faults as events
        approval TOOL                         the time in which a call waited
        execute_tool TOOL                     a tool call; what it did in the memory below it
      judging                                 judges' calls, once the trial was over

Of two exports of one execution every id is the same.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.experiments.traces.attributes import trial_attributes, verdict_attributes
from agentdyno.experiments.traces.cutter import Cutter
from agentdyno.experiments.traces.scene import Draft, Scene
from agentdyno.experiments.traces.spans import (
    EVENT_SEQ,
    JUDGING_SEQ,
    Span,
    SpanEvent,
    span_id,
    trace_id,
)
from agentdyno.experiments.traces.telling import told

_NS = 1_000_000_000


def spans_of(
    trial: Trial, wire: Sequence[WireRecord], *, attempt: int = 1, secrets: Sequence[str] = ()
) -> tuple[Span, ...]:
    """Return the trace of a trial: the root first, then parents before their children.

    Args:
        trial: the trial.
        wire: its raw exchanges.
        attempt: which execution of the trial it is; each has a trace of its own.
        secrets: exact values that must not be in it; what looks like a key is taken out in any
            case.
    """
    cutter = Cutter(len(trial.events) + len(trial.judging), secrets)
    drafts = tuple(_drafts(trial, wire, attempt, cutter))
    zero_ns = round(datetime.fromisoformat(trial.started_at).timestamp() * 1_000_000) * 1_000
    trace = trace_id(trial.id, attempt)
    return tuple(_span(trace, zero_ns, draft) for draft in drafts)


def _drafts(
    trial: Trial, wire: Sequence[WireRecord], attempt: int, cutter: Cutter
) -> Iterator[Draft]:
    team = Scene(
        events=trial.events, wire=[r for r in wire if r.channel != "judge"], trial=trial,
        root="trial", seq=EVENT_SEQ, cutter=cutter,
    )
    below = list(told(team))
    ended_s = max(
        trial.duration_s + trial.waited_s, *(event.ended_s for event in trial.events),
        *(draft.ended_s for draft in below), 0.0,
    )
    root = Draft(
        key="trial", parent=None, name=f"invoke_workflow {trial.key.situation}", kind="trial",
        started_s=0.0, ended_s=ended_s, attributes=trial_attributes(trial, attempt, cutter),
        error=cutter.text(trial.reason) or trial.outcome.value
        if trial.outcome.value in ("agent_fault", "harness_fault", "limit") else None,
    )
    root.moments += team.unshown()
    root.moments += [
        (ended_s, "gen_ai.evaluation.result", verdict_attributes(verdict, cutter))
        for verdict in trial.verdicts
    ]
    yield root
    yield from below
    if trial.judging:
        yield from _judging(trial, wire, ended_s, cutter)


def _judging(
    trial: Trial, wire: Sequence[WireRecord], offset_s: float, cutter: Cutter
) -> Iterator[Draft]:
    """Yield what judges were asked, behind the trial: its own duration is not theirs."""
    scene = Scene(
        events=trial.judging, wire=[r for r in wire if r.channel == "judge"], trial=trial,
        root="judging", seq=JUDGING_SEQ, cutter=cutter, offset_s=offset_s,
    )
    below = list(told(scene))
    last_s = max(event.ended_s for event in trial.judging)
    top = Draft(
        key="judging", parent="trial", name="judging", kind="judging", started_s=offset_s,
        ended_s=max(offset_s + last_s, *(draft.ended_s for draft in below), 0.0),
    )
    top.moments += scene.unshown()
    yield top
    yield from below


def _span(trace: str, zero_ns: int, draft: Draft) -> Span:
    def at(seconds: float) -> int:
        return zero_ns + round(seconds * _NS)

    return Span(
        trace_id=trace, span_id=span_id(trace, draft.key),
        parent_id=None if draft.parent is None else span_id(trace, draft.parent),
        name=draft.name, kind=draft.kind, start_ns=at(draft.started_s),
        end_ns=at(max(draft.started_s, draft.ended_s)), attributes=draft.attributes,
        error=draft.error,
        events=tuple(
            SpanEvent(at_ns=at(seconds), name=name, attributes=attributes)
            for seconds, name, attributes in sorted(draft.moments, key=lambda event: event[0])
        ),
    )
