"""Whether recordings are what they should be."""

from collections.abc import Sequence
from pathlib import Path

import click

from agentdyno.core.errors import DynoError, InputError, UsageError
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.document import sealed
from agentdyno.models.cassette.library import (
    CassetteLibrary,
    find,
    read,
    read_text,
    shown,
    stem_of,
    write,
)
from agentdyno.models.cassette.secrets import Scrubber


def verify_files(folder: Path, names: Sequence[str], *, accept: bool) -> int:
    """Check recordings and say what is wrong; 1 when something is."""
    if accept and not names:
        raise UsageError("--accept needs the FILE whose changes are accepted.",
                         "agentdyno cassette verify")
    paths = [find(folder, name) for name in names] or list(CassetteLibrary(folder).files())
    problems = 0
    for path in paths:
        if accept:
            _accept(path)
        for problem in _problems(path):
            click.echo(problem)
            problems += 1
    good = "recordings are" if len(paths) != 1 else "recording is"
    click.echo(f"{len(paths)} {good} good" if not problems
               else f"{problems} problems in {len(paths)} recordings")
    return 1 if problems else 0


def _accept(path: Path) -> None:
    """Seal a file anew that is otherwise whole."""
    text = read_text(path).replace("\r\n", "\n")
    Cassette.read(text, shown(path), accept=True)
    write(sealed(text), stem_of(path))
    click.echo(f"{shown(path)}: sealed as it is now")


def _problems(path: Path) -> list[str]:
    try:
        cassette = read(path)
    except InputError as error:
        return [str(problem) for problem in error.problems]
    except DynoError as error:
        return [str(error)]
    found = []
    numbered = [(call.agent, call.ordinal) for call in cassette.calls]
    if len(set(numbered)) < len(numbered):
        found.append(f"{shown(path)}: two recordings have the same agent and ordinal")
    scrubber = Scrubber()
    for at, line in enumerate(read_text(path).splitlines(), start=1):
        if scrubber.finds(line):
            found.append(f"{shown(path)}:{at}: this looks like a secret; take it out, then: "
                         f"agentdyno cassette verify --accept {shown(path)}")
    return found
