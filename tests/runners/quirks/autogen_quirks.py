"""Run by the autogen environment: each function holds while the adapter still needs its trick."""

import asyncio
import gc
import inspect
import weakref
from typing import Any

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.conditions import FunctionalTermination, TextMentionTermination
from autogen_agentchat.messages import TextMessage, ToolCallExecutionEvent, ToolCallSummaryMessage
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow
from autogen_agentchat.tools import AgentTool
from autogen_core import CancellationToken
from autogen_core.models import FunctionExecutionResult
from autogen_ext.tools.mcp import McpSessionActor, McpWorkbench, StreamableHttpServerParams
from mcp.types import ListToolsResult

from agentdyno.runners._autogen_tools import _forget_at_exit

_PARAMS = StreamableHttpServerParams(url="http://127.0.0.1:9/mcp")


class _Actor:
    """Answers as the session actor does: with a coroutine, and never."""

    async def call(self, *_: Any) -> Any:
        return asyncio.sleep(60)


class _Listing:
    """Offers no tools, and counts how often it was asked."""

    asked = 0

    async def call(self, *_: Any) -> Any:
        self.asked += 1
        return asyncio.sleep(0, ListToolsResult(tools=[]))


class _Speaker(BaseChatAgent):
    """Says its own name."""

    produced_message_types = (TextMessage,)

    async def on_messages(self, messages: Any, cancellation_token: CancellationToken) -> Response:
        return Response(chat_message=TextMessage(content=self.name, source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        return


def assistant_agent_has_no_setting_for_tool_choice() -> None:
    assert "tool_choice" not in inspect.signature(AssistantAgent.__init__).parameters


def workbench_links_a_coroutine_to_the_cancellation_token() -> None:
    async def cancel() -> None:
        workbench, token = McpWorkbench(_PARAMS), CancellationToken()
        workbench._actor = _Actor()
        call = asyncio.create_task(workbench.call_tool("any", {}, token))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        try:
            token.cancel()
        except AttributeError:
            return
        finally:
            call.cancel()
            workbench._actor = None
        raise AssertionError("the token cancels a tool call by itself now")

    asyncio.run(cancel())


def workbench_lists_its_tools_anew_each_time() -> None:
    actor = _Listing()

    async def list_twice() -> None:
        workbench = McpWorkbench(_PARAMS)
        workbench._actor = actor
        await workbench.list_tools()
        await workbench.list_tools()
        workbench._actor = None

    asyncio.run(list_twice())
    assert actor.asked == 2


def session_actor_is_never_freed_until_it_is_forgotten() -> None:
    actor = McpSessionActor(_PARAMS)
    seen = weakref.ref(actor)
    del actor
    gc.collect()
    kept = seen()
    assert kept is not None
    _forget_at_exit(kept)
    del kept
    gc.collect()
    assert seen() is None


def text_mention_termination_looks_into_tool_results() -> None:
    result = FunctionExecutionResult(content="42", name="evaluate", call_id="1", is_error=False)
    event = ToolCallExecutionEvent(content=[result], source="any")
    assert asyncio.run(TextMentionTermination("42")([event])) is not None


def graph_flow_has_no_event_for_a_node_that_is_entered() -> None:
    assert "emit_team_events" not in inspect.signature(GraphFlow.__init__).parameters


def graph_flow_shows_its_condition_the_last_of_those_side_by_side_alone() -> None:
    shown: list[list[str]] = []
    members = [_Speaker(name, "speaks") for name in ("east", "west", "joiner")]
    builder = DiGraphBuilder()
    for member in members:
        builder.add_node(member)
    for member in members[:2]:
        builder.add_edge(member, members[2])

    def look(messages: Any) -> bool:
        shown.append([message.source for message in messages])
        return False

    team = GraphFlow(members, builder.build(), termination_condition=FunctionalTermination(look))
    asyncio.run(team.run(task="any"))
    assert [sources for sources in shown if "user" not in sources] in ([["east"]], [["west"]])


def agent_tool_takes_a_limit_for_an_answer() -> None:
    summary = ToolCallSummaryMessage(content="raw", source="any", tool_calls=[], results=[])
    tool = AgentTool(_Speaker("any", "speaks"))
    assert tool.return_value_as_string(TaskResult(messages=[summary])) == "any: raw"
