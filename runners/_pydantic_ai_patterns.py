"""Which patterns the pydantic_ai adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, composed, native

_AGENT = "pydantic_ai.Agent"
_GRAPH = "pydantic_graph.GraphBuilder"

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent, run", _AGENT),
        "pipeline": composed(
            "Agent.run after Agent.run in code, handing on message_history", _AGENT,
        ),
        "round_robin": composed(
            "Agent.run after Agent.run in code, each on a history of its own, prompted with what"
            " the others said since", _AGENT,
        ),
        "selector": composed(
            "the selector's Agent.run with a Literal of the names as output_type before each"
            " speaker's", _AGENT,
        ),
        "supervisor": native(
            "agent delegation: a tool of the manager per worker, which runs the worker's agent",
            _AGENT, "pydantic_ai.Tool",
        ),
        "handoff": native(
            "an output function per colleague, which runs the colleague's agent", _AGENT,
            "pydantic_ai.ToolOutput",
        ),
        "reflection": native(
            "a graph of two steps and a decision that leads back", _GRAPH,
            "pydantic_graph.Decision", _AGENT,
        ),
        "parallel": native(
            "a graph that forks to a step per agent and joins before the synthesizer's", _GRAPH,
            "pydantic_graph.Join", _AGENT,
        ),
        "dag": native(
            "a graph with a step per agent, forks, joins and decisions", _GRAPH,
            "pydantic_graph.Decision", "pydantic_graph.Join", _AGENT,
        ),
    },
    hook="results of `Agent.run`, steps of a graph, functions of tools and outputs",
)
