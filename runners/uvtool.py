"""uv, which makes the runners' environments: how it is called, and what its complaints mean."""

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import uv

from agentdyno.core.errors import EnvironmentFault

_NOT_FOR_UV = frozenset({
    # Would leave environments without bytecode, and every cold start pays for it.
    "PYTHONDONTWRITEBYTECODE",
    # Would point uv at an environment that is not the one being made.
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_PYTHON",
})
_URL = re.compile(r"\(?\b[a-z][a-z0-9+.-]*://[^\s`'\"]+")
_OFFLINE = re.compile(
    r"network was disabled|error sending request|dns error|tcp connect|timed out|Failed to fetch"
    r"|Network connectivity is disabled", re.IGNORECASE,
)
_FOLDER = re.compile(r"No space left|Read-only file system|Permission denied|Disk quota")
_PYTHON = re.compile(
    r"requires.python|matching Python (?:version|ABI)|Python version tag|Python>=|Python<",
    re.IGNORECASE,
)
_REASON_LINES = 8


class UvFailed(Exception):
    """uv said no; the message is what it printed, without any address."""


async def run_uv(*arguments: str | Path, cache: Path, stdin: str = "") -> str:
    """Run uv in the folder `cache` and return its stdout; cancelling ends the process first.

    Raises:
        UvFailed: it ended with an error.
        OSError: it could not be started.
    """
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(), *map(str, arguments),
        # uvloop cannot write to a process that has ended already, so no pipe without need.
        stdin=PIPE if stdin else DEVNULL, stdout=PIPE, stderr=PIPE,
        # A pyproject.toml or uv.toml on the way up from the user's folder is not ours.
        cwd=cache, env=_environment(cache), start_new_session=True,
    )
    try:
        output, complaints = await process.communicate(stdin.encode() or None)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        raise UvFailed(without_addresses(complaints.decode(errors="replace")))
    return output.decode()


def _environment(cache: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_UV}
    ours = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
    if "UV_CACHE_DIR" not in kept and not _can_link(_default_uv_cache(), cache):
        ours["UV_CACHE_DIR"] = str(cache / "uv")
    return {**kept, **ours}


def _default_uv_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "uv"


def _can_link(source: Path, target: Path) -> bool:
    """Tell whether files in `source` can be written and hard-linked into `target`."""
    while not source.exists():
        source = source.parent
    return os.access(source, os.W_OK) and source.stat().st_dev == target.stat().st_dev


def without_addresses(text: str) -> str:
    """Return `text` with every URL replaced: it may carry a password of the user's index."""
    return _URL.sub("<address>", text)


def explain(failure: UvFailed, label: str, cache: Path) -> EnvironmentFault:
    """Say in the user's words why the environment of `label` cannot be made."""
    text = str(failure)
    if _FOLDER.search(text):
        last = text.splitlines()[-1].strip().removeprefix("cause: ")
        return folder_fault(last, label, cache)
    if _OFFLINE.search(text):
        return EnvironmentFault(
            f"the environment of {label} is not there yet, and no package index can be reached "
            f"to make it.\n{_reason(text)}",
            f"connect this machine to a Python package index, then: agentdyno env sync {label}",
        )
    if _PYTHON.search(text):
        return EnvironmentFault(
            f"{label} cannot be installed for this Python.\n{_reason(text)}",
            "run agentdyno with another one: AGENTDYNO_PYTHON=python3.12 ./dyno ...",
        )
    return EnvironmentFault(
        f"uv cannot make the environment of {label}.\n{_reason(text)}",
        f"when the cause is gone: agentdyno env sync {label}",
    )


def folder_fault(reason: str, label: str, cache: Path) -> EnvironmentFault:
    """Say that the cache folder does not take the environment of `label`."""
    return EnvironmentFault(
        f"the environment of {label} cannot be written below {cache}: {reason}",
        "free some space or choose another folder: AGENTDYNO_CACHE=/path/to/folder agentdyno ...",
    )


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[:_REASON_LINES])
