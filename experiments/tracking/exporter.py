"""One matrix of the store to MLflow: runs, traces, artifacts. Repeating it changes nothing."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.tracing.client import TracingClient

from agentdyno import __version__
from agentdyno.core.trial import Trial
from agentdyno.experiments.tracking import artifacts
from agentdyno.experiments.tracking.address import ARTIFACTS, URI
from agentdyno.experiments.tracking.cells import Cell, cells_of, metrics_of, parameters_of, tags_of
from agentdyno.experiments.tracking.prompts import link_prompts
from agentdyno.experiments.tracking.runs import RunBook
from agentdyno.experiments.tracking.traces import Sealed, TraceWriter
from agentdyno.store.database import Pool
from agentdyno.store.executions import Executions
from agentdyno.store.matrices import MatrixRow, MatrixStore

BATCH = 50
"""Traces written at once."""
_LONGEST = 250

Progress = Callable[[int, int], None]
"""Is told how many trials are there of how many."""


class MlflowExporter:
    """Exports matrices to the MLflow that the process's environment names."""

    def __init__(
        self, pool: Pool, secrets: Sequence[str] = (),
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """
        Args:
            pool: the store.
            secrets: exact values that must not leave it.
            environ: leads to MLflow; see `tracking.address`.
        """
        self._pool = pool
        self._secrets = secrets
        self._artifacts = environ.get(ARTIFACTS)
        uri = environ[URI]
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._tracing = TracingClient(uri)

    async def export(self, matrix_id: str, progress: Progress) -> int:
        """Export one matrix; returns how many trials of it are in MLflow then.

        Raises:
            DynoError: there is no such matrix, or its experiment was deleted in MLflow.
        """
        executions = Executions(self._pool)
        matrix = await MatrixStore(self._pool).find(matrix_id)
        own = await executions.of(matrix.id)
        trials = await executions.load(own)
        done = 0
        by_scenario: dict[str, list[Cell]] = {}
        for cell in await asyncio.to_thread(cells_of, trials, own):
            by_scenario.setdefault(cell.row.scenario, []).append(cell)
        for scenario, cells in by_scenario.items():
            book = await asyncio.to_thread(
                RunBook.of, self._client, scenario, self._artifacts
            )
            runs = await asyncio.to_thread(self._runs, book, matrix, cells)
            writer = TraceWriter(self._tracing, book.experiment_id, self._secrets)
            for cell in cells:
                run_id = runs[cell.key]
                await link_prompts(self._pool, self._client, book, run_id, cell)
                for part in _parts(cell):
                    wires = await executions.wires(part.executions)
                    sealed = [
                        Sealed(trial=trial, attempt=execution.attempt, wire=wire, run_id=run_id)
                        for trial, execution, wire in zip(
                            part.trials, part.executions, wires, strict=True)
                    ]
                    await asyncio.to_thread(self._write, writer, run_id, sealed)
                    done += len(sealed)
                    progress(done, len(trials))
        return done

    def _write(self, writer: TraceWriter, run_id: str, sealed: Sequence[Sealed]) -> None:
        writer.write(sealed)
        recorded = [(one.trial, one.wire) for one in sealed if _has_cassette(one.trial)]
        if recorded:
            artifacts.write_cassettes(self._client, run_id, recorded, self._secrets)

    def _runs(
        self, book: RunBook, matrix: MatrixRow, cells: Sequence[Cell]
    ) -> dict[str, str]:
        """Write the runs of one scenario; returns their ids by the key of the cell."""
        start, end = _ms(matrix.created_at), _ms(matrix.finished_at or datetime.now(UTC))
        parent = book.matrix(matrix.id, f"run {matrix.id[:10]}", start)
        metrics = {cell.key: metrics_of(cell) for cell in cells}
        found: dict[str, str] = {}
        for cell in cells:
            run_id = found[cell.key] = book.cell(
                matrix.id, parent, cell.key, cell.name[:_LONGEST], start
            )
            book.fill(run_id, metrics=metrics[cell.key], params=parameters_of(cell),
                      tags=tags_of(cell), at_ms=end)
            artifacts.write_cell(self._client, run_id, cell)
            book.end(run_id, matrix.status, end)
        book.fill(parent, metrics=_totals(cells), params=_options(matrix), at_ms=end, tags={
            "command": matrix.command[:5000], "agentdyno.version": __version__,
            "agentdyno.status": matrix.status,
        })
        artifacts.write_comparison(self._client, parent, cells, metrics)
        book.end(parent, matrix.status, end)
        return found


def _parts(cell: Cell) -> Iterator[Cell]:
    for at in range(0, len(cell.trials), BATCH):
        yield Cell(row=cell.row, trials=cell.trials[at:at + BATCH],
                   executions=cell.executions[at:at + BATCH])


def _has_cassette(trial: Trial) -> bool:
    return trial.key.model != "scripted"


def _totals(cells: Sequence[Cell]) -> dict[str, float]:
    return {
        "trials": float(sum(len(cell.trials) for cell in cells)),
        "cells": float(len(cells)),
        "harness_faults": float(sum(cell.row.faults for cell in cells)),
    }


def _options(matrix: MatrixRow) -> dict[str, str]:
    return {name: str(value)[:5000] for name, value in matrix.settings.items()}


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


