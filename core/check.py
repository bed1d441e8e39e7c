"""What a scenario asks of a finished trial. `evals` answers; here is only the question."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name, Risk


def _is_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


def _has_one_group(pattern: str) -> str:
    groups = re.compile(pattern).groups
    if groups != 1:
        raise ValueError(f"needs exactly one (group), the number; it has {groups}")
    return pattern


Regex = Annotated[str, Field(min_length=1), AfterValidator(_is_regex)]
"""A Python regular expression, searched for; write flags inline, as in `(?i)`."""

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\.[^\s.][^\s]*$")]
"""`server.tool`; memory tools are `memory.memory_search` and `memory.memory_write`."""


class _Check(Noun):
    id: Name
    """Identifier of the check in tables and verdicts."""


class _AnswerCheck(_Check):
    turn: int | None = Field(default=None, ge=1)
    """User turn whose answer is looked at, from 1; the last one when absent."""


class ContainsCheck(_AnswerCheck):
    """The answer contains a text, or must not."""

    type: Literal["contains"]
    text: str = Field(min_length=1)
    """The text; white space matches any white space."""
    ignore_case: bool = False
    """Whether upper and lower case are equal."""
    absent: bool = False
    """Turns the question round: the text must not be there."""


class RegexCheck(_AnswerCheck):
    """The answer matches a regular expression somewhere, or must not."""

    type: Literal["regex"]
    pattern: Regex
    """The expression."""
    absent: bool = False
    """Turns the question round: nothing may match."""


class JsonSchemaCheck(_AnswerCheck):
    """The answer holds JSON that satisfies a JSON Schema."""

    type: Literal["json_schema"]
    source: Literal["block", "answer"] = "block"
    """`block`: the last fenced ```json block of the answer; `answer`: the whole answer."""
    answer_schema: dict[str, Any]
    """JSON Schema, draft 2020-12 unless `$schema` says otherwise."""


class Computed(Noun):
    """A number that the scenario computes by itself, apart from the tools."""

    python: str = Field(pattern=r"^[A-Za-z0-9_]+\.py:[A-Za-z_][A-Za-z0-9_]*$")
    """`file.py:function`, in the scenario's folder."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the function."""


class NumericCheck(_AnswerCheck):
    """A number in the answer equals the expected one, or keeps to it as a bound."""

    type: Literal["numeric"]
    find: Annotated[Regex, AfterValidator(_has_one_group)]
    """Expression whose one group is the number."""
    take: Literal["first", "sum"] = "first"
    """Whether the first match counts, or all matches are added up."""
    expected: float | Computed
    """The number, or how to compute it."""
    compare: Literal["equal", "at_least", "at_most"] = "equal"
    """What the number in the answer must be to the expected one."""
    rel_tol: float = Field(default=1e-9, ge=0)
    """Tolerance as a part of the expected number."""
    abs_tol: float = Field(default=0.0, ge=0)
    """Tolerance in the number's own unit; the larger of the two counts."""


class ToolUse(Noun):
    """Calls of one tool, told apart by arguments."""

    tool: ToolName
    """The tool."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments that must be there with exactly these JSON values; others may be there too."""
    min: int = Field(default=1, ge=0)
    """Fewest successful calls."""
    max: int | None = Field(default=None, ge=0)
    """Most calls, successful or not."""


class ToolsCalledCheck(_Check):
    """The right tools were called, as the tool gateway saw it."""

    type: Literal["tools_called"]
    agent: Name | None = None
    """Only calls of this agent count; every agent's when absent."""
    tools: tuple[ToolName, ...] = ()
    """Tools that must each have been called successfully."""
    order: bool = False
    """Whether `tools` must have been called in this order; other calls may lie between."""
    calls: tuple[ToolUse, ...] = ()
    """Calls with particular arguments or counts."""
    forbidden: tuple[str, ...] = ()
    """Tools (`server.tool`, `server.*`) that must not even have been tried."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.tools or self.calls or self.forbidden):
            raise ValueError("asks nothing; give tools, calls or forbidden")
        return self


class MailSentCheck(_Check):
    """The mailbox holds a sent mail with these properties when the trial ends."""

    type: Literal["mail_sent"]
    server: str = "mailbox"
    """Name of the mailbox in `mcpServers`."""
    to: str = Field(min_length=1)
    """Address that must be among the recipients."""
    subject: Regex | None = None
    """Expression that the subject must match."""
    body: Regex | None = None
    """Expression that the body must match."""


class LimitsCheck(_Check):
    """The trial stayed within bounds, as the gateways counted."""

    type: Literal["limits"]
    model_calls: int | None = Field(default=None, ge=0)
    """Most model calls of all agents together."""
    tool_calls: int | None = Field(default=None, ge=0)
    """Most tool calls of all agents together."""
    prompt_tokens: int | None = Field(default=None, ge=0)
    """Most prompt tokens of all model calls together."""
    seconds: float | None = Field(default=None, gt=0)
    """Longest wall time of the trial, in seconds."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.model_fields_set <= {"id", "type"}:
            raise ValueError("asks nothing; give model_calls, tool_calls, prompt_tokens or seconds")
        return self


class MemoryUsedCheck(_Check):
    """Memory was searched or written."""

    type: Literal["memory_used"]
    operation: Literal["search", "write"]
    """What must have happened."""
    agent: Name | None = None
    """Who must have done it; anyone when absent."""
    text: Regex | None = None
    """Expression that the search text, or the text written, must match."""
    min_hits: int = Field(default=0, ge=0)
    """Items that one search must have found."""


class GapReportedCheck(_Check):
    """An agent reported that it lacks a tool (`report_missing_tools: true`), or must not have."""

    type: Literal["gap_reported"]
    agent: Name | None = None
    """Who must have reported it; anyone when absent."""
    tool: Regex | None = None
    """Expression that name or description of one missing tool must match."""
    risk: Risk | None = None
    """Risk that the report must estimate for that tool."""
    inputs: Regex | None = None
    """Expression that the JSON text of that tool's inputs must match."""
    checked: tuple[str, ...] = ()
    """Tools, by their names in tools/list, that the report must say to have looked at."""
    absent: bool = False
    """Turns the question round: no such report may be there."""


class ApprovalCheck(_Check):
    """A call was decided about before it was made (scenarios with `approvals`), or must not have
    been."""

    type: Literal["approval"]
    tool: ToolName
    """The tool."""
    agent: Name | None = None
    """Who called it; anyone when absent."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Arguments that the approver was shown, with exactly these JSON values; others may be there
    too."""
    decision: Literal["logged", "approved", "rejected", "modified", "timed_out"]
    """What was decided; `logged` when nobody was asked."""
    absent: bool = False
    """Turns the question round: no call may have been decided about so."""


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


class SameToolCallsCheck(_Check):
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


class SameAnswerCheck(_AnswerCheck):
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


CheckSpec = Annotated[
    ContainsCheck | RegexCheck | JsonSchemaCheck | NumericCheck | ToolsCalledCheck
    | MailSentCheck | LimitsCheck | MemoryUsedCheck | SameToolCallsCheck | SameAnswerCheck
    | GapReportedCheck | ApprovalCheck,
    Field(discriminator="type"),
]
