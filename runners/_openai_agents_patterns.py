"""Which patterns the openai_agents adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, composed, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent, run", "agents.Agent", "agents.Runner"),
        "pipeline": composed(
            "Runner.run after Runner.run in code, handing on to_input_list()", "agents.Runner",
        ),
        "round_robin": composed(
            "Runner.run after Runner.run in code on one to_input_list(), until the word is said",
            "agents.Runner",
        ),
        "selector": composed(
            "an Agent that is asked for a name before each Runner.run, and code that reads it",
            "agents.Agent", "agents.Runner",
        ),
        "supervisor": native(
            "workers as tools of the manager, by Agent.as_tool", "agents.Agent",
            "agents.FunctionTool",
        ),
        "handoff": native("handoffs between agents", "agents.Agent", "agents.Handoff"),
        "reflection": composed(
            "the documented judge loop: Runner.run of writer and critic in turn, the critic's text"
            " given back as the user's feedback", "agents.Runner",
        ),
        "parallel": composed(
            "the documented fan-out in code: Runner.run side by side, then one on all the texts",
            "agents.Runner",
        ),
        "dag": composed(
            "the documented orchestration in code: Runner.run for each agent, branches and loops"
            " by what it said, parallel parts as tasks", "agents.Runner",
        ),
    },
    hook="`RunHooks`",
)
