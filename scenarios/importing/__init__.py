"""Turns recorded conversations into ordinary scenario folders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.scenarios.importing.chat import read_talk
from agentdyno.scenarios.importing.sources import read_talks
from agentdyno.scenarios.importing.talk import Conversation, RawTalk
from agentdyno.scenarios.importing.writing import scenario_files
from agentdyno.scenarios.loader import load_scenario

_LONGEST = 48


@dataclass(frozen=True, kw_only=True)
class Imported:
    """One scenario that was made."""

    name: str
    folder: Path
    conversation: Conversation


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import made."""

    scenarios: tuple[Imported, ...]
    notes: tuple[str, ...]
    """What of the files was left out, as sentences; what concerns one scenario is with it."""


def import_files(
    files: Sequence[Path], to: Path, *, name: str | None = None, force: bool = False
) -> ImportResult:
    """Make a scenario folder below `to` of every conversation in `files`.

    Nothing is written unless all of them are good.

    Args:
        files: recordings: OpenAI chat format, or OpenTelemetry spans, as JSON or JSON lines.
        to: folder of the scenarios' folders; made where there is none.
        name: name of the scenario, with a number behind it where there are several; made of the
            file's name when absent.
        force: write over files of folders that exist.

    Raises:
        InputError: every problem of all files, each with file, line and key.
        UsageError: a folder exists already, or `name` is no name.
    """
    if name is not None and not re.fullmatch(rf"[a-z][a-z0-9_]{{0,{_LONGEST - 1}}}", name):
        raise UsageError(
            f"{name!r} is no name of a scenario: lower-case letters, digits and underscores, a "
            f"letter first, at most {_LONGEST}",
            f"--name {_plain(name)}",
        )
    read, notes = _read(files)
    names = _names([name or _plain(file.stem) for file, _ in read])
    folders = [to / each for each in names]
    taken = [str(folder) for folder in folders if folder.exists() and any(folder.iterdir())]
    if taken and not force:
        raise UsageError(
            f"there already: {', '.join(taken)}", "add --force, or --to another folder"
        )
    made = [
        Imported(name=each, folder=folder, conversation=conversation)
        for each, folder, (_, conversation) in zip(names, folders, read, strict=True)
    ]
    for each in made:
        _write(each)
    return ImportResult(scenarios=tuple(made), notes=tuple(notes))


def _read(files: Sequence[Path]) -> tuple[list[tuple[Path, Conversation]], list[str]]:
    problems, notes = list[Problem](), list[str]()
    talks: list[tuple[Path, RawTalk]] = []
    for file in dict.fromkeys(files):
        try:
            found, told = read_talks(file)
        except InputError as error:
            problems += error.problems
        else:
            notes += told
            talks += [(file, talk) for talk in found]
    conversations = []
    for file, talk in talks:
        conversation, faults = read_talk(talk)
        problems += faults
        if conversation is not None:
            conversations.append((file, conversation))
    if problems:
        raise InputError(problems, "correct these places; nothing was imported")
    return conversations, notes


def _plain(text: str) -> str:
    """Return `text` as a scenario's name."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return (plain if plain[:1].isalpha() else f"chat_{plain}".strip("_"))[:_LONGEST]


def _names(wanted: Sequence[str]) -> list[str]:
    """Return one name for each of `wanted`, with numbers where several want the same."""
    width = len(str(len(wanted)))
    names: list[str] = []
    for number, name in enumerate(wanted):
        made, at = name, wanted[:number].count(name) + 1
        while wanted.count(name) > 1 and (made == name or made in names):
            made = f"{name[: _LONGEST - width - 2]}_{at:0{width}}"
            at += 1
        names.append(made)
    return names


def _write(made: Imported) -> None:
    texts = scenario_files(made.name, made.conversation, made.folder)
    try:
        made.folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (made.folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{made.folder} cannot be written: {error.strerror}", "--to another folder"
        ) from error
    load_scenario(made.folder)
