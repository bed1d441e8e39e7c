"""Trials as MLflow traces with verdicts as assessments; what is there already is left alone.

A trace's id follows from the trial and its attempt, and an assessment's from trace and check, so
that an export may be repeated: each is written once, and a verdict that `agentdyno score` changed
since is put right.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlflow.entities import AssessmentError, AssessmentSource, Feedback
from mlflow.entities.trace_info import TraceInfo
from mlflow.entities.trace_location import TraceLocation
from mlflow.entities.trace_state import TraceState
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import TraceMetadataKey, TraceTagKey

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Outcome, Trial, Verdict
from agentdyno.experiments.traces.build import spans_of
from agentdyno.experiments.traces.cutter import Cutter
from agentdyno.experiments.traces.spans import Span
from agentdyno.experiments.tracking.bulk import BulkStore
from agentdyno.experiments.tracking.spans import mlflow_spans, mlflow_trace_id, trace_totals

DIGEST_TAG = "agentdyno.digest"
_FORMAT = 1
"""Raised when the same trial makes another trace, so that old ones are written again."""
_ERRORS = (Outcome.AGENT_FAULT, Outcome.HARNESS_FAULT)
_PREVIEW = 900
"""MLflow keeps 1,000 characters of an answer's beginning, and what is cut off is told, too."""
_NAME = 250
"""Characters of an assessment's name, at most."""
_LINKS = 100
"""Traces that MLflow links to a run at once, at most."""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """One execution that is to be a trace."""

    trial: Trial
    attempt: int
    wire: tuple[WireRecord, ...]
    run_id: str
    """MLflow's id of its cell's run."""

    @property
    def digest(self) -> str:
        """Return what of the trial may change after it was sealed: its verdicts."""
        return content_hash([
            _FORMAT, [verdict.model_dump(mode="json") for verdict in self.trial.verdicts],
        ])[:16]


class TraceWriter:
    """Writes trials into one MLflow experiment."""

    def __init__(
        self, client: TracingClient, experiment_id: str, secrets: Sequence[str] = (), *,
        bulk: bool = True,
    ) -> None:
        """
        Args:
            client: MLflow's client.
            experiment_id: where traces go.
            secrets: exact values that no span may hold.
            bulk: whether new traces may be inserted many at once, where that is possible.
        """
        self._client = client
        self._experiment = experiment_id
        self._secrets = secrets
        self._cutter = Cutter(1, secrets)
        self._bulk = BulkStore.of(client.store, experiment_id) if bulk else None

    def write(self, batch: Sequence[Sealed]) -> int:
        """Write what is missing or out of date of `batch`; returns how many trials that was."""
        made = [
            (sealed, spans_of(sealed.trial, sealed.wire, attempt=sealed.attempt,
                              secrets=self._secrets))
            for sealed in batch
        ]
        there = self._there([mlflow_trace_id(spans[0].trace_id) for _, spans in made])
        todo = [
            (sealed, spans) for sealed, spans in made
            if not _complete(there.get(mlflow_trace_id(spans[0].trace_id)), sealed)
        ]
        traces = [
            (self._info(sealed, spans), mlflow_spans(spans)) for sealed, spans in todo
        ]
        if self._bulk is not None:
            new = [(info, spans) for info, spans in traces if info.trace_id not in there]
            self._bulk.write(new)
            traces = [(info, spans) for info, spans in traces if info.trace_id in there]
        for info, _ in traces:
            old = there.get(info.trace_id)
            # MLflow does not ask whether an assessment is there; one of the same id it replaces.
            self._client.start_trace(info)
            if old is not None:
                self._forget(old, {one.assessment_id for one in info.assessments})
        if traces:
            self._client.log_spans(
                self._experiment, [span for _, spans in traces for span in spans]
            )
        self._link(made, there)
        return len(todo)

    def _there(self, ids: list[str]) -> dict[str, TraceInfo]:
        infos = self._client.store.batch_get_trace_infos(ids)
        return {info.trace_id: info for info in infos}

    def _info(self, sealed: Sealed, spans: Sequence[Span]) -> TraceInfo:
        trial, root = sealed.trial, spans[0]
        trace_id = mlflow_trace_id(root.trace_id)
        started = datetime.fromisoformat(trial.started_at)
        return TraceInfo(
            trace_id=trace_id, trace_location=TraceLocation.from_experiment_id(self._experiment),
            request_time=round(started.timestamp() * 1000),
            execution_duration=round(trial.duration_s * 1000),
            state=TraceState.ERROR if trial.outcome in _ERRORS else TraceState.OK,
            # By this MLflow pairs the traces of two runs.
            request_preview=f"{trial.key.situation} · repeat {trial.key.repeat}",
            response_preview=self._cutter.text(_last_answer(trial), _PREVIEW),
            trace_metadata={TraceMetadataKey.SOURCE_RUN: sealed.run_id, **trace_totals(spans)},
            tags={
                TraceTagKey.TRACE_NAME: root.name, DIGEST_TAG: sealed.digest,
                "agentdyno.trial": trial.id, "agentdyno.attempt": str(sealed.attempt),
                "agentdyno.outcome": trial.outcome.value, "case": trial.key.situation,
                "repeat": str(trial.key.repeat), "variant": trial.key.variant,
                "runner": f"{trial.key.runner} {trial.key.runner_version}",
            },
            assessments=list(_assessments(trace_id, trial, self._cutter)),
        )

    def _forget(self, old: TraceInfo, kept: set[str | None]) -> None:
        for one in old.assessments:
            ours = (one.metadata or {}).get("agentdyno.trial")
            if ours and one.assessment_id not in kept:
                self._client.store.delete_assessment(old.trace_id, one.assessment_id)

    def _link(
        self, made: Sequence[tuple[Sealed, tuple[Span, ...]]], there: dict[str, TraceInfo]
    ) -> None:
        """Show traces that an earlier run made in this one's cells, too."""
        by_run: dict[str, list[str]] = {}
        for sealed, spans in made:
            info = there.get(mlflow_trace_id(spans[0].trace_id))
            if info and info.trace_metadata.get(TraceMetadataKey.SOURCE_RUN) != sealed.run_id:
                by_run.setdefault(sealed.run_id, []).append(info.trace_id)
        for run_id, ids in by_run.items():
            for at in range(0, len(ids), _LINKS):
                self._client.store.link_traces_to_run(ids[at:at + _LINKS], run_id)


