"""The list of recordings."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from rich import box
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import stdout_console
from agentdyno.core.errors import DynoError
from agentdyno.models.cassette.library import CassetteLibrary, read, shown
from agentdyno.models.cassette.recordings import Head


@dataclass(frozen=True, kw_only=True)
class Line:
    """One recording, or what is wrong with it."""

    path: Path
    size: int
    """Bytes of the file."""
    head: Head | None = None
    calls: int = 0
    results: int = 0
    models: tuple[str, ...] = ()
    problem: str = ""


def print_list(folder: Path, *, as_json: bool) -> int:
    """Print one line per recording below `folder`; returns the exit code."""
    lines = [_line(path) for path in CassetteLibrary(folder).files()]
    if as_json:
        for line in lines:
            click.echo(json.dumps(_json(line), ensure_ascii=False))
    elif lines:
        stdout_console().print(_table(lines))
    else:
        click.echo(f"no recording in {shown(folder)}; make one with: "
                   "agentdyno run docs_question --model record")
    return 0


def _line(path: Path) -> Line:
    size = path.stat().st_size
    try:
        found = read(path)
    except DynoError as error:
        return Line(path=path, size=size, problem=error.message.splitlines()[0])
    models = dict.fromkeys(
        f"{call.provider}:{name}" if call.provider else str(name) for call in found.calls
        if (name := call.provider_model or call.request.get("model"))
    )
    return Line(
        path=path, size=size, head=found.head, calls=len(found.calls), models=tuple(models),
        results=len(found.recording.results) if found.recording else 0,
    )


def _json(line: Line) -> dict[str, object]:
    base: dict[str, object] = {"file": shown(line.path), "bytes": line.size}
    if line.head is None:
        return {**base, "problem": line.problem}
    key = line.head.key
    return {
        **base, "scenario": key.scenario, "runner": key.runner, "version": key.runner_version,
        "variant": key.variant, "repeat": key.repeat, "stream": key.stream,
        "model_calls": line.calls, "tool_results": line.results, "models": line.models,
        "recorded_at": line.head.recorded_at, "trial": line.head.trial,
    }


def _table(lines: Sequence[Line]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("file", "recorded with", "model"):
        table.add_column(name, overflow="fold")
    for name in ("calls", "tools", "size", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in lines:
        if line.head is None:
            table.add_row(Text(shown(line.path)), Text(line.problem, style="red"), "", "", "",
                          _size(line.size), "")
            continue
        key = line.head.key
        table.add_row(
            Text(shown(line.path)), Text(f"{key.runner} {key.runner_version}"),
            Text(", ".join(line.models)), str(line.calls), str(line.results), _size(line.size),
            _age(line.head.recorded_at),
        )
    return table


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _age(recorded_at: str) -> str:
    then = datetime.fromisoformat(recorded_at)
    seconds = (datetime.now(UTC) - (then if then.tzinfo else then.replace(tzinfo=UTC)))
    hours = seconds.total_seconds() / 3600
    if hours < 1:
        return f"{max(0, round(hours * 60))} min"
    return f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} days"
