"""Which patterns the autogen adapter executes, and with what of the framework."""

from collections.abc import Sequence

from agentdyno.core.pattern import Dag, Pattern
from agentdyno.core.spec import AgentSpec
from agentdyno.runners._autogen_joins import Joins
from agentdyno.runners.support import TeamWork, native

_TEAMS = "autogen_agentchat.teams"
_CONDITIONS = "autogen_agentchat.conditions"


def _refuses(pattern: Pattern, agents: Sequence[AgentSpec]) -> str | None:
    unclear = Joins(pattern).unclear if isinstance(pattern, Dag) else []
    if not unclear:
        return None
    return (
        f"GraphFlow cannot have {unclear[0]!r} wait, inside a loop, for a parallel branch that ends"
        " in one of several agents: its activation groups are alternatives that would share agents"
    )


TEAMWORK = TeamWork(
    patterns={
        "single": native("one agent with its tools", "autogen_agentchat.agents.AssistantAgent"),
        "pipeline": native(
            "a chain of edges", f"{_TEAMS}.GraphFlow", f"{_TEAMS}.DiGraphBuilder",
        ),
        "round_robin": native(
            "a RoundRobinGroupChat with a TextMentionTermination",
            f"{_TEAMS}.RoundRobinGroupChat", f"{_CONDITIONS}.TextMentionTermination",
        ),
        "selector": native(
            "a SelectorGroupChat with a model client of the selector's own",
            f"{_TEAMS}.SelectorGroupChat", f"{_CONDITIONS}.TextMentionTermination",
        ),
        "supervisor": native(
            "an AssistantAgent whose workers are each an AgentTool",
            "autogen_agentchat.tools.AgentTool", "autogen_agentchat.agents.AssistantAgent",
        ),
        "handoff": native(
            "a Swarm that hands over by Handoff tools",
            f"{_TEAMS}.Swarm", "autogen_agentchat.base.Handoff",
        ),
        "reflection": native(
            "a RoundRobinGroupChat of two that a TextMentionTermination on the critic ends",
            f"{_TEAMS}.RoundRobinGroupChat", f"{_CONDITIONS}.TextMentionTermination",
        ),
        "parallel": native(
            "a GraphFlow in which every agent is a start and has an edge to the synthesizer",
            f"{_TEAMS}.GraphFlow", f"{_TEAMS}.DiGraphBuilder",
            "autogen_agentchat.agents.MessageFilterAgent",
        ),
        "dag": native(
            "a GraphFlow whose edges have conditions and activation groups",
            f"{_TEAMS}.GraphFlow", f"{_TEAMS}.DiGraphBuilder",
        ),
    },
    hook="messages and events of `run_stream`",
    refuses=_refuses,
)
