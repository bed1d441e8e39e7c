"""What identifies a scenario: the hash of its resolved definition and of every file it uses."""

import hashlib
from pathlib import Path

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import InputError, Problem
from agentdyno.core.scenario import Scenario
from agentdyno.core.spec import AgentSpec
from agentdyno.scenarios.paths import shown
from agentdyno.scenarios.users import LoadedUser


def text_digest(text: str) -> str:
    """Return the SHA-256 of the UTF-8 text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def definition_digest(
    scenario: Scenario, agents: tuple[AgentSpec, ...], turns: tuple[str, ...],
    user: LoadedUser | None, folder: Path,
) -> str:
    """Return the content hash of a resolved scenario and of every file of its folder."""
    return content_hash({
        # What could be changed in it is not what it is.
        "scenario": scenario.model_dump(mode="json", exclude={"variants"}),
        "agents": [agent.model_dump(mode="json") for agent in agents],
        "user": turns,
        "files": _files(folder),
        **({"simulated": user.agent.model_dump(mode="json")} if user else {}),
    })


def _files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `folder` by relative path, without caches.

    Caches are what Python compiles and what begins with a dot.
    """
    digests = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part == "__pycache__" for part in parts):
            continue
        try:
            if path.is_file():
                digests["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            problem = Problem(file=shown(path), line=1, key="", message=message)
            raise InputError([problem]) from error
    return digests
