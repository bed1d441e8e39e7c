"""supervisor in LangGraph: `create_supervisor` as it ships.

The manager has a tool `transfer_to_WORKER` without arguments for each worker: what is to be done is
what it says beside the call. A worker sees the whole conversation: the task, what the manager said,
and the last text of every worker before it. The manager sees of a worker its last text. It is asked
for one call at a time, as create_supervisor does by default: of two transfers in one turn, from a
model that does not care, one is carried out.

LangGraph ends a run at an exception in a node. Each worker is a graph whose node has an error
handler, LangGraph's own way of going on, so that the manager hears of a failure and of a limit.
"""

from typing import Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.errors import GraphRecursionError, NodeError
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph_supervisor import create_handoff_tool, create_supervisor

from agentdyno.core.pattern import Supervisor
from agentdyno.runners._langgraph_parts import Play, Seat, consult


def supervisor(seats: dict[str, Seat], pattern: Supervisor) -> Any:
    """Return the graph of a manager and its workers."""
    manager = seats[pattern.manager]
    # Given here, because create_supervisor would make them in the order of a set.
    tools = [*manager.tools, *(create_handoff_tool(agent_name=name) for name in pattern.workers)]
    return create_supervisor(
        [_worker(seats[name], pattern.manager) for name in pattern.workers],
        model=manager.model, tools=tools, prompt=manager.spec.instructions,
        supervisor_name=pattern.manager, pre_model_hook=_limit(manager), context_schema=Play,
    ).compile()


def _limit(manager: Seat) -> Any:
    """Return the hook that holds the manager to its turns, over all of its tasks."""

    def hook(state: MessagesState, runtime: Runtime[Play]) -> dict[str, Any]:
        play, most = runtime.context, manager.spec.max_turns
        if play.manager_calls >= most:
            raise GraphRecursionError(f"{manager.spec.name}: {most} model calls and no answer")
        play.manager_calls += 1
        return {"llm_input_messages": state["messages"]}

    return hook


def _worker(seat: Seat, manager: str) -> Any:
    name = seat.spec.name

    async def work(state: MessagesState, runtime: Runtime[Play]) -> dict[str, Any]:
        teller = runtime.context.teller
        teller.step("delegated", _task(state["messages"]), agent=manager, to=name)
        text, added = await consult(seat, state["messages"])
        teller.said(name, text, (manager,))
        teller.step("returned", "", agent=name, to=manager)
        return {"messages": added}

    def failed(
        state: MessagesState, error: NodeError, runtime: Runtime[Play]
    ) -> dict[str, Any]:
        reason = f"{name} failed: {type(error.error).__name__}: {error.error}"
        runtime.context.teller.step("returned", reason, agent=name, to=manager)
        return {"messages": [AIMessage(reason, name=name)]}

    builder = StateGraph(MessagesState, context_schema=Play)
    builder.add_node(name, work, error_handler=failed)
    builder.add_edge(START, name)
    return builder.compile(name=name)


def _task(messages: list[AnyMessage]) -> str:
    """Return what the manager said beside its call."""
    calling = (m for m in reversed(messages) if isinstance(m, AIMessage) and m.tool_calls)
    return next((message.text for message in calling), "")
