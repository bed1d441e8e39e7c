"""OpenFlow documents: read laxly as Windmill reads them, refused early where we cannot run them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from agentdyno.core.errors import DynoError
from agentdyno.runners.openflow.ids import with_ids
from agentdyno.runners.openflow.refusals import refusals

JsonObject = dict[str, Any]


class FlowDocumentError(DynoError):
    """The document cannot be run; every problem in it is listed."""

    exit_code = 4

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(
            "the flow was refused before anything ran:\n" + "\n".join(f"- {p}" for p in problems),
            "change the flow document, or run it on a Windmill server",
        )


class Lax(BaseModel):
    """Ignores unknown keys, and takes an explicit null for an absent key."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        return {key: value for key, value in raw.items() if value is not None}


class Static(Lax):
    """A constant input."""

    type: Literal["static"] = "static"
    value: Any = None
    """The constant; null when absent."""


class Javascript(Lax):
    """An input computed when the step starts."""

    type: Literal["javascript"]
    expr: str = ""
    """JavaScript expression, or statements that return."""


def _plain_is_static(raw: Any) -> Any:
    return raw if isinstance(raw, dict) else {"type": "static", "value": raw}


Transform = Annotated[
    Annotated[Static | Javascript, Field(discriminator="type")], BeforeValidator(_plain_is_static)
]


class Predicate(Lax):
    """A JavaScript expression that is read as true or false."""

    expr: str


class StopAfterIf(Predicate):
    """Ends the enclosing flow, or loop, after a step that succeeded."""

    skip_if_stopped: bool = False
    """Mark the flow as skipped instead of successful."""
    error_message: str | None = None
    """Fail the flow with this message; "" stands for the expression."""


class Mock(Lax):
    """A result that replaces running the step."""

    enabled: bool = False
    return_value: Any = None


class ConstantRetry(Lax):
    """The first retries, all after the same delay."""

    attempts: int = Field(default=0, ge=0)
    seconds: float = Field(default=0, ge=0)


class ExponentialRetry(Lax):
    """The retries after the constant ones."""

    attempts: int = Field(default=0, ge=0)
    multiplier: float = Field(default=1, ge=0)
    seconds: float = Field(default=0, ge=0)
    random_factor: int = Field(default=0, ge=0, le=100)
    """Upper bound of the jitter, in percent of the delay."""

    @model_validator(mode="after")
    def _needs_a_base(self) -> "ExponentialRetry":
        if self.attempts and not self.seconds:
            raise ValueError("exponential.seconds must be above 0 when attempts are asked for")
        return self


class Retry(Lax):
    """How often a failed step is run again."""

    constant: ConstantRetry = ConstantRetry()
    exponential: ExponentialRetry = ExponentialRetry()
    retry_if: Predicate | None = None
    """Sees `result` and `error`; retries end when it is false."""


class Identity(Lax):
    """Returns the previous result."""

    type: Literal["identity"]


class McpTool(Lax):
    """Tools of one MCP server, offered to an agent."""

    tool_type: Literal["mcp"]
    resource_path: str
    """Path of the resource that holds the server's address."""
    include_tools: tuple[str, ...] = ()
    """Tools to offer; all when empty."""
    exclude_tools: tuple[str, ...] = ()
    """Tools to leave out."""


class AgentTool(Lax):
    """One entry of an agent's `tools`."""

    id: str = ""
    summary: str = ""
    value: McpTool


class AiAgent(Lax):
    """A step in which a language model works with tools."""

    type: Literal["aiagent"]
    input_transforms: dict[str, Transform] = Field(default_factory=dict)
    tools: tuple[AgentTool, ...] = ()
    parallel: bool | None = None
    """Whether several tool calls may run at once; null leaves the model's default."""


class Branch(Lax):
    """A body with the condition that chooses it."""

    expr: str = "false"
    modules: tuple["Module", ...] = ()


class BranchOne(Lax):
    """Runs the first body whose condition is true."""

    type: Literal["branchone"]
    branches: tuple[Branch, ...] = ()
    default: tuple["Module", ...] = ()


class ForLoop(Lax):
    """Runs its body once per item, one after the other."""

    type: Literal["forloopflow"]
    iterator: Transform
    modules: tuple["Module", ...] = ()
    skip_failures: bool = False


class Module(Lax):
    """One step of a flow."""

    id: str
    summary: str = ""
    value: Annotated[Identity | AiAgent | BranchOne | ForLoop, Field(discriminator="type")]
    skip_if: Predicate | None = None
    mock: Mock | None = None
    timeout: Transform | None = None
    """Seconds that one attempt may take."""
    retry: Retry = Retry()
    continue_on_error: bool = False
    stop_after_if: StopAfterIf | None = None


class FlowValue(Lax):
    """The steps of a flow."""

    modules: tuple[Module, ...] = ()
    failure_module: Module | None = None
    flow_env: JsonObject = Field(default_factory=dict)
    """Constants that expressions see as `flow_env`."""


class Flow(Lax):
    """A whole OpenFlow document."""

    summary: str = ""
    description: str = ""
    value: FlowValue
    input_schema: JsonObject = Field(default_factory=dict, alias="schema")


def parse(document: Any) -> Flow:
    """Read an OpenFlow document (JSON types).

    Raises:
        FlowDocumentError: it is malformed, or holds something that this engine does not execute.
    """
    problems = tuple(refusals(document))
    if problems:
        raise FlowDocumentError(problems)
    try:
        return Flow.model_validate(with_ids(document))
    except ValidationError as error:
        raise FlowDocumentError(tuple(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        )) from None
