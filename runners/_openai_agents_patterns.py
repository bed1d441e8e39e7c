"""Which patterns the openai_agents adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, composed, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent, run", "agents.Agent", "agents.Runner"),
        "pipeline": composed(
            "Runner.run after Runner.run in code, handing on to_input_list()", "agents.Runner",
        ),
    },
    hook="results of `Runner.run`",
)
