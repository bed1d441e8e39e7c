"""What is made from a lock file: an environment, and the runner that runs in one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentdyno.runners.support import TeamWork


@dataclass(frozen=True, kw_only=True)
class LockedEnvironment:
    """An environment that a lock file stands for; `envs.ensure` makes it."""

    name: str
    """Name of what runs in it; of a runner, its name in the registry."""
    version: str
    """Version of its main package in the lock."""
    lock: Path
    """The lock file of this version: the committed one, or one compiled into the cache."""
    folder: Path
    """Where the environment is or will be."""
    python: Path
    """The environment's interpreter."""

    @property
    def label(self) -> str:
        """Return `name@version`, as a user would type it."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, kw_only=True)
class RunnerRef(LockedEnvironment):
    """What a worker is started from; made by `envs.resolve`."""

    digest: str
    """Content hash of the lock file and of the adapter's source."""
    path: str
    """Dotted path of the Runner class."""
    package: str
    """Distribution that `version` belongs to."""
    modules: Mapping[str, Path]
    """Top-level packages that the worker gets from the harness's own files, by name."""
    teamwork: TeamWork
    """Which patterns the runner executes."""

    @property
    def other_version(self) -> bool:
        """Tell whether a user named a version that no adapter was tested with."""
        return self.lock.is_relative_to(self.folder.parent.parent)
