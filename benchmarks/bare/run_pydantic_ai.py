"""Bare Pydantic AI: a fresh agent per trial, one shared client."""

from functools import cache

from bare_loop import QUESTION, TURNS, add, main
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


@cache
def client(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url, api_key="x", max_retries=0)


async def trial(url: str, tool: bool) -> str:
    model = OpenAIChatModel("default", provider=OpenAIProvider(openai_client=client(url)))
    agent = Agent(model, instructions="Be brief.", tools=[add] if tool else [])
    if tool:
        return (await agent.run(QUESTION)).output
    first = await agent.run(TURNS[0])
    return (await agent.run(TURNS[1], message_history=first.all_messages())).output


main(trial)
