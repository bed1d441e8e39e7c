"""Which patterns the langgraph adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, composed, native

_AGENT = "langchain.agents.create_agent"
_GRAPH = "langgraph.graph.StateGraph"

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent with its tools", _AGENT),
        "pipeline": native("edges between agents as nodes", _GRAPH, _AGENT),
        "round_robin": composed(
            "a ring of agents as nodes whose conditional edges look for the stop, on one list of"
            " messages", _GRAPH, _AGENT,
        ),
        "selector": composed(
            "a node that asks the selector's model for structured output and goes to whom it names"
            " by Command", _GRAPH, "langgraph.types.Command", _AGENT,
        ),
        "supervisor": native(
            "create_supervisor with one agent per worker and its transfer tools",
            "langgraph_supervisor.create_supervisor", _AGENT,
        ),
        "handoff": native(
            "create_swarm, each agent with a handoff tool per colleague",
            "langgraph_swarm.create_swarm", "langgraph_swarm.create_handoff_tool", _AGENT,
        ),
        "reflection": native(
            "a cycle of two nodes that a conditional edge leaves", _GRAPH, _AGENT,
        ),
        "parallel": native(
            "Send to every agent, and an edge from all of them to the synthesizer", _GRAPH,
            "langgraph.types.Send", _AGENT,
        ),
        "dag": native(
            "agents as nodes, plain edges that wait for each other, conditional edges, and Command"
            " at the end of a loop", _GRAPH, "langgraph.types.Command", _AGENT,
        ),
    },
    hook="nodes of the graph and their conditional edges; AgentMiddleware in a swarm",
)
