"""Checks that a trial repeats a recorded conversation."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.checkbase import AnswerCheck, Check, ToolName
from agentdyno.core.noun import Noun

RecordingFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.json$")]
"""A recorded conversation's file, in the scenario's folder; see `tools/servers/README.md`."""


class ExpectedCall(Noun):
    """One tool call that must be made."""

    tool: ToolName
    """The tool."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """All of its arguments, as JSON values."""
    step: int = 0
    """Calls of one step were asked for at once: their order among themselves is free. 0: alone."""


class SameToolCallsCheck(Check):
    """Exactly these tool calls were made, with these arguments, in this order, and no others."""

    type: Literal["same_tool_calls"]
    server: str = Field(default="recorded", min_length=1)
    """Name in `mcpServers` of the server that `recording` is about; others' calls count as well."""
    recording: RecordingFile | None = None
    """File that lists the calls."""
    calls: tuple[ExpectedCall, ...] | None = None
    """The calls, in place of a file."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.recording is None) == (self.calls is None):
            raise ValueError("needs either recording or calls")
        return self


class SameAnswerCheck(AnswerCheck):
    """The answer is exactly a given text, to the last space."""

    type: Literal["same_answer"]
    text: str | None = None
    """The text."""
    recording: RecordingFile | None = None
    """File that holds the answers, in place of a text."""
    every_turn: bool = False
    """Whether to compare the answer to every user turn that has a recorded one."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.recording is None) == (self.text is None):
            raise ValueError("needs either recording or text")
        if self.every_turn and (self.recording is None or self.turn is not None):
            raise ValueError("every_turn goes with recording, and without turn")
        return self
