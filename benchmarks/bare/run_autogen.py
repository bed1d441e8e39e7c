"""Bare AutoGen: a fresh agent per trial, one shared model client."""

from functools import cache

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from bare_loop import QUESTION, TURNS, add, main

INFO = {
    "vision": False, "function_calling": True, "json_output": True, "structured_output": True,
    "family": "unknown", "multiple_system_messages": True,
}


@cache
def client(url: str) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient(
        model="default", model_info=INFO, base_url=url, api_key="x", max_retries=0
    )


async def trial(url: str, tool: bool) -> str:
    agent = AssistantAgent(
        "solver", client(url), tools=[add] if tool else [], system_message="Be brief.",
        max_tool_iterations=5,
    )
    for turn in (QUESTION,) if tool else TURNS:
        result = await agent.run(task=turn)
    return result.messages[-1].content


main(trial)
