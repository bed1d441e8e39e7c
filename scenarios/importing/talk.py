"""A recorded conversation: as it stands in a file, and as user turns whatever format it came in."""

from dataclasses import dataclass
from typing import Any

from agentdyno.scenarios.importing.located import Document, KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTalk:
    """Messages and tools of one conversation as they stand in a file, each with its path."""

    document: Document
    source: str
    """Where it is, for people."""
    messages: tuple[tuple[KeyPath, Any], ...]
    tools: tuple[tuple[KeyPath, Any], ...] = ()
    is_request: bool = False
    """Whether it is one logged request: longer ones of the same conversation may follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResult:
    """What a tool returned."""

    texts: tuple[str, ...]
    """Text of each content block."""
    is_error: bool = False
    """Whether the recording marks it as an error; the chat format has no mark for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """One tool call."""

    tool: str
    arguments: dict[str, Any]
    result: RecordedResult | None
    """Null when none was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTurn:
    """One message of the model that asks for tools."""

    text: str
    """Text beside the calls; "" when there is none."""
    calls: tuple[RecordedCall, ...]
    """Calls asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTurn:
    """What the user said, and all that came of it until the user spoke again."""

    text: str
    steps: tuple[ModelTurn, ...]
    answer: str | None
    """Null when the recording has none."""

    @property
    def calls(self) -> tuple[RecordedCall, ...]:
        """The calls of all steps, in order."""
        return tuple(call for step in self.steps for call in step.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTool:
    """A tool that the model was offered, or that it called."""

    name: str
    description: str
    schema: dict[str, Any]
    """JSON Schema of its arguments."""
    inferred: bool
    """Whether the schema was worked out from the calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation, ready to become a scenario."""

    source: str
    """Name of the file that it was read from, with the line where there are several."""
    instructions: str | None
    """System prompt; null when there is none."""
    turns: tuple[UserTurn, ...]
    tools: tuple[RecordedTool, ...]
    notes: tuple[str, ...]
    """What of the recording the scenario cannot repeat or had to guess, as sentences."""

    @property
    def calls(self) -> tuple[RecordedCall, ...]:
        """All tool calls, in order."""
        return tuple(call for turn in self.turns for call in turn.calls)

    @property
    def summary(self) -> str:
        """How large it is, in words."""
        counts = {
            "user turn": len(self.turns), "tool call": len(self.calls), "tool": len(self.tools),
        }
        return ", ".join(f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items())
