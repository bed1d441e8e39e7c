"""`agentdyno doctor`: what works on this machine, and what to type where something does not."""

import platform
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from agentdyno.cli.context import load_settings, stdout_console
from agentdyno.core.errors import DynoError
from agentdyno.core.settings import Settings

ROOM_GB = 4
"""Free space that six runner environments, their download cache and the database want."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    state: Literal["ok", "note", "bad"]
    text: str
    hint: str = ""


def _python(settings: Settings) -> Iterator[Finding]:
    yield Finding(state="ok", text=f"Python {platform.python_version()}, {platform.platform()}")


def _cache(settings: Settings) -> Iterator[Finding]:
    folder = settings.cache
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        yield Finding(
            state="bad", text=f"cache folder {folder} cannot be written: {error.strerror}",
            hint="AGENTDYNO_CACHE=/some/folder agentdyno doctor",
        )
        return
    free = shutil.disk_usage(folder).free / 1e9
    enough = free >= ROOM_GB
    yield Finding(
        state="ok" if enough else "note", text=f"cache folder {folder}, {free:.0f} GB free",
        hint="" if enough else f"environments want up to {ROOM_GB} GB: AGENTDYNO_CACHE=/folder",
    )


def _loopback(settings: Settings) -> Iterator[Finding]:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(
            server.getsockname()
        ):
            yield Finding(state="ok", text="loopback connections work")
    except OSError as error:
        yield Finding(
            state="bad", text=f"nothing can listen on 127.0.0.1: {error.strerror}",
            hint="allow loopback connections in this sandbox or container",
        )


def _database(settings: Settings) -> Iterator[Finding]:
    from agentdyno.cli.database import open_database, run_async

    async def version() -> str:
        async with open_database(settings) as pool, pool.connection() as link:
            row = await (await link.execute("SHOW server_version")).fetchone()
            return str(row[0]) if row else "unknown"

    where = "at AGENTDYNO_DATABASE_URL" if settings.database_url else "embedded"
    yield Finding(state="ok", text=f"PostgreSQL {run_async(version())}, {where}")


def _runners(settings: Settings) -> Iterator[Finding]:
    from agentdyno.cli.database import run_async
    from agentdyno.runners import envs
    from agentdyno.runners.registry import list_runners

    for row in list_runners():
        ref = run_async(envs.resolve(row.name, settings.cache))
        if envs.is_ready(ref):
            yield Finding(state="ok", text=f"runner {ref.label}: environment ready")
        else:
            yield Finding(
                state="note", text=f"runner {ref.label}: no environment yet; a run makes it",
                hint=f"agentdyno env sync {row.name}",
            )


def _companion(settings: Settings) -> Iterator[Finding]:
    from agentdyno.experiments.companion import MLFLOW, companion_if_ready

    if companion_if_ready(settings.cache):
        yield Finding(state="ok", text=f"MLflow {MLFLOW} and the dashboard: environment ready")
    else:
        yield Finding(
            state="note", text="MLflow and the dashboard: no environment yet; first use makes it",
            hint="agentdyno env sync ui",
        )


def _node(settings: Settings) -> Iterator[Finding]:
    if shutil.which("npx"):
        yield Finding(state="ok", text="npx is there, for tool servers written for Node")
    else:
        yield Finding(state="note", text="no npx: tool servers written for Node cannot be started")


PROBES: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python, _cache, _loopback, _database, _runners, _companion, _node,
)
MARKS = {"ok": "[green]ok  [/]", "note": "[yellow]note[/]", "bad": "[red]bad [/]"}


@click.command()
@click.option(
    "--model", metavar="PROVIDER:NAME[@URL]",
    help="Ask this live model a few tiny things instead, and say which of them it can do.",
)
@click.option(
    "--providers", type=click.Path(dir_okay=False, exists=True, path_type=Path), metavar="FILE",
    help="YAML file of further providers.",
)
@click.option(
    "--env-file", type=click.Path(dir_okay=False, exists=True, path_type=Path), metavar="FILE",
    help="File of API keys; default: .env, where there is one.",
)
def doctor(model: str | None, providers: Path | None, env_file: Path | None) -> int:
    """Say what works on this machine, and what to type where something does not."""
    console = stdout_console()
    settings = load_settings()
    if model is not None:
        from agentdyno.cli.modeldoctor import examine

        return examine(console, settings, model, providers, env_file)
    bad = 0
    for probe in PROBES:
        try:
            findings = list(probe(settings))
        except DynoError as error:
            findings = [Finding(state="bad", text=error.message, hint=error.hint)]
        for finding in findings:
            console.print(MARKS[finding.state], end=" ")
            console.print(finding.text, markup=False, soft_wrap=True)
            if finding.hint:
                console.print(f"     next: {finding.hint}", markup=False, soft_wrap=True)
            bad += finding.state == "bad"
    return 3 if bad else 0
