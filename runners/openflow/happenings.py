"""What the engine and its agent steps tell whoever watches a run, while it happens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Status = Literal["success", "failure", "skipped", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Entered:
    """A module begins its work; one that is skipped or mocked does not."""

    id: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class StepRecord:
    """One run of one module, when it ended."""

    id: str
    kind: str
    status: Status
    started: float
    """`time.perf_counter()` when it started."""
    ended: float
    """The same clock when it ended."""


@dataclass(frozen=True, kw_only=True)
class Iterating:
    """An iteration of a loop begins."""

    id: str
    """The loop's module."""
    index: int
    """Number of the iteration, from 0."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """The rule of a module was true, and ends the flow or the loop that it stands in."""

    id: str
    rule: Literal["stop_after_if", "stop_after_all_iters_if"]


@dataclass(frozen=True, kw_only=True)
class Suspended:
    """The flow waits for somebody to resume it."""

    id: str
    """The module after which it waits."""
    required: int
    """Approvals that it waits for."""


@dataclass(frozen=True, kw_only=True)
class Resumed:
    """The wait is over."""

    id: str
    approvers: tuple[str, ...]
    """Who approved, in order of arrival."""
    error: str = ""
    """Name of what ended it otherwise: `SuspendedDisapproved`, `SuspendedTimedOut`."""


@dataclass(frozen=True, kw_only=True)
class Wrote:
    """An agent ended with a text."""

    id: str
    """Module of the agent, or its entry in `tools` when another one called it."""
    text: str
    caller: str = ""
    """Module of the agent that called it."""


@dataclass(frozen=True, kw_only=True)
class Called:
    """An agent calls another one that stands among its tools."""

    id: str
    """The calling agent's module."""
    tool: str
    """The called agent's entry in `tools`."""
    message: str
    """What it is told."""


@dataclass(frozen=True, kw_only=True)
class Returned:
    """A called agent is done."""

    id: str
    """The calling agent's module."""
    tool: str
    """The called agent's entry in `tools`."""
    error: str = ""
    """What the caller reads instead of a text, when the called agent failed."""


Happening = (
    Entered | StepRecord | Iterating | Stopped | Suspended | Resumed | Wrote | Called | Returned
)
Observe = Callable[[Happening], None]


def unseen(happening: Happening) -> None:
    """Watch nothing."""
