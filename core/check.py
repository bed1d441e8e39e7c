"""What a scenario asks of a finished trial. `evals` answers; here is only the question."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agentdyno.core.checkbase import AnswerCheck, Check, has_one_group
from agentdyno.core.checkbase import Computed as Computed
from agentdyno.core.checkbase import Regex as Regex
from agentdyno.core.checkbase import ToolName as ToolName
from agentdyno.core.checkjudge import JudgeCheck as JudgeCheck
from agentdyno.core.checksame import ExpectedCall as ExpectedCall
from agentdyno.core.checksame import SameAnswerCheck as SameAnswerCheck
from agentdyno.core.checksame import SameToolCallsCheck as SameToolCallsCheck
from agentdyno.core.checkteam import (
    CitationsCheck,
    ConfidenceCheck,
    NoDuplicatesCheck,
    PathCheck,
    PermissionCheck,
)
from agentdyno.core.checkworld import EndStateCheck, PythonCheck, SqlCheck
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name, Risk


class ContainsCheck(AnswerCheck):
    """The answer contains a text, or must not."""

    type: Literal["contains"]
    text: str = Field(min_length=1)
    """The text; white space matches any white space."""
    ignore_case: bool = False
    """Whether upper and lower case are equal."""
    absent: bool = False
    """Turns the question round: the text must not be there."""


class RegexCheck(AnswerCheck):
    """The answer matches a regular expression somewhere, or must not."""

    type: Literal["regex"]
    pattern: Regex
    """The expression."""
    absent: bool = False
    """Turns the question round: nothing may match."""


class SimilarityCheck(AnswerCheck):
    """The answer is as similar to a text as is asked, by a metric of RapidFuzz."""

    type: Literal["similarity"]
    text: str = Field(min_length=1)
    """The text."""
    metric: Literal["levenshtein", "indel", "jaro_winkler", "token_sort", "token_set"]
    """`levenshtein`: 1 - edits/longer length. `indel`: insertions and deletions alone, by the sum
    of lengths. `jaro_winkler`: for names and short texts. `token_sort`: indel of the words in
    alphabetical order. `token_set`: the same, what one text has more than the other aside."""
    at_least: float = Field(gt=0, le=1)
    """Least similarity; 1 is equal."""
    ignore_case: bool = False
    """Whether upper and lower case are equal."""


class JsonSchemaCheck(AnswerCheck):
    """The answer holds JSON that satisfies a JSON Schema."""

    type: Literal["json_schema"]
    source: Literal["block", "answer"] = "block"
    """`block`: the last fenced ```json block of the answer; `answer`: the whole answer."""
    answer_schema: dict[str, Any]
    """JSON Schema, draft 2020-12 unless `$schema` says otherwise."""


class NumericCheck(AnswerCheck):
    """A number in the answer equals the expected one, or keeps to it as a bound."""

    type: Literal["numeric"]
    find: Annotated[Regex, AfterValidator(has_one_group)]
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


class ToolsCalledCheck(Check):
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


class MailSentCheck(Check):
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


class LimitsCheck(Check):
    """The trial stayed within bounds, as the gateways counted."""

    type: Literal["limits"]
    model_calls: int | None = Field(default=None, ge=0)
    """Most model calls of all agents together."""
    tool_calls: int | None = Field(default=None, ge=0)
    """Most tool calls of all agents together."""
    prompt_tokens: int | None = Field(default=None, ge=0)
    """Most prompt tokens of all model calls together."""
    completion_tokens: int | None = Field(default=None, ge=0)
    """Most completion tokens of all model calls together."""
    cost_usd: float | None = Field(default=None, ge=0)
    """Most US dollars of all model calls together; an error where a price is unknown."""
    coordination_calls: int | None = Field(default=None, ge=0)
    """Most model calls of agents that only coordinate: selector, manager, synthesizer."""
    coordination_tokens: int | None = Field(default=None, ge=0)
    """Most prompt and completion tokens of those calls."""
    seconds: float | None = Field(default=None, gt=0)
    """Longest wall time of the trial, in seconds."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.model_fields_set <= {"id", "type"}:
            raise ValueError("asks nothing; give model_calls, tool_calls, seconds, ...")
        return self


class MemoryUsedCheck(Check):
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


class GapReportedCheck(Check):
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


class ApprovalCheck(Check):
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


CheckSpec = Annotated[
    ContainsCheck | RegexCheck | JsonSchemaCheck | NumericCheck | ToolsCalledCheck
    | MailSentCheck | LimitsCheck | MemoryUsedCheck | SameToolCallsCheck | SameAnswerCheck
    | GapReportedCheck | ApprovalCheck | SimilarityCheck | SqlCheck | EndStateCheck
    | NoDuplicatesCheck | PermissionCheck | PathCheck | CitationsCheck | ConfidenceCheck
    | PythonCheck | JudgeCheck,
    Field(discriminator="type"),
]
