"""`SCENARIO.ARRANGEMENT`: a scenario with another pattern in the place of its own."""

from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.scenario import Scenario
from agentdyno.core.yamlproblem import nearest
from agentdyno.scenarios.cases import changed_checks


def arranged(scenario: Scenario, name: str) -> Scenario:
    """Return `scenario` in its arrangement `name`, named `SCENARIO.ARRANGEMENT`.

    Raises:
        UsageError: it has no such arrangement.
    """
    other = scenario.arrangements.get(name)
    if other is None:
        there = ", ".join(scenario.arrangements) or "none"
        raise UsageError(
            f"scenario {scenario.name!r} has no arrangement {name!r}"
            f"{nearest(name, scenario.arrangements)}; it has: {there}",
            "agentdyno list scenarios",
        )
    agents = scenario.agents | {
        agent: _changed(scenario.agents.get(agent), change)
        for agent, change in other.agents.items()
    }
    return scenario.model_copy(update={
        "name": f"{scenario.name}.{name}", "title": other.title or scenario.title,
        "pattern": other.pattern, "agents": agents, "arrangements": {},
        "script": other.script or scenario.script, "limits": other.limits or scenario.limits,
        "checks": changed_checks(scenario.checks, other.checks, other.without_checks),
    })


def _changed(agent: AgentOverride | None, change: AgentOverride) -> AgentOverride:
    if agent is None:
        return change
    return agent.model_copy(update={
        key: getattr(change, key) for key in change.model_fields_set
    })
