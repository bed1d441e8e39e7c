"""Files that a run of MLflow keeps: comparison, plots, parity manifest, versions, cassettes."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.experiments.tracking.cells import Cell, parity_of, table_of, versions_of
from agentdyno.experiments.tracking.plots import forest
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary

TABLE = "comparison.json"
CASSETTES = "cassettes"
_SHOWN = ("trials", "passed", "model_calls", "prompt_tokens", "completion_tokens", "tool_calls",
          "cost_usd", "wall_s", "cpu_s")


def write_comparison(
    client: MlflowClient, run_id: str, cells: Sequence[Cell],
    metrics: Mapping[str, Mapping[str, float]],
) -> None:
    """Write table and plots of one scenario's cells, in place of older ones."""
    lines = table_of(cells, metrics)
    columns = list(lines[0])
    # The form in which MLflow shows tables.
    table = {"columns": columns, "data": [[line[name] for name in columns] for line in lines]}
    with tempfile.TemporaryDirectory(prefix="agentdyno-") as name:
        folder = Path(name)
        (folder / TABLE).write_text(json.dumps(table, allow_nan=False), encoding="utf-8")
        (folder / "comparison.md").write_text(markdown(lines), encoding="utf-8")
        (folder / "comparison.svg").write_text(forest(cells, metrics), encoding="utf-8")
        client.log_artifacts(run_id, str(folder))
    shown = json.dumps([{"path": TABLE, "type": "table"}])
    client.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, shown)


def write_cell(client: MlflowClient, run_id: str, cell: Cell) -> None:
    """Write parity manifest and versions of a cell."""
    client.log_dict(run_id, {"settings": parity_of(cell)}, "parity.json")
    client.log_dict(run_id, versions_of(cell.trials), "versions.json")


def write_cassettes(
    client: MlflowClient, run_id: str,
    recorded: Sequence[tuple[Trial, Sequence[WireRecord]]], secrets: Sequence[str],
) -> None:
    """Write recordings of trials, from which `agentdyno run --model replay` repeats them."""
    with tempfile.TemporaryDirectory(prefix="agentdyno-") as name:
        library = CassetteLibrary(Path(name))
        for trial, wire in recorded:
            library.save(Cassette.of(trial, wire, scrub=list(secrets)))
        client.log_artifacts(run_id, name, CASSETTES)


def markdown(lines: Sequence[Mapping[str, Any]]) -> str:
    """Return the comparison table for people, means with their 95 % intervals."""
    names = [name for name in _SHOWN if any(line.get(name) is not None for line in lines)]
    head = ["runner", "variant", "conditions", *names]
    rows = [[str(line[name]) for name in head[:3]] + [_cell(line, name) for name in names]
            for line in lines]
    return "\n".join(
        "| " + " | ".join(part.replace("|", "\\|") for part in row) + " |"
        for row in (head, ["---"] * len(head), *rows)
    ) + "\n"


def _cell(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    low, high = line.get(f"{name}.low"), line.get(f"{name}.high")
    said = f"{value:.4g}"
    return said if low is None or high is None else f"{said} [{low:.4g}, {high:.4g}]"
