"""Bare LangGraph: a fresh agent graph per trial, one shared HTTP client."""

from functools import cache

from bare_loop import QUESTION, TURNS, add, main
from langchain.agents import create_agent
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI


@cache
def model(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="default", base_url=url, api_key="x", max_retries=0)


async def trial(url: str, tool: bool) -> str:
    graph = create_agent(model(url), [as_tool(add)] if tool else [], system_prompt="Be brief.")
    if tool:
        state = await graph.ainvoke({"messages": [("user", QUESTION)]})
        return state["messages"][-1].content
    state = await graph.ainvoke({"messages": [("user", TURNS[0])]})
    state = await graph.ainvoke({"messages": [*state["messages"], ("user", TURNS[1])]})
    return state["messages"][-1].content


main(trial)
