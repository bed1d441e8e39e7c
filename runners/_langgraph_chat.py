"""Group chats in LangGraph: agents take turns on one list of messages until the stop.

round_robin  Nodes in a ring. Everybody sees everything: the task, and all that the others said and
             called, their texts as messages of users with their names.
selector     A node chooses who is next, and control comes back to it. The selector's model sees its
             instructions, the team, and the same list.
"""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from agentdyno.core.pattern import RoundRobin, Selector
from agentdyno.runners._langgraph_parts import Play, Seat, Work, heard, node

ATTEMPTS = 3
"""How often the selector is asked before the run fails."""
PROMPT = (
    "You choose who speaks next. The team:\n{team}\n\n"
    "Read the conversation, then select the next speaker: one of {names}."
)
"""Added to the selector's instructions."""


class NobodyChosen(Exception):
    """The selector's model named nobody who may speak, however often it was asked."""


def round_robin(seats: dict[str, Seat], pattern: RoundRobin) -> Any:
    """Return the graph of a group chat in fixed order."""
    builder = StateGraph(Work, context_schema=Play)
    builder.add_edge(START, pattern.agents[0])
    following = (*pattern.agents[1:], pattern.agents[0])
    for name, after in zip(pattern.agents, following, strict=True):
        builder.add_node(name, node(seats[name]))
        builder.add_conditional_edges(name, _until(pattern, after), [after, END])
    return builder.compile()


def selector(seats: dict[str, Seat], pattern: Selector) -> Any:
    """Return the graph of a group chat whose next speaker a model chooses."""
    builder = StateGraph(Work, context_schema=Play)
    builder.add_node(pattern.selector, _chooser(seats, pattern), destinations=pattern.agents)
    builder.add_edge(START, pattern.selector)
    for name in pattern.agents:
        builder.add_node(name, node(seats[name]))
        builder.add_conditional_edges(
            name, _until(pattern, pattern.selector), [pattern.selector, END]
        )
    return builder.compile()


def _until(pattern: RoundRobin | Selector, after: str) -> Any:
    """Return the edge that ends the chat at its stop, and else leads to `after`."""

    def route(state: Work, runtime: Runtime[Play]) -> str:
        said, stop = state["said"], pattern.stop
        speaker, text = said[-1]
        if stop.text in text and (not stop.by or speaker in stop.by):
            runtime.context.teller.step("stopped", "text", agent=speaker)
        elif len(said) >= pattern.max_messages:
            runtime.context.teller.step("stopped", "max_messages")
        else:
            return after
        return END

    return route


def _chooser(seats: dict[str, Seat], pattern: Selector) -> Any:
    async def choose(state: Work, runtime: Runtime[Play]) -> Command[Any]:
        names = list(pattern.agents)
        if state["said"] and not pattern.allow_repeated_speaker:
            names.remove(state["said"][-1][0])
        chosen = await _ask(seats, pattern, names, state) if len(names) > 1 else names[0]
        runtime.context.teller.step(
            "selected", chosen, agent=pattern.selector, to=chosen
        )
        return Command(goto=chosen)

    return choose


async def _ask(
    seats: dict[str, Seat], pattern: Selector, names: list[str], state: Work
) -> str:
    seat = seats[pattern.selector]
    team = "\n".join(
        f"- {name}: {seats[name].spec.role}. {seats[name].spec.goal}" for name in names
    )
    asked = PROMPT.format(team=team, names=", ".join(names))
    model = seat.model.with_structured_output(_choice(names), include_raw=True, strict=True)
    messages = [
        SystemMessage(f"{seat.spec.instructions}\n\n{asked}"),
        *heard(state["messages"], pattern.selector),
    ]
    for _ in range(min(ATTEMPTS, seat.spec.max_turns)):
        answer = await model.ainvoke(messages)
        parsed, raw = answer["parsed"], answer["raw"]
        chosen = parsed.get("next_speaker") if isinstance(parsed, dict) else None
        if chosen in names:
            return str(chosen)
        messages += [
            AIMessage(raw.text, name=pattern.selector),
            HumanMessage(f"That names none of {', '.join(names)}. Select the next speaker."),
        ]
    raise NobodyChosen(
        f"{pattern.selector} was asked {ATTEMPTS} times who speaks next and named none of"
        f" {', '.join(names)}; it said last: {raw.text!r}"
    )


def _choice(names: list[str]) -> dict[str, Any]:
    return {
        "title": "Choice", "description": "Who speaks next.", "type": "object",
        "properties": {"next_speaker": {"type": "string", "enum": names}},
        "required": ["next_speaker"], "additionalProperties": False,
    }
