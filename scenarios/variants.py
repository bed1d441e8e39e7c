"""`--variant NAME`: a scenario with what a variant changes in it."""

from collections.abc import Collection, Mapping

from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.scenario import Scenario
from agentdyno.core.variant import ALL, BASELINE, Variant
from agentdyno.core.yamlproblem import nearest


def varied(scenario: Scenario, variant: Variant) -> Scenario:
    """Return `scenario` with all that `variant` changes outside its agents."""
    return scenario.model_copy(update={
        "vars": scenario.vars | variant.vars,
        "models": scenario.models | variant.models,
        "pattern": variant.pattern or scenario.pattern,
        "limits": variant.limits or scenario.limits,
        "script": variant.script or scenario.script,
    })


def agent_layers(
    scenario: Scenario, name: str, variant: Variant, given: Mapping[str, AgentOverride]
) -> list[AgentOverride]:
    """Return the definition of agent `name` and what changes in it, in the order of application."""
    layers = [
        scenario.agents.get(name), variant.every_agent, variant.agents.get(name), given.get(name),
    ]
    return [layer for layer in layers if layer is not None]


def chosen(
    names: Collection[str], declared: Mapping[str, Variant], *, owner: str
) -> dict[str, Variant]:
    """Return the variants of `names` in that order; `all` is the baseline and every declared one.

    Args:
        owner: what declares them, for the message, such as `scenario 'x'`.

    Raises:
        UsageError: one of them is not declared.
    """
    wanted = [BASELINE, *declared] if ALL in names else list(dict.fromkeys(names))
    for name in wanted:
        if name != BASELINE and name not in declared:
            there = ", ".join([BASELINE, *declared])
            raise UsageError(
                f"{owner} has no variant {name!r}{nearest(name, declared)}; it has: {there}",
                "agentdyno run SCENARIO --variant all",
            )
    return {name: declared.get(name, Variant()) for name in wanted}


def unknown_agents(scenario: Scenario, changed: Collection[str], variant: Variant) -> list[str]:
    """Return those of `changed` that the team does not have once `variant` is applied."""
    team = pattern_agents(variant.pattern or scenario.pattern)
    return [name for name in changed if name not in team]
