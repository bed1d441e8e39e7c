"""Which patterns the pydantic_ai adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, composed, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent, run", "pydantic_ai.Agent"),
        "pipeline": composed(
            "Agent.run after Agent.run in code, handing on message_history", "pydantic_ai.Agent",
        ),
    },
    hook="results of `Agent.run`",
)
