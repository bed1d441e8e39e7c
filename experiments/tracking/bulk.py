"""Many new traces in one transaction, where MLflow's tables are at hand.

MLflow's own way takes several times the CPU for a trace of 20 spans, most of it for the making of
SQL. This fills MLflow's own models with MLflow's own functions and only inserts, and it is used for
one version of MLflow alone, whose schema `schema.ready` has seen: a test holds each row against
what that MLflow writes itself. Servers, other databases and traces that are there take the way by
MLflow.
"""

import json
from collections.abc import Sequence
from typing import Any

import mlflow
import orjson
from mlflow.entities.span import Span as MlflowSpan
from mlflow.entities.trace_info import TraceInfo
from mlflow.store.tracking.dbmodels.models import (
    SqlAssessments,
    SqlSpan,
    SqlTraceInfo,
    SqlTraceMetadata,
    SqlTraceTag,
)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.utils.sql_trace_rollups import rollups_enabled
from mlflow.store.tracking.utils.trace_analytics import (
    PROMOTED_TRACE_METADATA_KEYS,
    analytics_columns_from_metadata,
)
from mlflow.tracing.constant import (
    SpanAttributeKey,
    SpansLocation,
    TraceMetadataKey,
    TraceTagKey,
)
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION
from sqlalchemy import insert

from agentdyno.experiments.companion import MLFLOW

Rows = list[dict[str, Any]]
_COSTS = ("input_cost", "output_cost", "total_cost")


class BulkStore:
    """Writes traces into the database of one experiment."""

    def __init__(self, store: SqlAlchemyStore, experiment_id: str) -> None:
        self._store = store
        self._experiment = int(experiment_id)
        experiment = store.get_experiment(experiment_id)  # type: ignore[no-untyped-call]
        self._artifacts = experiment.artifact_location

    @classmethod
    def of(cls, store: object, experiment_id: str) -> "BulkStore | None":
        """Return the bulk way into `store`; None where it may not be taken."""
        if not isinstance(store, SqlAlchemyStore) or store.engine.dialect.name != "postgresql":
            return None
        if mlflow.__version__ != MLFLOW or rollups_enabled():
            return None
        return cls(store, experiment_id)

    def write(self, traces: Sequence[tuple[TraceInfo, Sequence[MlflowSpan]]]) -> None:
        """Insert traces that are not there, with their assessments; all of them or none."""
        rows: list[tuple[type, Rows]] = [
            (SqlTraceInfo, [self._info(info) for info, _ in traces]),
            (SqlTraceTag, [row for info, _ in traces for row in self._tags(info)]),
            (SqlTraceMetadata, [row for info, _ in traces for row in _metadata(info)]),
            (SqlAssessments, [row for info, _ in traces for row in self._assessments(info)]),
            (SqlSpan, [self._span(span) for _, spans in traces for span in spans]),
        ]
        with self._store.ManagedSessionMaker(read_only=False) as session:
            for model, some in rows:
                if some:
                    session.execute(insert(model.__table__), some)  # type: ignore[attr-defined]

    def _info(self, info: TraceInfo) -> dict[str, Any]:
        return {
            "request_id": info.trace_id, "experiment_id": self._experiment,
            "timestamp_ms": info.request_time, "execution_time_ms": info.execution_duration,
            "status": info.state.value, "client_request_id": info.client_request_id,
            "request_preview": info.request_preview, "response_preview": info.response_preview,
            "trace_name": info.tags.get(TraceTagKey.TRACE_NAME), "db_payload_generation": 1,
            **analytics_columns_from_metadata(info.trace_metadata),
        }

    def _tags(self, info: TraceInfo) -> Rows:
        tags = {
            **{name: value for name, value in info.tags.items() if name != TraceTagKey.TRACE_NAME},
            MLFLOW_ARTIFACT_LOCATION: f"{self._artifacts}/traces/{info.trace_id}/artifacts",
            TraceTagKey.SPANS_LOCATION: SpansLocation.TRACKING_STORE.value,
        }
        return [{"request_id": info.trace_id, "key": k, "value": v} for k, v in tags.items()]

    def _assessments(self, info: TraceInfo) -> Rows:
        return [
            _columns(SqlAssessments.from_mlflow_entity(one)) | {
                "trace_id": info.trace_id, "experiment_id": self._experiment,
                "trace_timestamp_ms": info.request_time,
            }
            for one in info.assessments
        ]

    def _span(self, span: MlflowSpan) -> dict[str, Any]:
        # MLflow would look for its own attributes under the names that others have for them, and
        # parse every attribute for it; these spans have them all (tracking/spans.py).
        stored = span.to_dict()
        attributes = stored["attributes"]
        cost = json.loads(attributes.get(SpanAttributeKey.LLM_COST) or "{}")
        return {
            "trace_id": span.trace_id, "experiment_id": self._experiment, "span_id": span.span_id,
            "parent_span_id": span.parent_id, "name": span.name, "type": span.span_type,
            "status": span.status.status_code, "start_time_unix_nano": span.start_time_ns,
            "end_time_unix_nano": span.end_time_ns,
            "content": orjson.dumps(stored).decode(),
            **{name: cost.get(name) for name in _COSTS},
            "model_name": _dimension(attributes, SpanAttributeKey.MODEL),
            "model_provider": _dimension(attributes, SpanAttributeKey.MODEL_PROVIDER),
        }


def _metadata(info: TraceInfo) -> Rows:
    kept = {name: value for name, value in info.trace_metadata.items()
            if name not in PROMOTED_TRACE_METADATA_KEYS}
    kept[TraceMetadataKey.TRACE_INFO_FINALIZED] = "true"
    return [{"request_id": info.trace_id, "key": k, "value": v} for k, v in kept.items()]


def _columns(row: SqlAssessments) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in SqlAssessments.__table__.columns}


def _dimension(attributes: dict[str, Any], name: str) -> str | None:
    value = json.loads(attributes.get(name) or "null")
    return value[:500] if isinstance(value, str) else None
