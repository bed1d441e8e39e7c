"""`agentdyno export`: what it exports, what it says, and its exit codes."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from agentdyno.cli.main import main
from agentdyno.core.settings import Settings, read_settings
from agentdyno.experiments import exporting
from agentdyno.experiments.tracking.address import SUFFIX
from agentdyno.store.database import open_pool
from agentdyno.store.exports import ExportQueue
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.exported import sealed, wire


@pytest.fixture(autouse=True)
def settings(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A cache, a store and an MLflow of this test's own."""
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path))
    monkeypatch.setenv("AGENTDYNO_MLFLOW", "on")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    with psycopg.connect(database.replace(f"/{name}?", "/postgres?"), autocommit=True) as link:
        link.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
            sql.Identifier(name + SUFFIX)))


async def _finished(database: str) -> str:
    pool = await open_pool(database)
    store = TrialStore(pool)
    matrix = await store.create_matrix("agentdyno run letters", {})
    await store.save(matrix, [(sealed(), wire())])
    await store.finish_matrix(matrix, "finished")
    await pool.close()
    return matrix


def test_an_empty_store_says_what_to_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "status"]) == 0
    assert "start with agentdyno run" in capsys.readouterr().out
    assert main(["export", "mlflow", "latest"]) == 4
    assert "No run is stored yet" in capsys.readouterr().err


def test_a_run_is_exported_by_the_beginning_of_its_id(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = asyncio.run(_finished(database))
    assert main(["export", "mlflow", matrix[:6]]) == 0
    said = capsys.readouterr()
    assert "1 of 1 runs, 1 trials" in said.out
    assert "1 of 1 trials" in said.err
    assert main(["export", "status", "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["matrix_id"], line["state"], line["exported"]) == (matrix, "done", 1)
    assert main(["export", "mlflow"]) == 0
    assert "everything is in MLflow already" in capsys.readouterr().out


def test_an_mlflow_that_is_away_is_told_with_its_reason_and_the_next_try(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:geheim@127.0.0.1:9")
    asyncio.run(_finished(database))
    assert main(["export", "mlflow", "--all"]) == 3
    said = capsys.readouterr()
    assert "0 of 1 runs" in said.out
    assert "http://127.0.0.1:9" in said.err
    assert main(["export", "status"]) == 0
    shown = capsys.readouterr().out
    assert "waiting, again" in shown
    assert "geheim" not in said.out + said.err + shown


def test_runs_and_all_of_them_do_not_go_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "mlflow", "latest", "--all"]) == 4
    assert "name runs, or --all" in capsys.readouterr().err


def test_what_has_not_arrived_is_taken_up_again_before_pages_are_shown(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Settings] = []
    monkeypatch.setattr(exporting, "spawn", started.append)

    async def waiting() -> tuple[int, int]:
        matrix = await _finished(database)
        pool = await open_pool(database)
        settings = read_settings(os.environ)
        none_yet = await exporting.resume(pool, settings)
        await ExportQueue(pool).add(matrix, ("mlflow",), [sealed().id])
        found = none_yet, await exporting.resume(pool, settings)
        await pool.close()
        return found

    assert asyncio.run(waiting()) == (0, 1)
    assert len(started) == 1
