"""Run by the autogen environment: each function holds while the adapter still needs its trick."""

import asyncio
import atexit
import inspect
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_ext.tools.mcp import McpSessionActor, McpWorkbench, StreamableHttpServerParams

from agentdyno.runners._autogen_parts import _forget_at_exit

_PARAMS = StreamableHttpServerParams(url="http://127.0.0.1:9/mcp")


class _Actor:
    """Answers as the session actor does: with a coroutine, and never."""

    async def call(self, *_: Any) -> Any:
        return asyncio.sleep(60)


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
    assert "cache" not in inspect.getsource(McpWorkbench.list_tools)


def session_actor_stays_in_atexit_until_it_is_forgotten() -> None:
    before = atexit._ncallbacks()
    actor = McpSessionActor(_PARAMS)
    assert atexit._ncallbacks() == before + 1
    _forget_at_exit(actor)
    # An unregistered callback leaves an empty slot, which counts: look for what it would call.
    called: list[int] = []
    actor._sync_shutdown = lambda: called.append(1)
    assert not called
