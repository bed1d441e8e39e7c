"""Makes the team of a scenario: archetypes, the scenario's changes, then the variant's."""

from collections.abc import Mapping

from agentdyno.agents.factory import AgentFactory, AgentFault
from agentdyno.agents.library import AgentLibrary
from agentdyno.core.errors import Problem, UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.scenario import Scenario
from agentdyno.core.spec import AgentSpec
from agentdyno.core.variant import Variant
from agentdyno.core.yamlfile import YamlDocument
from agentdyno.scenarios.variants import agent_layers


def make_team(
    scenario: Scenario,
    document: YamlDocument,
    overrides: Mapping[str, AgentOverride],
    library: AgentLibrary,
    variant: Variant,
    problems: list[Problem],
    prompts: dict[str, str],
) -> tuple[AgentSpec, ...]:
    """Return the team; fills `prompts` with the texts that its instructions are rendered from."""
    names = pattern_agents(scenario.pattern)
    factory = AgentFactory(library)
    agents = []
    for name in names:
        layers = agent_layers(scenario, name, variant, overrides)
        if not layers:
            raise UsageError(
                f"the variant's pattern has the agent {name!r}, which neither scenario "
                f"{scenario.name!r} nor the variant defines.", f"add agents: {name}: to it",
            )
        try:
            prompts[name] = factory.prompt(layers, scenario.mcpServers)
            agents.append(factory.resolve(
                name, layers, vars=scenario.vars, team=names, servers=scenario.mcpServers,
                verbatim=scenario.verbatim,
            ).model_copy(update={"report_missing_tools": scenario.report_missing_tools}))
        except AgentFault as fault:
            problems.append(document.problem(("agents", name, fault.part), fault.message))
    return tuple(agents)
