"""Experiments and runs of MLflow by what they stand for; looked for before they are made.

A scenario is an experiment, a matrix a run in it, and a cell a run below that. MLflow gives out
their ids itself, so they are found again by tags.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.entities.run import Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_TYPE, MLFLOW_SOURCE_NAME

from agentdyno.core.errors import DynoError

MATRIX_TAG, CELL_TAG = "agentdyno.matrix", "agentdyno.cell"
_KIND_TAG, _KIND = "mlflow.experimentKind", "genai_development"
_EVALUATION = "genai_evaluate"
_METRICS, _PARAMS = 900, 90
"""As many as MLflow takes at once, less some."""


class RunBook:
    """The runs of one scenario's experiment."""

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self._client = client
        self.experiment_id = experiment_id

    @classmethod
    def of(cls, client: MlflowClient, scenario: str, artifacts: str | None) -> "RunBook":
        """Return the book of `scenario`, whose experiment is made where there is none.

        Args:
            client: MLflow's client.
            scenario: the scenario's name, which is the experiment's.
            artifacts: folder of all artifacts; None leaves the choice to MLflow.

        Raises:
            DynoError: somebody deleted the experiment.
        """
        found = client.get_experiment_by_name(scenario)
        if found is None:
            place = None if artifacts is None else (Path(artifacts) / scenario).as_uri()
            return cls(client, client.create_experiment(
                scenario, artifact_location=place, tags={_KIND_TAG: _KIND}
            ))
        if found.lifecycle_stage != "active":
            raise DynoError(
                f"MLflow's experiment {scenario!r} was deleted there, and none of this name can be "
                "made beside it.",
                "restore it in MLflow's page of experiments, or: mlflow gc; then: agentdyno export "
                "mlflow",
            )
        if found.tags.get(_KIND_TAG) is None:
            client.set_experiment_tag(found.experiment_id, _KIND_TAG, _KIND)
        return cls(client, str(found.experiment_id))

    def matrix(self, matrix_id: str, name: str, start_ms: int) -> str:
        """Return the id of a matrix's run."""
        return self._ensure({MATRIX_TAG: matrix_id, CELL_TAG: "all"}, name, start_ms, {})

    def cell(self, matrix_id: str, parent: str, key: str, name: str, start_ms: int) -> str:
        """Return the id of the run of the cell with this key, below its matrix's."""
        return self._ensure(
            {MATRIX_TAG: matrix_id, CELL_TAG: key}, name, start_ms, {MLFLOW_PARENT_RUN_ID: parent}
        )

    def _ensure(
        self, marks: Mapping[str, str], name: str, start_ms: int, more: Mapping[str, str]
    ) -> str:
        where = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in marks.items())
        found = self._client.search_runs([self.experiment_id], where, max_results=1)
        if found:
            return str(found[0].info.run_id)
        tags = {
            **marks, **more, MLFLOW_RUN_TYPE: _EVALUATION, MLFLOW_SOURCE_NAME: "agentdyno",
        }
        made = self._client.create_run(
            self.experiment_id, start_time=start_ms, tags=tags, run_name=name
        )
        return str(made.info.run_id)

    def fill(
        self, run_id: str, *, metrics: Mapping[str, float], params: Mapping[str, str],
        tags: Mapping[str, str], at_ms: int,
    ) -> None:
        """Write what a run says. A parameter that is there stays as it is, since MLflow lets none
        change; a number that is there already is not written again.
        """
        run = self._client.get_run(run_id)
        new = {name: value for name, value in params.items() if name not in run.data.params}
        later = at_ms
        if any(run.data.metrics.get(name, value) != value for name, value in metrics.items()):
            # Graded again since: MLflow shows the latest of a metric.
            later = max(at_ms, time.time_ns() // 1_000_000)
        numbers = [
            Metric(name, value, later, 0) for name, value in metrics.items()
            if run.data.metrics.get(name) != value
        ]
        texts = [RunTag(name, value) for name, value in tags.items()]
        for at in range(0, len(numbers), _METRICS):
            self._client.log_batch(run_id, metrics=numbers[at:at + _METRICS])
        pairs = [Param(name, value) for name, value in new.items()]
        for at in range(0, len(pairs), _PARAMS):
            self._client.log_batch(run_id, params=pairs[at:at + _PARAMS])
        for at in range(0, len(texts), _PARAMS):
            self._client.log_batch(run_id, tags=texts[at:at + _PARAMS])

    def end(self, run_id: str, status: str, end_ms: int) -> None:
        """Close a run."""
        self._client.set_terminated(run_id, _STATUS.get(status, "FINISHED"), end_ms)

    def get(self, run_id: str) -> Run:
        """Return a run as MLflow has it."""
        return self._client.get_run(run_id)


_STATUS = {
    "interrupted": RunStatus.to_string(RunStatus.KILLED),
    "failed": RunStatus.to_string(RunStatus.FAILED),
}
