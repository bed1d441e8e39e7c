"""`agentdyno score`: stored trials graded again, and what that changes."""

import dataclasses
import json
import shlex
import sys
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from agentdyno.cli.context import load_settings, stderr_console, stdout_console
from agentdyno.core.trial import Verdict
from agentdyno.experiments.regrade import Regrading, Scope, regrade
from agentdyno.store.gradings import Grading, read_verdicts

_FAILED, _USAGE, _NOTHING = 1, 4, 5
_COLOURS = {"pass": "green", "fail": "red", "error": "magenta", "inconclusive": "yellow"}
_SHOWN = 3
"""Trials that are named for each change."""


@click.command()
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME|PATH",
              help="Only trials of this scenario, graded by the checks of this file; repeatable.")
@click.option("--matrix", "--run", "matrix", metavar="ID", help="Only trials of this run.")
@click.option("--runner", help="Only trials of this runner.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--history", metavar="TRIAL", help="Show every grading of one trial instead.")
@click.option("--json", "as_json", is_flag=True, help="What changed, as JSON.")
def score(
    scenarios: tuple[str, ...], matrix: str | None, runner: str | None, dry_run: bool,
    history: str | None, as_json: bool,
) -> int:
    """Grade stored trials again by the checks that their scenarios have now; nothing is run.

    The verdicts that a trial had before are kept: --history shows them. Judges are not asked again:
    what they said is held against the present threshold. Exit code 0: every check of every trial
    passes; 1: some do not; 4: the scenario of some trials is gone, and those were not graded; 5: no
    trial fits.
    """
    from agentdyno.cli.database import run_async

    if history is not None:
        return run_async(_history(history, as_json))
    scope = Scope(scenarios=scenarios, matrix=matrix, runner=runner)
    result = run_async(_regrade(scope, dry=dry_run, quiet=as_json))
    if as_json:
        click.echo(json.dumps(_as_json(result), indent=2))
    else:
        print_regrading(stdout_console(), result, dry=dry_run)
    if result.refused:
        return _USAGE
    if not result.graded:
        return _NOTHING
    return 0 if result.passing == result.graded else _FAILED


async def _regrade(scope: Scope, *, dry: bool, quiet: bool) -> Regrading:
    from agentdyno.cli.database import open_database
    from agentdyno.store.gradings import GradingStore

    console = stderr_console()
    show = console.is_terminal and not quiet
    command = shlex.join(["agentdyno", *sys.argv[1:]])

    def progress(done: int, total: int) -> None:
        if show:
            console.print(f"graded {done} of {total}", end="\r")

    async with open_database(load_settings()) as pool:
        return await regrade(
            GradingStore(pool), scope, command=command, dry=dry, progress=progress
        )


def print_regrading(console: Console, result: Regrading, *, dry: bool) -> None:
    """Print each change of a status with the trials that it concerns, and what was refused."""
    if result.changes:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for name in ("scenario", "check", "old", "new", "trials", "see"):
            table.add_column(name)
        for change, trials in sorted(result.changes.items()):
            more = f" and {len(trials) - _SHOWN} more" if len(trials) > _SHOWN else ""
            table.add_row(
                Text(change.situation), Text(change.check), _status(change.old),
                _status(change.new), str(len(trials)),
                Text(", ".join(trial[:10] for trial in trials[:_SHOWN]) + more),
            )
        console.print(table)
    if not result.graded and not result.refused:
        console.print("no trial is stored that fits; try: agentdyno list")
        return
    words = sum(map(len, result.changes.values()))
    changed = f"{result.changed} changed ({words} verdicts became others)"
    done = "would be graded" if dry else "graded"
    console.print(
        f"{result.graded} trials {done} again: {changed}, {result.passing} pass every check"
    )
    if result.grading is not None:
        console.print(f"grading {result.grading}; before it: agentdyno score --history TRIAL")
    for refused in result.refused:
        console.print(
            f"[red]not graded[/]: {len(refused.trials)} trials of "
            f"{escape(refused.situation)}: {escape(refused.why)}", soft_wrap=True,
        )
    if result.refused:
        console.print("  next: agentdyno score --scenario PATH, where the file is now")


def _status(status: str) -> Text:
    return Text(status, _COLOURS.get(status, "dim"))


def _as_json(result: Regrading) -> dict[str, Any]:
    counts = ("grading", "graded", "changed", "passing")
    return {
        **{name: getattr(result, name) for name in counts},
        "changes": [
            {**dataclasses.asdict(change), "trials": trials}
            for change, trials in sorted(result.changes.items())
        ],
        "refused": [dataclasses.asdict(refused) for refused in result.refused],
    }


async def _history(prefix: str, as_json: bool) -> int:
    from agentdyno.cli.database import open_database
    from agentdyno.store.gradings import GradingStore
    from agentdyno.store.trials import TrialStore

    async with open_database(load_settings()) as pool:
        trial = await TrialStore(pool).find(prefix)
        store = GradingStore(pool)
        sealed, later = await store.sealed(trial), await store.history(trial)
    if as_json:
        click.echo(json.dumps(_history_json(sealed, later), indent=2))
        return 0
    console = stdout_console()
    console.print("when it ran", style="bold")
    _print_verdicts(console, sealed)
    for grading in later:
        when = grading.graded_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        console.print(
            f"grading {grading.id}, {when}, agentdyno {grading.harness}: {grading.command}",
            style="bold", markup=False, soft_wrap=True,
        )
        _print_verdicts(console, read_verdicts(grading.verdicts))
    return 0


def _print_verdicts(console: Console, verdicts: tuple[Verdict, ...]) -> None:
    for verdict in verdicts:
        line = Text("  ").append(_status(verdict.status))
        console.print(line.append(f" {verdict.check}: {verdict.reason}"), soft_wrap=True)
    if not verdicts:
        console.print("  no check")


def _history_json(
    sealed: tuple[Verdict, ...], later: list[Grading]
) -> list[dict[str, Any]]:
    first = {"grading": None, "verdicts": [verdict.model_dump() for verdict in sealed]}
    return [first, *(
        {"grading": grading.id, "graded_at": grading.graded_at.isoformat(),
         "command": grading.command, "harness": grading.harness,
         "verdicts": json.loads(grading.verdicts)}
        for grading in later
    )]
