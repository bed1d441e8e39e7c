"""Which patterns the autogen adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent with its tools", "autogen_agentchat.agents.AssistantAgent"),
        "pipeline": native(
            "a chain of edges", "autogen_agentchat.teams.GraphFlow",
            "autogen_agentchat.teams.DiGraphBuilder",
        ),
    },
    hook="messages of `run_stream`",
)
