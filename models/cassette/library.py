"""A folder of cassettes: where each lies, and how it is written, whole or not at all."""

import contextlib
import gzip
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from agentdyno.core.errors import HarnessFault, InputError, Problem, UsageError
from agentdyno.core.trial import TrialKey
from agentdyno.core.yamlproblem import nearest
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.document import head_of
from agentdyno.models.cassette.recordings import Head

LARGE = 1_000_000
"""Bytes from which on a cassette is compressed."""
SUFFIXES = (".yaml", ".yaml.gz")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


class CassetteLibrary:
    """Cassettes by scenario, runner, variant and repeat.

    The runner's version is no part of a path: a newer one has to find what an older one recorded,
    since the difference between them is what a replay shows.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: TrialKey) -> Path:
        """Return where the cassette of `key` lies or would lie."""
        files = _files(self._stem(key))
        there = [path for path in files if path.is_file()]
        return max(there, key=lambda path: path.stat().st_mtime) if there else files[0]

    def files(self) -> Iterator[Path]:
        """Yield every cassette file below the folder, by name."""
        if self.folder.is_dir():
            found = {p for suffix in SUFFIXES for p in self.folder.rglob(f"*{suffix}")}
            yield from sorted(path for path in found if path.is_file())

    def save(self, cassette: Cassette) -> Path:
        """Write a cassette, whole or not at all, in place of an older one.

        Raises:
            HarnessFault: the folder cannot be written.
        """
        return write(cassette.text(), self._stem(cassette.head.key))

    def load(self, key: TrialKey) -> Cassette:
        """Return the cassette of `key`.

        Raises:
            UsageError: there is none, it is of another version, or was edited by hand.
            InputError: it is damaged, with file and line.
        """
        return read(self._existing(key))

    def digest(self, key: TrialKey) -> str:
        """Return the seal of the cassette of `key`; raises like `load`."""
        path = self._existing(key)
        return head_of(read_text(path), shown(path)).seal

    def _existing(self, key: TrialKey) -> Path:
        path = self.path(key)
        if not path.is_file():
            stream = " --stream" if key.stream else ""
            raise UsageError(
                f"nothing is recorded of scenario {key.situation} on {key.runner} "
                f"(variant {key.variant}, repeat {key.repeat}): there is no {shown(path)}.",
                f"agentdyno run {key.situation} --runner {key.runner} "
                f"--trials {key.repeat + 1}{stream} --model record",
            )
        return path

    def _stem(self, key: TrialKey) -> Path:
        stream = "-stream" if key.stream else ""
        case = f"{key.case}-" if key.case else ""
        parts = (key.scenario, key.runner, f"{case}{key.variant}-{key.repeat}{stream}")
        return self.folder.joinpath(*(_UNSAFE.sub("_", part) for part in parts))


def find(folder: Path, name: str) -> Path:
    """Return the cassette file that a user means by a path, or by its part below `folder`.

    Raises:
        UsageError: there is none; with the nearest.
    """
    given = Path(name)
    for base in (given, folder / given):
        for path in (base, *_files(base)):
            if path.is_file():
                return path
    there = [str(stem_of(path.relative_to(folder))) for path in CassetteLibrary(folder).files()]
    raise UsageError(
        f"there is no cassette {name!r}{nearest(str(stem_of(given)), there)}.",
        "agentdyno cassette list",
    )


def read(path: Path, *, accept: bool = False) -> Cassette:
    """Read one cassette file; raises like `CassetteLibrary.load`."""
    return Cassette.read(read_text(path), shown(path), accept=accept)


def read_head(path: Path) -> Head:
    """Read the head of one cassette file; raises like `CassetteLibrary.load`."""
    return head_of(read_text(path), shown(path))


def read_text(path: Path) -> str:
    """Return the text of a cassette file.

    Raises:
        UsageError: there is no such file.
        InputError: it cannot be read.
    """
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except FileNotFoundError as error:
        message = f"there is no cassette {shown(path)}."
        raise UsageError(message, "agentdyno cassette list") from error
    except (OSError, EOFError, zlib.error) as error:
        what = getattr(error, "strerror", None) or f"not a gzip file, or a damaged one: {error}"
        raise _unreadable(path, 1, f"cannot be read: {what}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _unreadable(path, line, "is not UTF-8") from error


def write(text: str, stem: Path) -> Path:
    """Write the text of a cassette beside `stem`, compressed when it is large.

    Raises:
        HarnessFault: the folder cannot be written.
    """
    data = text.encode()
    large = len(data) > LARGE
    other, path = _files(stem) if large else _files(stem)[::-1]
    # No time in the compressed file: equal recordings are then equal files.
    body = gzip.compress(data, mtime=0) if large else data
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        other.unlink(missing_ok=True)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise HarnessFault(
            f"the cassette {shown(path)} cannot be written: {error.strerror}.",
            "free the disk or name another folder with --cassettes",
        ) from error
    return path


def stem_of(path: Path) -> Path:
    """Return the path of a cassette without its suffixes."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".yaml"))


def shown(path: Path) -> str:
    """Return `path` as a user would type it."""
    with contextlib.suppress(ValueError):
        return str(path.absolute().relative_to(Path.cwd()))
    return str(path)


def _files(stem: Path) -> tuple[Path, Path]:
    """Return the plain and the compressed file of `stem`."""
    plain, compressed = (stem.with_name(stem.name + suffix) for suffix in SUFFIXES)
    return plain, compressed


def _unreadable(path: Path, line: int, message: str) -> InputError:
    return InputError([Problem(file=shown(path), line=line, key="", message=message)],
                      "restore the file, or record it again with --model record")
