"""Graphs of agents in LangGraph: lines, cycles, and work side by side.

pipeline    Each sees the task and all that those before it said and called.
reflection  Writer and critic share one list of messages, each seeing the other's texts as messages
            of a user with its name, and its tool calls.
parallel    Each agent sees the task alone; the synthesizer sees the task and the texts, no calls.
"""

from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from agentdyno.core.pattern import Parallel, Pipeline, Reflection
from agentdyno.runners._langgraph_parts import Play, Seat, Work, consult, node

COLLECTED = "{name}:\n{text}"
"""How each text is given to the synthesizer."""


def pipeline(seats: dict[str, Seat], pattern: Pipeline) -> Any:
    """Return the graph of agents in a line."""
    builder = StateGraph(MessagesState, context_schema=Play)
    previous = START
    for number, name in enumerate(pattern.steps):
        place = name if name not in pattern.steps[:number] else f"{name}_{number}"
        builder.add_node(place, _station(seats[name], place))
        builder.add_edge(previous, place)
        previous = place
    return builder.compile()


def _station(seat: Seat, place: str) -> Any:
    async def work(state: MessagesState, runtime: Runtime[Play]) -> dict[str, Any]:
        runtime.context.teller.step("node", place, agent=seat.spec.name)
        text, added = await consult(seat, state["messages"])
        runtime.context.teller.said(seat.spec.name, text)
        return {"messages": added}

    return work


def reflection(seats: dict[str, Seat], pattern: Reflection) -> Any:
    """Return the graph of a writer and a critic."""
    writer, critic = pattern.writer, pattern.critic
    write = node(seats[writer], (critic,))

    async def begin(state: Work, runtime: Runtime[Play]) -> Any:
        number = 1 + _texts_of(state, writer)
        runtime.context.teller.step("round", f"round {number}", round=number)
        return await write(state, runtime)

    def judge(state: Work, runtime: Runtime[Play]) -> str:
        if pattern.approval in state["said"][-1][1]:
            runtime.context.teller.step("stopped", "approval", agent=critic)
        elif _texts_of(state, writer) >= pattern.max_rounds:
            runtime.context.teller.step("stopped", "max_rounds")
        else:
            return writer
        return END

    builder = StateGraph(Work, context_schema=Play)
    builder.add_node(writer, begin)
    builder.add_node(critic, node(seats[critic], (writer,)))
    builder.add_edge(START, writer)
    builder.add_edge(writer, critic)
    builder.add_conditional_edges(critic, judge, [writer, END])
    return builder.compile()


def _texts_of(state: Work, name: str) -> int:
    return sum(speaker == name for speaker, _ in state["said"])


def parallel(seats: dict[str, Seat], pattern: Parallel) -> Any:
    """Return the graph that fans out to all agents and ends in one."""
    synthesizer = seats[pattern.synthesizer]

    def fan_out(state: Work) -> list[Send]:
        return [Send(name, {"messages": state["messages"]}) for name in pattern.agents]

    async def join(state: Work, runtime: Runtime[Play]) -> dict[str, Any]:
        name, teller = pattern.synthesizer, runtime.context.teller
        teller.step("node", name, agent=name)
        texts = dict(state["said"])
        collected = [
            HumanMessage(COLLECTED.format(name=agent, text=texts[agent]), name=agent)
            for agent in pattern.agents
        ]
        task = [message for message in state["messages"] if message.name is None]
        text, _ = await consult(synthesizer, [*task, *collected])
        teller.said(name, text)
        return {"said": [(name, text)]}

    builder = StateGraph(Work, context_schema=Play)
    for name in pattern.agents:
        builder.add_node(
            name, node(seats[name], (pattern.synthesizer,), staged=True, shared=False)
        )
    builder.add_node(pattern.synthesizer, join)
    builder.add_conditional_edges(START, fan_out, list(pattern.agents))
    builder.add_edge(list(pattern.agents), pattern.synthesizer)
    builder.add_edge(pattern.synthesizer, END)
    return builder.compile()