def _complete(info: TraceInfo | None, sealed: Sealed) -> bool:
    if info is None:
        return False
    # Spans are written last, and set the second of these.
    return info.tags.get(DIGEST_TAG) == sealed.digest and TraceTagKey.SPANS_LOCATION in info.tags


def _last_answer(trial: Trial) -> str:
    if trial.answers:
        return trial.answers[-1]
    return f"{trial.outcome.value}: {trial.reason}" if trial.reason else trial.outcome.value


def _assessments(trace_id: str, trial: Trial, cutter: Cutter) -> Iterator[Feedback]:
    at = round(datetime.fromisoformat(trial.started_at).timestamp() * 1000 +
               trial.duration_s * 1000)
    for number, verdict in enumerate(trial.verdicts):
        made = [_feedback(verdict, cutter)]
        judged = verdict.judged
        if judged is not None and judged.score is not None:
            made.append(Feedback(
                name=f"{verdict.check}/score"[-_NAME:], value=judged.score,
                source=_source(verdict), rationale=cutter.text(judged.reason),
            ))
        for one in made:
            one.trace_id = trace_id
            one.assessment_id = _assessment_id(trace_id, one.name, number)
            one.metadata = {"agentdyno.trial": trial.id}
            one.create_time_ms = one.last_update_time_ms = at
            yield one


def _feedback(verdict: Verdict, cutter: Cutter) -> Feedback:
    told = {"pass": True, "fail": False}.get(verdict.status)
    reason = cutter.text(verdict.reason)
    error = None if told is not None else AssessmentError(
        error_code=verdict.status.upper(), error_message=reason
    )
    return Feedback(name=verdict.check[-_NAME:], value=told, error=error, rationale=reason,
                    source=_source(verdict))


def _source(verdict: Verdict) -> AssessmentSource:
    judged = verdict.judged
    if judged is None:
        return AssessmentSource("CODE", f"agentdyno/{verdict.check}")
    return AssessmentSource("LLM_JUDGE", judged.model or judged.metric)


def _assessment_id(trace_id: str, name: str, number: int) -> str:
    return f"a-{hashlib.sha256(f'{trace_id}:{number}:{name}'.encode()).hexdigest()[:32]}"
