"""Which patterns the langgraph adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent with its tools", "langchain.agents.create_agent"),
        "pipeline": native(
            "edges between agents as nodes", "langgraph.graph.StateGraph",
            "langchain.agents.create_agent",
        ),
    },
    hook="nodes of the graph",
)
