"""Where releases of CrewAI differ for the adapter: every such difference, and only here.

Each is asked of the installed release and not of its number, since the releases between the two
that were tried (1.14.3 and 1.15.30) took over one after the other. What an older release cannot do
is done its own way and printed in the parity manifest.
"""

from collections.abc import Callable, Coroutine, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

from crewai import Agent, Crew
from crewai.agent import core
from crewai.lite_agent_output import LiteAgentOutput
from crewai.llms.providers.openai.completion import OpenAICompletion

from agentdyno.core.trial import Setting

if TYPE_CHECKING:
    from mcp.types import CallToolResult

CallT = TypeVar("CallT", bound=Callable[..., Any])
AnswerT = TypeVar("AnswerT", bound=Callable[..., Coroutine[Any, Any, Any]])

JOINS_BLOCKS = find_spec("crewai.mcp.content") is not None
"""Before, CrewAI's MCP client gave the model the first content block of a result, and no other."""
KNOWS_FAILURES = find_spec("crewai.tools.tool_failure") is not None
"""Before, a tool had no way to say that it failed: the model is told in either case."""
RETRIES_RATE_LIMITS = find_spec("crewai.llms.retry") is not None
"""Before, there was no loop of attempts around a model call."""
AS_SHIPPED = (
    f"2 by the openai client{' x 3 attempts at a 429' * RETRIES_RATE_LIMITS} x 3 attempts at a task"
)
KEEPS_ROLES = hasattr(core, "_request_index")
"""Before, `Agent.kickoff` took texts alone, and joined them into one message of the user's."""
HOLDS_THE_LOOP = Agent.model_fields["executor_class"].default.__name__ == "CrewAgentExecutor"
"""That executor awaits models, but runs tools in the loop's own thread, where none could answer."""
MODEL_OPTIONS: dict[str, Any] = (
    {"custom_openai": True} if "custom_openai" in OpenAICompletion.model_fields else {}
)
"""Before, `base_url` was enough, and an option that the client does not know went on the wire."""

_CREWS = ("pipeline", "supervisor", "parallel")
"""Patterns that a crew plays; the others are agents that are given messages."""
_CONVERSATION = Setting(
    name="conversation", requested="messages with roles", effective="one text",
    note="this release of CrewAI joins the texts of earlier turns into one message of the user's,"
    " and takes along neither tool calls nor their results",
)
_CREW = Setting(
    name="crew", requested="akickoff", effective="kickoff_async",
    note="akickoff of this release runs tools in the event loop's thread and so stops the loop;"
    " the crew runs in a thread of its own",
)
_BLOCKS = Setting(
    name="tool_results", requested="all content blocks", effective="first content block",
    note="this release of CrewAI drops the other ones",
)


def rows_of(pattern: str) -> tuple[Setting, ...]:
    """Return what the installed release cannot do in the pattern of that name."""
    rows = {_BLOCKS: JOINS_BLOCKS}
    rows |= {_CREW: not HOLDS_THE_LOOP} if pattern in _CREWS else {_CONVERSATION: KEEPS_ROLES}
    return tuple(row for row, able in rows.items() if not able)


def carried(before: Sequence[Any], request: Any, output: LiteAgentOutput) -> list[Any]:
    """Return the messages to give to `Agent.kickoff` before the next user turn."""
    answer = {"role": "assistant", "content": output.raw}
    if not KEEPS_ROLES:
        return [*before, request, answer]
    kept = [message for message in output.messages if message["role"] != "system"]
    # An agent without tools leaves its own answer out of its messages.
    return kept if kept[-1]["role"] == "assistant" else [*kept, answer]


async def kickoff(crew: Crew) -> Any:
    """Run `crew` the way that leaves the event loop free."""
    return await (crew.kickoff_async() if HOLDS_THE_LOOP else crew.akickoff())


def tool_answer(tool: str, result: "CallToolResult") -> Any:
    """Return `result` as CrewAI's own MCP client hands it to an agent."""
    text = _text(result)
    if not (KNOWS_FAILURES and result.isError):
        return text
    from crewai.tools.tool_failure import ToolFailure, ToolFailureReason

    return ToolFailure(message=text, reason=ToolFailureReason.MCP_ERROR, details={"tool": tool})


def _text(result: "CallToolResult") -> str:
    if JOINS_BLOCKS:
        from crewai.mcp.content import content_blocks_to_text

        return str(content_blocks_to_text(result.content))
    if not result.content:
        return str(result)
    return str(getattr(result.content[0], "text", result.content[0]))


def tried_within(call: CallT) -> CallT:
    """Mark `call`, which awaits `acall`: the loop of attempts belongs there, and not around both.

    Around `call` each attempt would count as a turn.
    """
    call._crewai_rate_limit_wrapped = True  # type: ignore[attr-defined]
    return call


def once(acall: AnswerT) -> AnswerT:
    """Return `acall` without CrewAI's loop of attempts, which no setting reaches.

    The result must be awaited in a task of its own.
    """
    if not RETRIES_RATE_LIMITS:
        return acall
    from crewai.llms import retry

    async def alone(*args: Any, **options: Any) -> Any:
        # As within such a loop: CrewAI does not nest them.
        retry._active_llm_rate_limit_retry.set(True)
        return await acall(*args, **options)

    return cast(AnswerT, alone)
