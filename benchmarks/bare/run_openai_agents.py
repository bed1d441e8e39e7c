"""Bare OpenAI Agents SDK: a fresh agent per trial, one shared client."""

from functools import cache

from bare_loop import QUESTION, TURNS, add, main
from openai import AsyncOpenAI

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled

set_tracing_disabled(True)


@cache
def client(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=url, api_key="x", max_retries=0)


async def trial(url: str, tool: bool) -> str:
    model = OpenAIChatCompletionsModel(model="default", openai_client=client(url))
    tools = [function_tool(add)] if tool else []
    agent = Agent(name="solver", instructions="Be brief.", model=model, tools=tools)
    if tool:
        return (await Runner.run(agent, QUESTION)).final_output
    first = await Runner.run(agent, TURNS[0])
    turn = [*first.to_input_list(), {"role": "user", "content": TURNS[1]}]
    return (await Runner.run(agent, turn)).final_output


main(trial)
