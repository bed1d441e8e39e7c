"""One runner at one version, with the environment that it runs in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentdyno.runners.support import TeamWork


@dataclass(frozen=True, kw_only=True)
class RunnerRef:
    """What a worker is started from; made by `envs.resolve`."""

    name: str
    """Name in the registry."""
    version: str
    """Version of the runner's main package in its lock."""
    digest: str
    """Content hash of the lock file and of the adapter's source."""
    path: str
    """Dotted path of the Runner class."""
    package: str
    """Distribution that `version` belongs to."""
    lock: Path
    """The lock file of this version: the committed one, or one compiled into the cache."""
    folder: Path
    """Where its environment is or will be."""
    python: Path
    """The environment's interpreter."""
    modules: Mapping[str, Path]
    """Top-level packages that the worker gets from the harness's own files, by name."""
    teamwork: TeamWork
    """Which patterns the runner executes."""

    @property
    def label(self) -> str:
        """Return `name@version`, as a user would type it."""
        return f"{self.name}@{self.version}"

    @property
    def other_version(self) -> bool:
        """Tell whether a user named a version that no adapter was tested with."""
        return self.lock.is_relative_to(self.folder.parent.parent)
