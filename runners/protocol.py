"""What harness and worker say to each other: one JSON object a line, over two private pipes."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from agentdyno.core.event import Message, Step
from agentdyno.core.noun import Noun
from agentdyno.core.trial import Assignment, WorkerReport


class Run(Noun):
    """Harness to worker: start a trial beside those that run already."""

    op: Literal["run"] = "run"
    assignment: Assignment


class Cancel(Noun):
    """Harness to worker: cancel a trial; it still answers with its report."""

    op: Literal["cancel"] = "cancel"
    trial_id: str


class UserSays(Noun):
    """Harness to worker: the answer to `AskUser`."""

    op: Literal["user"] = "user"
    trial_id: str
    text: str | None
    """Null when the user says no more."""


class Close(Noun):
    """Harness to worker: cancel what runs, release everything and exit."""

    op: Literal["close"] = "close"


class Ready(Noun):
    """Worker to harness: the runner is imported and takes trials."""

    op: Literal["ready"] = "ready"
    pid: int
    versions: dict[str, str]
    """Versions of python and of the runner's packages."""
    cpu_s: float
    """CPU seconds that the process took to get here: interpreter and framework import."""


class Refused(Noun):
    """Worker to harness: the runner cannot be imported or built; the process exits."""

    op: Literal["refused"] = "refused"
    error: str
    """Exception and the last lines of its traceback."""


class Emitted(Noun):
    """Worker to harness: the runner declared something that it saw."""

    op: Literal["event"] = "event"
    trial_id: str
    event: Annotated[Message | Step, Field(discriminator="kind")]


class AskUser(Noun):
    """Worker to harness: a turn is answered; what does the user say now? `UserSays` follows."""

    op: Literal["ask"] = "ask"
    trial_id: str
    answers: tuple[str, ...]
    """Every answer so far."""


class Cancelling(Noun):
    """Worker to harness: a cancellation was heard, so its event loop turns; `Done` follows."""

    op: Literal["cancelling"] = "cancelling"
    trial_id: str


class Done(Noun):
    """Worker to harness: a trial ended."""

    op: Literal["done"] = "done"
    trial_id: str
    report: WorkerReport


FromHarness = Run | Cancel | UserSays | Close
FromRunner = Ready | Refused | Emitted | AskUser | Cancelling | Done
TO_WORKER: TypeAdapter[FromHarness] = TypeAdapter(
    Annotated[FromHarness, Field(discriminator="op")]
)
FROM_WORKER: TypeAdapter[FromRunner] = TypeAdapter(
    Annotated[FromRunner, Field(discriminator="op")]
)
