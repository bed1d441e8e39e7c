"""OpenFlow documents: read laxly as Windmill reads them, refused early where we cannot run them."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from agentdyno.core.errors import DynoError
from agentdyno.runners.openflow.attributes import (
    JsonObject,
    Lax,
    Mock,
    Predicate,
    Retry,
    StopAfterIf,
    Suspend,
    ToolInput,
    Transform,
)
from agentdyno.runners.openflow.ids import with_ids
from agentdyno.runners.openflow.refusals import refusals


class FlowDocumentError(DynoError):
    """The document cannot be run; every problem in it is listed."""

    exit_code = 4

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__(
            "the flow was refused before anything ran:\n" + "\n".join(f"- {p}" for p in problems),
            "change the flow document, or run it on a Windmill server",
        )


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


class NestedAgent(Lax):
    """An agent that works when another one calls it, in a conversation of its own."""

    tool_type: Literal["flowmodule"]
    type: Literal["aiagent"]
    input_transforms: dict[str, ToolInput] = Field(default_factory=dict)
    """Its inputs; `user_message` may come from the model, all others come from the flow."""
    tools: tuple["McpTools", ...] = ()
    """Tools of its own; agents are not among them."""
    parallel: bool | None = None
    """As on a step."""


class McpTools(Lax):
    """An entry of `tools` that names an MCP server."""

    id: str = ""
    summary: str = ""
    value: McpTool


def _flowmodule(raw: Any) -> Any:
    return {"tool_type": "flowmodule", **raw} if isinstance(raw, dict) else raw


class AgentTool(Lax):
    """One entry of an agent's `tools`."""

    id: str = ""
    summary: str = ""
    """What the model knows the tool as, where it is no MCP server."""
    description: str = ""
    """What the model is told that the tool does; its name when empty."""
    value: Annotated[
        Annotated[McpTool | NestedAgent, Field(discriminator="tool_type")],
        BeforeValidator(_flowmodule),
    ]


class AiAgent(Lax):
    """A step in which a language model works with tools."""

    type: Literal["aiagent"]
    input_transforms: dict[str, Transform] = Field(default_factory=dict)
    tools: tuple[AgentTool, ...] = ()
    """What it may call: MCP servers, and agents."""
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


class ParallelBranch(Lax):
    """One body of a branchall."""

    skip_failure: bool = False
    """Whether the others count as a success without it."""
    modules: tuple["Module", ...] = ()


class BranchAll(Lax):
    """Runs all bodies; the result is an array in their order."""

    type: Literal["branchall"]
    branches: tuple[ParallelBranch, ...] = ()
    parallel: bool = True
    """Whether they run side by side; else the first failure ends it."""


class ForLoop(Lax):
    """Runs its body once per item; the result is an array in the items' order."""

    type: Literal["forloopflow"]
    iterator: Transform
    modules: tuple["Module", ...] = ()
    skip_failures: bool = False
    parallel: bool = False
    """Whether iterations run side by side, each with a table of results of its own."""
    parallelism: Transform | None = None
    """How many run at the same time; all when null."""


class WhileLoop(Lax):
    """Runs its body until a stop or a failure."""

    type: Literal["whileloopflow"]
    modules: tuple["Module", ...] = ()
    skip_failures: bool = False


class SubFlow(Lax):
    """Runs another flow, with arguments and a table of results of its own."""

    type: Literal["flow"]
    path: str
    input_transforms: dict[str, Transform] = Field(default_factory=dict)


class RawScript(Lax):
    """Runs a function that stands in the document."""

    type: Literal["rawscript"]
    language: str
    content: str
    input_transforms: dict[str, Transform] = Field(default_factory=dict)
    """Arguments of `main`, by parameter."""


Kind = (
    Identity | RawScript | AiAgent | BranchOne | BranchAll | ForLoop | WhileLoop | SubFlow
)
"""What a module may be."""


class Module(Lax):
    """One step of a flow."""

    id: str
    summary: str = ""
    value: Annotated[Kind, Field(discriminator="type")]
    skip_if: Predicate | None = None
    mock: Mock | None = None
    timeout: Transform | None = None
    """Seconds that one attempt may take."""
    retry: Retry = Retry()
    continue_on_error: bool = False
    stop_after_if: StopAfterIf | None = None
    """On a sequential loop it is tested after each iteration, and ends the loop only."""
    stop_after_all_iters_if: StopAfterIf | None = None
    """Ends the flow after a loop or branchall whose array of results it holds for."""
    suspend: Suspend | None = None
    sleep: Transform | None = None
    """Seconds before the next module starts."""


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


def parse(document: Any, *, flows: Collection[str] = ()) -> Flow:
    """Read an OpenFlow document (JSON types); `flows` are paths of flows that it may call.

    Raises:
        FlowDocumentError: it is malformed, or holds something that this engine does not execute.
    """
    problems = tuple(refusals(document, flows))
    if problems:
        raise FlowDocumentError(problems)
    try:
        return Flow.model_validate(with_ids(document))
    except ValidationError as error:
        raise FlowDocumentError(tuple(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False)
        )) from None
