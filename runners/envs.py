"""Runner environments: `name@version` -> a Python with exactly what the lock says, made once.

    CACHE/envs/NAME-VERSION-LOCKDIGEST-pyXY      an environment, complete or absent
    CACHE/envs/….lock                            held while it is made or removed
    CACHE/servers/…, CACHE/companion/…           the same, for what is no runner
    CACHE/locks/NAME-VERSION-STAMP.txt           locks compiled for versions that users name
"""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import EnvironmentFault, UsageError
from agentdyno.runners.locking import lock_digest, lock_of, pins
from agentdyno.runners.ref import LockedEnvironment, RunnerRef
from agentdyno.runners.registry import RunnerRow, find_runner, list_runners
from agentdyno.runners.sources import adapter_digest, top_module
from agentdyno.runners.uvtool import UvFailed, explain, folder_fault, run_uv

__all__ = [
    "Environment", "Progress", "RunnerRef", "ensure", "is_ready", "list_environments",
    "remove_environment", "resolve",
]

Progress = Callable[[str, int, int], None]
"""Called with a stage (`waiting`, `creating`, `installing`, `ready`), packages done and in all."""

_ROOT = Path(__file__).resolve().parents[1]
PYTHON_TAG = f"py{sys.version_info.major}{sys.version_info.minor}"
_MARKER = "agentdyno.json"
_KINDS = ("envs", "servers", "companion")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.!+]*")
_POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An environment on disk, as its marker file describes it."""

    name: str
    """Runner's name."""
    version: str
    """Version of the runner's main package."""
    lock: str
    """SHA-256 of the lock that it was made from."""
    python: str
    """Tag of its Python, such as py311."""
    size_mb: float
    """Size in MiB when it was made; files shared with uv's cache count in full."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One line of `agentdyno env list`."""

    environment: Environment
    path: Path
    stale: bool
    """Nothing resolves to it any more: its lock or Python has changed, or its Python is gone."""


async def resolve(spec: str, cache: Path) -> RunnerRef:
    """Turn `NAME` or `NAME@VERSION` into a reference; nothing is installed yet.

    Raises:
        UsageError: no such runner, no version after the @, or a row whose files are missing.
        EnvironmentFault: this version cannot be locked; see `locking.lock_of`.
    """
    name, at, version = spec.partition("@")
    row = find_runner(name)
    _check_files(row)
    if at and not _VERSION.fullmatch(version):
        raise UsageError(
            f"{spec!r} names no version.", f"{name}@{pins(row.lock)[row.package]} or just {name}"
        )
    lock = await lock_of(row, version, cache) if at else row.lock
    digest = lock_digest(lock)
    locked = pins(lock)[row.package]
    folder = cache / "envs" / f"{name}-{locked}-{digest[:8]}-{PYTHON_TAG}"
    top, file = top_module(row.path)
    return RunnerRef(
        name=name, version=locked, digest=content_hash([digest, adapter_digest(row.path)]),
        path=row.path, package=row.package, lock=lock, folder=folder,
        python=folder / "bin" / "python",
        modules={"agentdyno": _ROOT / "__init__.py", top: file}, teamwork=row.teamwork,
    )


def _check_files(row: RunnerRow) -> None:
    hint = f"reinstall the package that provides the runner {row.name}"
    for file in (row.lock, row.requirements):
        if not file.is_file():
            raise UsageError(f"the runner {row.name} lacks its lock file {file.name}.", hint)
    if row.package not in pins(row.lock):
        raise UsageError(f"{row.lock.name} does not pin {row.package}.", hint)


def is_ready(ref: LockedEnvironment) -> bool:
    """Tell whether the environment is complete, made from this very lock, and has its Python."""
    found = _read(ref.folder)
    return found is not None and found.lock == lock_digest(ref.lock) and ref.python.exists()


async def ensure(
    ref: LockedEnvironment, progress: Progress = lambda stage, done, total: None
) -> Path:
    """Make the environment of `ref` unless it is there; returns its Python.

    It appears complete or not at all: it is made beside its place and then renamed. Callers in
    any number of processes make it once.

    Raises:
        EnvironmentFault: it cannot be made; the message says why and what to do.
    """
    if is_ready(ref):
        return ref.python
    cache = ref.folder.parent.parent
    total = len(pins(ref.lock))
    try:
        ref.folder.parent.mkdir(parents=True, exist_ok=True)
        async with _locked(ref.folder, lambda: progress("waiting", 0, total)):
            if not is_ready(ref):
                await _make(ref, cache, progress)
    except OSError as error:
        raise folder_fault(error.strerror or str(error), ref.label, cache) from error
    except UvFailed as failure:
        raise explain(failure, ref.label, cache) from failure
    return ref.python


