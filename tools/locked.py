"""Tool servers that others wrote and we lock: `${locked:NAME}` is the program of one.

Where it is follows from the lock file alone, so that starting a server needs no look at an
environment; `experiments/lockedserver.py` makes those that are missing.
"""

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.spec import ToolServer

LOCKS = Path(__file__).parent / "locks"
_NAMED = re.compile(r"\$\{locked:([^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class LockedServer:
    """One server of `tools/locks`, with the environment that it has or will have."""

    name: str
    """Distribution, program and lock file alike."""
    version: str
    lock: Path
    digest: str
    """SHA-256 of the lock file, as 64 hex digits."""
    folder: Path
    """Its environment."""

    @property
    def program(self) -> Path:
        """Where its program is once the environment is made."""
        return self.folder / "bin" / self.name


def locked(name: str, cache: Path) -> LockedServer:
    """Return the locked server `name`; raises UsageError when there is no lock of that name."""
    lock = LOCKS / f"{name}.txt"
    if not lock.is_file():
        known = ", ".join(sorted(path.stem for path in LOCKS.glob("*.txt")))
        raise UsageError(f"there is no locked tool server {name!r}", f"use one of: {known}")
    text = lock.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    pin = re.search(rf"^{re.escape(name)}==([^\s;]+)", text.decode(), re.MULTILINE)
    assert pin, f"{lock} does not pin {name}"
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    return LockedServer(
        name=name, version=pin[1], lock=lock, digest=digest,
        folder=cache / "servers" / f"{name}-{pin[1]}-{digest[:8]}-{python}",
    )


def locked_names(server: ToolServer) -> tuple[str, ...]:
    """Return the locked servers that an entry of `mcpServers` names."""
    texts = (server.command or "", *server.args, *server.env.values())
    return tuple(dict.fromkeys(name for text in texts for name in _NAMED.findall(text)))
