"""Which patterns the crewai adapter executes, and with what of the framework."""

from collections.abc import Sequence

from agentdyno.core.pattern import Pattern, Supervisor
from agentdyno.core.spec import AgentSpec
from agentdyno.runners.support import TeamWork, composed, native

_FLOW = ("crewai.flow.flow.Flow", "crewai.flow.flow.listen", "crewai.flow.flow.router")


def _refuses(pattern: Pattern, agents: Sequence[AgentSpec]) -> str | None:
    if not isinstance(pattern, Supervisor):
        return None
    team = {spec.name: spec for spec in agents}
    manager = team[pattern.manager]
    if manager.tools or manager.memory != "none":
        return (
            f"{manager.name} has tools, and a manager_agent of CrewAI must have none: a"
            " hierarchical crew raises 'Manager agent should not have tools'"
        )
    by_role: dict[str, str] = {}
    for name in pattern.workers:
        role = " ".join(team[name].role.split()).replace('"', "").casefold()
        if role in by_role:
            return (
                f"{by_role[role]} and {name} have the same role, and CrewAI's delegation tools"
                " know coworkers by their roles alone"
            )
        by_role[role] = name
    return None


TEAMWORK = TeamWork(
    patterns={
        "single": native("Agent.kickoff_async", "crewai.Agent"),
        "pipeline": native(
            "Process.sequential, one task for each step", "crewai.Crew", "crewai.Task",
        ),
        "round_robin": composed(
            "a Flow whose router gives the floor to the next Agent until the stop; CrewAI has no"
            " group chat", *_FLOW, "crewai.Agent",
        ),
        "selector": composed(
            "a Flow in which an Agent of its own names the next speaker, and a router ends it;"
            " CrewAI has no group chat", *_FLOW, "crewai.Agent",
        ),
        "supervisor": native(
            "Process.hierarchical with a manager_agent, who delegates by the tools of AgentTools",
            "crewai.Crew", "crewai.Process", "crewai.tools.agent_tools.agent_tools.AgentTools",
        ),
        "handoff": composed(
            "a Flow whose router passes control after a tool with result_as_answer was called;"
            " CrewAI has no handoff", *_FLOW, "crewai.Agent", "crewai.tools.BaseTool",
        ),
        "reflection": native(
            "a Flow with a router after the critic, CrewAI's self-evaluation loop", *_FLOW,
            "crewai.Agent",
        ),
        "parallel": native(
            "tasks with async_execution, and a last one with them for its context",
            "crewai.Crew", "crewai.Task",
        ),
        "dag": native(
            "a Flow made for the graph: a listener and a router for each agent, and_ where"
            " branches meet", *_FLOW, "crewai.flow.flow.and_", "crewai.Agent",
        ),
    },
    hook="callbacks of tasks, hooks around tool calls, and the methods of flows",
    refuses=_refuses,
)
