"""Run by the autogen environment: each function holds while the adapter still needs its trick."""

import asyncio
import gc
import inspect
import weakref
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
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
