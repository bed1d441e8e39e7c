"""Trials that could not reach the database: JSON lines in the cache, imported by the next run."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Trial
from agentdyno.store.database import CONNECTION_ERRORS
from agentdyno.store.rows import to_json
from agentdyno.store.trials import TrialStore

Sealed = tuple[Trial, tuple[WireRecord, ...]]

_WIRE = TypeAdapter(tuple[WireRecord, ...])
_BATCH = 50


class Spool:
    """The spool file of one run; made when the first trial is put into it."""

    def __init__(self, folder: Path, matrix_id: str, command: str, settings: Mapping[str, Any]):
        self.path = folder / f"{matrix_id}.jsonl"
        self._head = {"matrix_id": matrix_id, "command": command, "settings": dict(settings)}
        self._file: IO[str] | None = None
        self.count = 0
        """Trials in the file."""

    def add(self, trials: Iterable[Sealed]) -> None:
        """Append trials; they are on the disk when this returns.

        Raises:
            OSError: the disk is full, or the folder may not be written.
        """
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a")
            # Held while we may still append, so that no other run imports and deletes it.
            fcntl.flock(self._file, fcntl.LOCK_EX)
            self._file.write(json.dumps(self._head) + "\n")
        for trial, wire in trials:
            lines = ",".join(to_json(record) for record in wire)
            self._file.write(f'{{"trial":{to_json(trial)},"wire":[{lines}]}}\n')
            self.count += 1
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Let other runs import the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


async def import_spools(store: TrialStore, folder: Path) -> int:
    """Store what earlier runs could not and delete their files; returns how many trials were new.

    Files of runs that are still going are left alone.

    Raises:
        HarnessFault: a file cannot be read or is damaged before its last line, or the database
            went away; the files are kept.
    """
    return sum([await _import(store, path) for path in _files(folder)])


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


async def _import(store: TrialStore, path: Path) -> int:
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            count = await _store(store, path, file.read().split("\n"))
            os.unlink(path)
            return count
    except (FileNotFoundError, BlockingIOError):
        # Another run has imported it, or still writes it.
        return 0
    except CONNECTION_ERRORS as error:
        raise HarnessFault(
            f"Trials of an earlier run are in {path}; the database went away while they were "
            f"imported: {error}", "agentdyno db start, then the same command again",
        ) from error
    except OSError as error:
        raise HarnessFault(
            f"Trials of an earlier run are in {path} and cannot be imported: {error.strerror}",
            f"make {path} readable and writable, or move it away",
        ) from error


async def _store(store: TrialStore, path: Path, lines: Sequence[str]) -> int:
    # A line without an end was cut by a crash, before anyone was told that it is safe.
    whole = lines[:-1]
    if not whole:
        return 0
    head = json.loads(whole[0])
    matrix_id = await store.create_matrix(head["command"], head["settings"], head["matrix_id"])
    trials = list(_parsed(path, whole))
    return sum([
        await store.save(matrix_id, trials[start:start + _BATCH])
        for start in range(0, len(trials), _BATCH)
    ])


def _parsed(path: Path, lines: Sequence[str]) -> Iterator[Sealed]:
    for number, line in enumerate(lines[1:], start=2):
        try:
            value = json.loads(line)
            if "trial" in value:
                yield Trial.model_validate(value["trial"]), _WIRE.validate_python(value["wire"])
        except (ValueError, ValidationError) as error:
            raise HarnessFault(
                f"{path}:{number} is damaged, so the trials of that run are not imported.",
                f"delete line {number}, or move {path} away",
            ) from error
