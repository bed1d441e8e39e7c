"""Lock files: the committed ones, and those compiled for a version that a user names."""

import hashlib
import os
import re
from pathlib import Path

from agentdyno.core.errors import EnvironmentFault
from agentdyno.runners.registry import RunnerRow
from agentdyno.runners.uvtool import UvFailed, explain, folder_fault, run_uv

PYTHON_FLOOR = "3.11"
"""Locks hold for every Python from this version on."""
_COMPILE = (
    "pip", "compile", "--universal", "--python-version", PYTHON_FLOOR, "--no-header",
    "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "-",
)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """Return the versions in a lock file, by distribution."""
    return dict(_PIN.findall(lock.read_text(encoding="utf-8")))


def lock_digest(lock: Path) -> str:
    """Return the SHA-256 of a lock file, as 64 hex digits."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()


async def lock_of(row: RunnerRow, version: str, cache: Path) -> Path:
    """Return the lock of `row` at `version` of its package, compiling it when it is new.

    Raises:
        EnvironmentFault: there is no such version, it conflicts with the rest, or there is
            neither a network nor an earlier lock.
    """
    if pins(row.lock).get(row.package) == version:
        return row.lock
    wanted = f"{row.requirements.read_text(encoding='utf-8')}\n{row.package}=={version}\n"
    stamp = hashlib.sha256(wanted.encode()).hexdigest()[:8]
    lock = cache / "locks" / f"{row.name}-{version}-{stamp}.txt"
    if lock.exists():
        return lock
    label = f"{row.name}@{version}"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        text = await run_uv(*_COMPILE, cache=cache, stdin=wanted)
        partial = lock.with_suffix(f".{os.getpid()}")
        partial.write_text(text, encoding="utf-8")
        partial.replace(lock)
    except OSError as error:
        raise folder_fault(error.strerror or str(error), label, cache) from error
    except UvFailed as failure:
        if f"no version of {row.package}=={version}" in _one_line(failure):
            raise await _no_such_version(row, version, cache) from failure
        raise explain(failure, label, cache) from failure
    return lock


async def _no_such_version(row: RunnerRow, version: str, cache: Path) -> EnvironmentFault:
    below = await _one_version(f"{row.package}<{version}", "highest", cache)
    above = await _one_version(f"{row.package}>{version}", "lowest", cache)
    near = [found for found in (below, above) if found]
    listed = f" Nearest are: {', '.join(near)}." if near else ""
    use = f"{row.name}@{near[0]}" if near else row.name
    return EnvironmentFault(
        f"{row.package} has no version {version}.{listed}", f"name one that exists: --runner {use}"
    )


async def _one_version(requirement: str, resolution: str, cache: Path) -> str | None:
    try:
        text = await run_uv(
            *_COMPILE, "--no-deps", "--resolution", resolution, cache=cache, stdin=requirement
        )
    except UvFailed:
        # No version on this side, which is an answer.
        return None
    found = _PIN.search(text)
    return found.group(2) if found else None


def _one_line(failure: UvFailed) -> str:
    return " ".join(str(failure).split())
