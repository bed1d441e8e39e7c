"""From an entry of `mcpServers` to the exact command or address, with every `${...}` filled in."""

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import cache_folder
from agentdyno.core.spec import ToolServer
from agentdyno.tools.locked import locked

_PLACE = re.compile(r"\$\{([^}]*)\}")
_INHERITED = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "TMPDIR", "SYSTEMROOT")
"""The only variables of the harness that a server sees unasked; secrets are named in `env`."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How one server is reached; equal launches of scope `run` share one server."""

    command: tuple[str, ...] = ()
    """Program and arguments of a stdio server."""
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Whole environment of a stdio server."""
    cwd: str = ""
    url: str = ""
    """Address of a streamable-HTTP server."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    ours: bool = False
    """Whether this is one of agentdyno's own servers."""
    shown: str = ""
    """The command or address with `${env:...}` unfilled, for messages."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that `${env:...}` filled in, never to be shown."""

    def redact(self, text: str) -> str:
        """Return `text` without any of the secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


class _Filler:
    """Fills `${python}`, `${scenario}`, `${cache}`, `${locked:NAME}` and `${env:NAME}`, and
    remembers what came from `env`."""

    def __init__(self, name: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._name, self._folder, self._environ = name, folder, environ
        self.secrets: list[str] = []

    def fill(self, text: str) -> str:
        return _PLACE.sub(lambda match: self._value(match[1]), text)

    def shown(self, text: str) -> str:
        return _PLACE.sub(
            lambda match: match[0] if match[1].startswith("env:") else self._value(match[1]), text
        )

    def _value(self, key: str) -> str:
        if key == "python":
            return sys.executable
        if key == "scenario":
            return str(self._folder)
        if key == "cache":
            return str(self._cache())
        if key.startswith("locked:"):
            return str(locked(key.removeprefix("locked:"), self._cache()).program)
        if not key.startswith("env:"):
            raise UsageError(
                f"tool server {self._name!r} uses ${{{key}}}, which does not exist",
                "use ${python}, ${scenario}, ${cache}, ${locked:NAME} or ${env:NAME}",
            )
        variable = key.removeprefix("env:")
        value = self._environ.get(variable)
        if value is None:
            raise UsageError(
                f"tool server {self._name!r} needs the environment variable {variable}, "
                "which is not set", f"export {variable}=...",
            )
        if value:
            self.secrets.append(value)
        return value

    def _cache(self) -> Path:
        folder = cache_folder(self._environ)
        if folder is None:
            raise UsageError(
                f"tool server {self._name!r} keeps something in the cache, and neither HOME nor "
                "AGENTDYNO_CACHE says where that is", "AGENTDYNO_CACHE=/some/folder agentdyno ...",
            )
        return folder


def resolve(
    name: str, server: ToolServer, scenario_dir: Path, environ: Mapping[str, str] = os.environ
) -> Launch:
    """Return how to reach `server`, an entry called `name` of a scenario in `scenario_dir`.

    Raises:
        UsageError: the entry names no transport or two, or a variable that does not exist.
    """
    filler = _Filler(name, scenario_dir.resolve(), environ)
    ways = [way for way in ("command", "url", "bundled") if getattr(server, way) is not None]
    if len(ways) != 1:
        raise UsageError(
            f"tool server {name!r} has {' and '.join(ways) or 'none'} of command, url and bundled",
            "give it exactly one of them",
        )
    if server.url is not None:
        headers = tuple((key, filler.fill(value)) for key, value in server.headers.items())
        return Launch(
            url=filler.fill(server.url), headers=headers, shown=filler.shown(server.url),
            secrets=tuple(filler.secrets),
        )
    raw = (
        (server.command, *server.args) if server.command is not None
        else ("${python}", "-m", f"agentdyno.tools.servers.{server.bundled}", *server.args)
    )
    env = {key: environ[key] for key in _INHERITED if key in environ}
    if server.bundled:
        # `-m` puts the working folder first on the path, where a scenario's file may hide a module.
        env["PYTHONSAFEPATH"] = "1"
    env |= {key: filler.fill(value) for key, value in server.env.items()}
    return Launch(
        command=tuple(filler.fill(part) for part in raw), env=tuple(sorted(env.items())),
        cwd=filler.fill(server.cwd) if server.cwd else str(scenario_dir.resolve()),
        ours=server.bundled is not None,
        shown=shlex.join(filler.shown(part) for part in raw),
        secrets=tuple(filler.secrets),
    )


def scope_of(server: ToolServer) -> str:
    """Return `run` or `trial`: what the entry says, or the default for its kind."""
    return server.scope or ("run" if server.bundled else "trial")
