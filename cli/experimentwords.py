"""Experiments on the terminal: where they stand, and their list."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.core.errors import UsageError
from agentdyno.experiments.abtest.judge import ArmVerdict
from agentdyno.experiments.abtest.standing import Standing
from agentdyno.experiments.abtest.words import (
    chance_of,
    difference_of,
    guard_words,
    headline,
    next_step,
    plan_words,
    prompt_diff,
    value_of,
    verdict_words,
)
from agentdyno.store.experiments import ListedExperiment

_STYLES = {
    "better": "green", "worse": "red", "equal": "cyan", "inconclusive": "yellow", "running": "dim",
    "holds": "green", "broken": "red", "unknown": "yellow",
}


def print_standing(console: Console, found: Standing) -> None:
    """Print verdicts and guards of an experiment."""
    console.print(Text(headline(found), style="bold"))
    console.print(Text(plan_words(found), style="dim"), soft_wrap=True)
    console.print(_verdicts(found))
    for verdict in found.verdicts:
        if verdict.why:
            console.print(Text(f"{verdict.arm}: {verdict.why}", style="dim"), soft_wrap=True)
    if guards := _guards(found.verdicts):
        console.print(guards)
    console.print(f"next: {next_step(found)}", markup=False, soft_wrap=True)


def print_report(console: Console, found: Standing) -> None:
    """Print hypothesis, verdicts, guards, prompts that differ, looks and runs."""
    console.print(Text(found.experiment.hypothesis.strip()), soft_wrap=True)
    console.print()
    print_standing(console, found)
    for arm in found.design.challengers:
        title = found.experiment.variants[arm].title if arm in found.experiment.variants else ""
        console.print(Text(f"{arm}: {title}" if title else arm, style="bold"))
        for name, lines in prompt_diff(found, arm).items():
            console.print(Text(f"prompt {name}", style="dim"))
            for line in lines[2:]:
                style = {"+": "green", "-": "red"}.get(line[:1], "dim")
                console.print(Text(f"  {line}", style=style), soft_wrap=True)
    for look in found.looks:
        words = ", ".join(f"{one['arm']} {one['verdict']}" for one in look.said["verdicts"])
        console.print(Text(
            f"look {look.look}, {look.looked_at:%Y-%m-%d %H:%M}, repeat {look.rounds}: {words};"
            f" run {look.matrix_id[:12]}", style="dim",
        ), soft_wrap=True)


def _verdicts(found: Standing) -> Table:
    confidence = 100 * (1 - found.experiment.alpha)
    metric = found.experiment.metric
    table = _table(
        "variant", f"{metric}:\n{found.design.baseline}", "variant",
        f"difference [{confidence:g} % CI]", "adjusted p", "verdict", "trials",
    )
    for one in found.verdicts:
        trials = one.coverage.trials
        spoiled = trials - one.coverage.counted
        table.add_row(
            Text(one.arm), value_of(one.primary, baseline=True),
            value_of(one.primary, baseline=False), difference_of(one.primary) or "–",
            chance_of(one.primary), _verdict(one),
            f"{trials}" + (f" ({spoiled} spoiled)" if spoiled else ""),
        )
    return table


def _verdict(one: ArmVerdict) -> Text:
    words = verdict_words(one)
    return Text(words, style=_STYLES["broken" if words != one.word else one.word])


def _guards(verdicts: Sequence[ArmVerdict]) -> Table | None:
    if not any(one.guards for one in verdicts):
        return None
    table = _table("variant", "guard", "margin", "what is known")
    for verdict in verdicts:
        for one in verdict.guards:
            margin = f"{one.question.margin:g}"
            table.add_row(Text(verdict.arm), Text(one.question.metric), margin,
                          Text(guard_words(one).partition(" ")[2], style=_STYLES[one.word]))
    return table


def _table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=True, vertical="bottom")
    return table


def print_list(
    console: Console, bundled: Sequence[str], started: Sequence[ListedExperiment]
) -> None:
    """Print bundled experiments, and what was started of them and of others."""
    if started:
        table = _table("experiment", "version", "looks", "last look")
        for one in started:
            last = f"{one.looked_at:%Y-%m-%d %H:%M}" if one.looked_at else "–"
            table.add_row(Text(one.name), str(one.version), str(one.looks), last)
        console.print(table)
    waiting = [name for name in bundled if name not in {one.name for one in started}]
    if waiting:
        console.print(f"not started: {', '.join(waiting)}", markup=False, soft_wrap=True)
        console.print(f"next: agentdyno experiment run {waiting[0]}", markup=False)


def write_json(file: str, value: Any) -> None:
    """Write JSON to a file; `-` is stdout.

    Raises:
        UsageError: the file cannot be written.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if file == "-":
        click.echo(text)
        return
    try:
        Path(file).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}", "name another file"
                         ) from error
