"""handoff in LangGraph: `create_swarm` as it ships.

Each agent has a tool `transfer_to_COLLEAGUE` without arguments for each colleague. All share one
list of messages: who is active sees everything that was said and called before, and its own calls
and those of the others alike. Of several transfers in one turn of a model the swarm carries out
one, and a transfer beside other calls loses their results.
"""

from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelCallLimitMiddleware
from langgraph_swarm import create_handoff_tool, create_swarm

from agentdyno.core.pattern import Handoff, pattern_agents
from agentdyno.runners._langgraph_parts import Play, Seat


class HandoffLimit(Exception):
    """Control passed as often as it may, and an agent wants to pass it once more."""


class _Watch(AgentMiddleware[Any, Any, Any]):
    """Tells what one agent says, and when control came to it, and counts the latter.

    Control comes with an agent's first model call: of several transfers in one turn of a model the
    swarm carries out one.
    """

    def __init__(self, name: str, most: int) -> None:
        super().__init__()
        self._agent = name
        self._most = most

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        play: Play = request.runtime.context
        if play.active != self._agent:
            if play.handoffs >= self._most:
                raise HandoffLimit(f"{play.active}: {self._most} handoffs and no answer")
            tool = f"transfer_to_{self._agent}"
            play.teller.step("handoff", tool, agent=play.active, to=self._agent)
            play.active, play.handoffs = self._agent, play.handoffs + 1
        response = await handler(request)
        message = response.result[-1]
        if not message.tool_calls:
            play.teller.said(self._agent, message.text)
        return response


def swarm_agent(seat: Seat, pattern: Handoff) -> Any:
    """Return one agent of a swarm, with its tools for passing control."""
    name = seat.spec.name
    passes = [create_handoff_tool(agent_name=to) for to in pattern.handoffs.get(name, ())]
    return create_agent(
        seat.model, [*seat.tools, *passes], system_prompt=seat.spec.instructions, name=name,
        context_schema=Play, middleware=[
            ModelCallLimitMiddleware(run_limit=seat.spec.max_turns, exit_behavior="error"),
            _Watch(name, pattern.max_handoffs),
        ],
    )


def swarm(seats: dict[str, Seat], pattern: Handoff) -> Any:
    """Return the graph of agents that pass control to each other."""
    return create_swarm(
        [seats[name].agent for name in pattern_agents(pattern)],
        default_active_agent=pattern.start, context_schema=Play,
    ).compile()
