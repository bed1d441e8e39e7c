"""Which patterns the crewai adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("Agent.kickoff_async", "crewai.Agent"),
        "pipeline": native(
            "Process.sequential, one task for each step", "crewai.Crew", "crewai.Task",
        ),
    },
    hook="callbacks of tasks",
)
