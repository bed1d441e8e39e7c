"""Bare CrewAI: a fresh agent, task and crew per user turn, the stock LLM class."""

from bare_loop import QUESTION, TURNS, add, main
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool as as_tool


async def trial(url: str, tool: bool) -> str:
    llm = LLM(model="default", custom_openai=True, base_url=url, api_key="x", max_retries=0)
    agent = Agent(
        role="solver", goal="Answer", backstory="Be brief.", llm=llm,
        tools=[as_tool("add")(add)] if tool else [],
    )
    for turn in (QUESTION,) if tool else TURNS:
        task = Task(description=turn, expected_output="A number.", agent=agent)
        result = await Crew(agents=[agent], tasks=[task], tracing=False).akickoff()
    return result.raw


main(trial)
