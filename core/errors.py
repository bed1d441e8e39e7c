"""Errors shown to users: what happened, whose fault it is, and the next command to type.

    DynoError               anything that the command line prints without a traceback
      UsageError            a bad argument or an unknown name (exit code 4)
      InputError            problems in a user's files, each with file, line and key (exit code 4)
      HarnessFault          the bench itself failed, not the agent (exit code 3)
        EnvironmentFault    a runner's environment cannot be made or started
        ScriptGap           the scripted model has no rule for the state of a conversation
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class DynoError(Exception):
    """An error with a `message` (what happened, whose fault) and a `hint` (the next command)."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.hint}" if self.hint else self.message


class UsageError(DynoError):
    """The command was given something that it cannot take."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong in one file."""

    file: str
    """Path of the file as the user would type it."""
    line: int
    """Line number, from 1."""
    key: str
    """Dotted path of the offending key, or "" for the file as a whole."""
    message: str
    """What is wrong and what would be right."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class InputError(DynoError):
    """Files of the user hold problems; all of them are listed at once."""

    exit_code = 4

    def __init__(self, problems: Sequence[Problem], hint: str = "") -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems), hint)


class HarnessFault(DynoError):
    """The bench failed, so the trial says nothing about the agent."""


class EnvironmentFault(HarnessFault):
    """A runner's environment cannot be made or started."""


class ScriptGap(HarnessFault):
    """No rule of the scripted model covers the state of a conversation."""
