"""Which patterns the windmill adapter executes, and with what of the framework."""

from agentdyno.runners.support import TeamWork, native

TEAMWORK = TeamWork(
    patterns={
        "single": native("an OpenFlow document with one aiagent module"),
        "pipeline": native("aiagent modules in order, joined by javascript input transforms"),
    },
    hook="ends of modules, as the engine tells them",
)
