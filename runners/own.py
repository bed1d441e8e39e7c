"""`--runner FILE.yaml`, `--runner 'command:PROGRAM ARGS'`, `--runner python:MODULE:FUNCTION`."""

import hashlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import EnvironmentFault, UsageError
from agentdyno.core.own import OwnRunner
from agentdyno.core.pattern import PATTERNS
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.support import Support, TeamWork, composed

_MOST_FILES = 5000
_SKIPPED = ("__pycache__", "node_modules", "venv")
_PATTERNS: dict[str, Support] = {
    name: composed("the program is told the addresses of every agent, and works as it likes")
    for name in PATTERNS
} | {"single": composed("the program is the agent")}
TEAMWORK = TeamWork(patterns=_PATTERNS, hook="")


@dataclass(frozen=True, kw_only=True)
class OwnRef:
    """A user's program, ready to be started; stands where a `RunnerRef` does."""

    spec: OwnRunner
    folder: Path
    """Absolute working folder."""
    digest: str
    """Content hash of the definition and of the program's sources."""
    teamwork: TeamWork = TEAMWORK

    @property
    def name(self) -> str:
        """Return the program's name."""
        return self.spec.name

    @property
    def version(self) -> str:
        """Return the first digits of the content hash: a program has no version of its own."""
        return self.digest[:8]

    @property
    def label(self) -> str:
        """Return `name@version`."""
        return f"{self.name}@{self.version}"


Ref = RunnerRef | OwnRef
"""What a trial runs on."""


def is_own(spec: str) -> bool:
    """Tell whether what follows `--runner` is a user's own program."""
    return spec.startswith(("command:", "python:")) or spec.endswith((".yaml", ".yml"))


def resolve_own(spec: str) -> OwnRef:
    """Return the program that `spec` names.

    Raises:
        UsageError: it is no program, or its folder is not there.
        InputError: the file holds problems.
        EnvironmentFault: the program or the interpreter is not on this machine.
    """
    runner, base = _read(spec)
    folder = (base / runner.cwd).resolve()
    if not folder.is_dir():
        raise UsageError(f"{spec}: there is no folder {runner.cwd}.", "correct `cwd`")
    program = runner.command[0] if runner.command else runner.python or sys.executable
    if find_program(program, folder) is None:
        raise EnvironmentFault(
            f"the runner {runner.name} needs {program!r}, which is neither in {runner.cwd} nor on"
            " the PATH.", "install it, or correct the path",
        )
    return OwnRef(spec=runner, folder=folder, digest=_digest(runner, folder))


def find_program(program: str, folder: Path) -> str | None:
    """Return the path of `program`, below `folder` when it is a relative path; null when it is not
    there."""
    return shutil.which(str(folder / program) if "/" in program else program)


def _read(spec: str) -> tuple[OwnRunner, Path]:
    kind, colon, rest = spec.partition(":")
    if colon and kind == "command":
        words = shlex.split(rest)
        if not words:
            raise UsageError(f"--runner {spec!r} names no program.", "command:'node agent.js'")
        return OwnRunner(
            name=_name(Path(words[-1] if len(words) > 1 else words[0]).stem), runner="command",
            command=tuple(words),
        ), Path.cwd()
    if colon and kind == "python":
        if rest.count(":") != 1 or not rest.replace(":", "").replace(".", "").isidentifier():
            raise UsageError(f"--runner {spec!r} names no function.", "python:my_app:answer")
        return OwnRunner(
            name=_name(rest.partition(":")[0]), runner="python", target=rest
        ), Path.cwd()
    from agentdyno.core.yamlfile import load_yaml, validate_model

    path = Path(spec)
    if not path.is_file():
        raise UsageError(f"there is no file {spec}.", "agentdyno list runners")
    return validate_model(load_yaml(path, spec), OwnRunner), path.parent


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:48] or "program"


def _digest(runner: OwnRunner, folder: Path) -> str:
    digest = hashlib.sha256(runner.model_dump_json().encode())
    for count, path in enumerate(_sources(runner, folder)):
        if count == _MOST_FILES:
            raise UsageError(
                f"the runner {runner.name} has more than {_MOST_FILES} files below {runner.cwd}.",
                "name those that are the program by `sources`",
            )
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(runner: OwnRunner, folder: Path) -> Iterator[Path]:
    found = {path for glob in runner.sources for path in folder.glob(glob)}
    for path in sorted(found):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(p.startswith(".") or p in _SKIPPED for p in parts):
            yield path


