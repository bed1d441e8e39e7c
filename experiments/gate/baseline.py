"""The blessed file: what every trial of a suite came to, and what it sent."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, ValidationError

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.noun import Noun
from agentdyno.experiments.gate.wireprint import WirePrint

FORMAT = 1
"""Raised when older programs would misread what is written."""


class Definition(Noun):
    """What of a suite must be equal on both sides of a comparison."""

    situations: tuple[str, ...]
    """`scenario:case`, or the scenario alone, of everything that ran."""
    runners: tuple[str, ...]
    """Names without versions: another version is what a gate is there for."""
    model: str
    tools: str
    retries: str
    stream: bool

    @property
    def digest(self) -> str:
        """Return a hash of it."""
        return content_hash(self.model_dump(mode="json"))[:16]


class KeptTrial(Noun):
    """What is kept of one trial."""

    id: str
    repeat: int
    outcome: str
    reason: str = ""
    """Why it does not count; "" for one that does."""
    missed: bool = False
    """Whether it asked for something that is not on its cassette."""
    values: dict[str, float] = Field(default_factory=dict)
    """Value of each metric that it has; none of a trial that the bench spoiled."""
    verdicts: dict[str, str] = Field(default_factory=dict)
    """Status of each check."""
    wire: str = ""
    """Name of its print in `wires`."""

    @property
    def counted(self) -> bool:
        """Whether it says anything of the agents."""
        return self.outcome not in ("harness_fault", "cancelled")


class Cell(Noun):
    """One situation on one runner."""

    situation: str
    runner: str
    version: str
    """Of the runner."""
    scenario_digest: str
    harness: str
    """Version of agentdyno that ran it."""
    families: dict[str, str]
    """Family of each check."""
    trials: tuple[KeptTrial, ...]

    @property
    def name(self) -> str:
        """Return how people are told of it."""
        return f"{self.situation} on {self.runner}"


class Baseline(Noun):
    """A suite's trials at one time: what was blessed, or what ran now."""

    format: int = FORMAT
    suite: str
    """Name of the suite."""
    digest: str
    """Hash of `definition`."""
    harness: str
    """Version of agentdyno that wrote the file."""
    definition: Definition
    cells: tuple[Cell, ...]
    wires: dict[str, WirePrint]
    """What trials sent, by the name that trials refer to; equal ones are kept once."""

    def by_place(self) -> dict[tuple[str, str], Cell]:
        """Return the cells by runner and situation."""
        return {(cell.runner, cell.situation): cell for cell in self.cells}


def parse_baseline(text: str, file: str) -> Baseline:
    """Return the baseline in `text`.

    Args:
        file: what to call it in messages.

    Raises:
        UsageError: it is none, or of another version of the format.
    """
    hint = "restore the file, or make a new one: agentdyno bless SUITE"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{file} is no baseline: not JSON ({error}).", hint) from error
    version = found.get("format") if isinstance(found, Mapping) else None
    if not isinstance(version, int):
        raise UsageError(f"{file} is no baseline: it has no `format`.", hint)
    if version != FORMAT:
        raise UsageError(
            f"{file} is a baseline of format {version}, and this agentdyno reads {FORMAT}.",
            "agentdyno bless SUITE makes a new one" if version < FORMAT
            else "use the agentdyno that wrote it",
        )
    try:
        baseline = Baseline.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{file} is no baseline: {place}: {first['msg']}.", hint) from error
    unknown = {
        trial.wire for cell in baseline.cells for trial in cell.trials
        if trial.wire and trial.wire not in baseline.wires
    }
    if unknown or baseline.digest != baseline.definition.digest:
        raise UsageError(f"{file} was edited by hand: its parts do not fit together.", hint)
    return baseline


def read_baseline(path: Path, shown_as: str) -> Baseline:
    """Read a baseline file; raises like `parse_baseline`, and when there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"there is no baseline {shown_as}.", "agentdyno bless SUITE") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the baseline {shown_as} cannot be read: {error}.", "agentdyno bless SUITE"
        ) from error
    return parse_baseline(text, shown_as)


def baseline_text(baseline: Baseline) -> str:
    """Return the text of a baseline's file: the same for equal baselines, a line for each value."""
    return json.dumps(
        baseline.model_dump(mode="json"), indent=1, ensure_ascii=False, sort_keys=True
    ) + "\n"


def write_baseline(baseline: Baseline, path: Path, shown_as: str) -> None:
    """Write a baseline, whole or not at all.

    Raises:
        HarnessFault: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(baseline_text(baseline), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise HarnessFault(
            f"the baseline {shown_as} cannot be written: {error.strerror}.",
            "name another file with --baseline",
        ) from error


def merged(old: Baseline, new: Baseline) -> Baseline:
    """Return `old` with the cells that `new` ran in place of its own.

    Raises:
        UsageError: the two are of suites that cannot stand in one file.
    """
    differs = [
        name for name in ("model", "tools", "retries", "stream")
        if getattr(old.definition, name) != getattr(new.definition, name)
    ]
    if old.suite != new.suite or differs:
        raise UsageError(
            f"the baseline is of suite {old.suite!r} and differs in {', '.join(differs) or 'name'}"
            ": a part of it cannot be blessed.", "agentdyno bless SUITE, for the whole suite",
        )
    cells = tuple(sorted(
        ({**old.by_place(), **new.by_place()}).values(), key=lambda c: (c.runner, c.situation)
    ))
    known = {**old.wires, **new.wires}
    used = {trial.wire for cell in cells for trial in cell.trials if trial.wire}
    definition = new.definition.model_copy(update={
        "situations": tuple(sorted({cell.situation for cell in cells})),
        "runners": tuple(sorted({cell.runner for cell in cells})),
    })
    return new.model_copy(update={
        "cells": cells, "wires": {name: known[name] for name in sorted(used)},
        "definition": definition, "digest": definition.digest,
    })
