"""Marks judges of unknown quality, wherever their verdicts are shown."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.text import Text

from agentdyno.core.trial import Trial

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
CALIBRATIONS = Path("calibrations")
"""Folder of measured judges, unless AGENTDYNO_CALIBRATIONS names another."""
MARK = "uncalibrated"


def calibrations_option(function: FunctionT) -> FunctionT:
    """Add `--calibrations` to a command."""
    return click.option(
        "--calibrations", type=click.Path(file_okay=False, path_type=Path), default=CALIBRATIONS,
        show_default=True, envvar="AGENTDYNO_CALIBRATIONS", metavar="FOLDER",
        help="Where measured judges are kept.",
    )(function)


def folder() -> Path:
    """Return where commands without the option look for measured judges."""
    return Path(os.environ.get("AGENTDYNO_CALIBRATIONS") or CALIBRATIONS)


def judge_lines(trials: Iterable[Trial]) -> list[str]:
    """Return one line for each judge of `trials` whose quality nobody has measured."""
    judged = [trial for trial in trials if any(v.judged for v in trial.verdicts)]
    if not judged:
        return []
    from agentdyno.experiments.calibrations import known, unknown_judges

    found = unknown_judges(judged, known(folder()))
    return [
        f"{MARK}: {', '.join(checks)} judged with {name}; how good that judge is, nobody has "
        "measured (agentdyno judge calibrate)" for name, checks in found.items()
    ]


def print_marks(console: Console, trials: Iterable[Trial]) -> None:
    """Print `judge_lines`."""
    for line in judge_lines(trials):
        console.print(Text(line, style="yellow"), soft_wrap=True)