def list_environments(cache: Path, others: Iterable[Path] = ()) -> tuple[Listed, ...]:
    """Return every complete environment below `cache`, by name and version.

    Args:
        others: locks of what is no runner, which have not gone stale either.
    """
    locks = [row.lock for row in list_runners()] + list((cache / "locks").glob("*.txt"))
    current = {lock_digest(lock) for lock in (*locks, *others) if lock.exists()}
    listed = []
    for path in (path for kind in _KINDS for path in (cache / kind).glob(f"*/{_MARKER}")):
        if found := _read(path.parent):
            usable = (path.parent / "bin" / "python").exists() and found.python == PYTHON_TAG
            listed.append(Listed(
                environment=found, path=path.parent,
                stale=not usable or found.lock not in current,
            ))
    return tuple(sorted(listed, key=lambda e: (e.environment.name, e.environment.version, e.path)))


async def remove_environment(path: Path) -> None:
    """Delete the environment at `path`, waiting for whoever is making it.

    Raises:
        EnvironmentFault: the folder cannot be written.
    """
    try:
        async with _locked(path, lambda: None):
            # Without its marker it is incomplete, so an interruption leaves nothing half usable.
            (path / _MARKER).unlink(missing_ok=True)
            await asyncio.to_thread(shutil.rmtree, path)
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be removed: {error.strerror or error}", "check who owns that folder"
        ) from error


async def _make(ref: LockedEnvironment, cache: Path, progress: Progress) -> None:
    for leftover in ref.folder.parent.glob(f"{ref.folder.name}.partial*"):
        await asyncio.to_thread(shutil.rmtree, leftover)
    partial = ref.folder.with_name(f"{ref.folder.name}.partial-{os.getpid()}")
    total = len(pins(ref.lock))
    progress("creating", 0, total)
    try:
        await run_uv(
            "venv", "--no-project", "--relocatable", "--python", sys.executable, partial,
            cache=cache,
        )
        async with _counted(partial, total, progress):
            await run_uv(
                "pip", "sync", "--compile-bytecode", "--allow-empty-requirements",
                "--python", partial / "bin" / "python", ref.lock, cache=cache,
            )
        made = Environment(
            name=ref.name, version=ref.version, lock=lock_digest(ref.lock), python=PYTHON_TAG,
            size_mb=await asyncio.to_thread(_size_mb, partial),
        )
        (partial / _MARKER).write_text(json.dumps(asdict(made)), encoding="utf-8")
        if ref.folder.exists():
            await asyncio.to_thread(shutil.rmtree, ref.folder)
        partial.rename(ref.folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    progress("ready", total, total)


@contextlib.asynccontextmanager
async def _counted(folder: Path, total: int, progress: Progress) -> AsyncIterator[None]:
    """Report how many packages are unpacked while the context lasts."""

    async def watch() -> None:
        while True:
            progress("installing", min(_installed(folder), total), total)
            await asyncio.sleep(_POLL_S)

    watching = asyncio.create_task(watch(), name=f"counting {folder.name}")
    try:
        yield
    finally:
        watching.cancel()


@contextlib.asynccontextmanager
async def _locked(folder: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the lock of one environment; the system lets go of it when this process ends."""
    guard = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        while not _take(guard):
            waiting()
            await asyncio.sleep(_POLL_S)
        yield
    finally:
        os.close(guard)


def _take(guard: int) -> bool:
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _installed(folder: Path) -> int:
    return sum(1 for _ in folder.glob("lib/python*/site-packages/*.dist-info"))


def _read(folder: Path) -> Environment | None:
    try:
        return Environment(**json.loads((folder / _MARKER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # Absent, cut short or of another format: not an environment of ours, so it is made anew.
        return None


def _size_mb(folder: Path) -> float:
    blocks = sum(path.lstat().st_blocks for path in folder.rglob("*"))
    return round(blocks * 512 / 2**20, 1)
