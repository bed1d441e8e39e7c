"""Asks the tool servers of a scenario what they offer, before any trial runs."""

from agentdyno.core.errors import DynoError, Problem
from agentdyno.core.yamlfile import YamlDocument, load_yaml
from agentdyno.experiments.lockedserver import make_locked
from agentdyno.scenarios.approvalrefs import approval_tools
from agentdyno.scenarios.loader import FILE, LoadedScenario
from agentdyno.scenarios.paths import shown
from agentdyno.tools.catalogue import Tools, dangling, servers_named
from agentdyno.tools.gateway import ToolGateway


async def tool_problems(gateway: ToolGateway, loaded: LoadedScenario) -> list[Problem]:
    """Return a problem for every tool that an agent or the approvals name and no server offers, and
    for every server that cannot be started; servers that trials share stay up for them."""
    path = loaded.folder / FILE
    document = load_yaml(path, shown(path))
    named = servers_named(tool for agent in loaded.agents for tool in agent.tools)
    servers = loaded.scenario.mcpServers
    problems = []
    known: dict[str, Tools] = {}
    for name in named:
        try:
            await make_locked(servers[name])
            known |= await gateway.catalogue({name: servers[name]}, loaded.folder)
        except DynoError as error:
            problems.append(document.problem(("mcpServers", name), str(error)))
    return problems + [
        document.problem(_key(document, agent.name), problem)
        for agent in loaded.agents
        for problem in dangling(
            [tool for tool in agent.tools if tool.partition(".")[0] in known], known
        )
    ] + [
        document.problem(place, problem)
        for place, tool in approval_tools(document) if tool.partition(".")[0] in known
        for problem in dangling([tool], known)
    ]


def _key(document: YamlDocument, agent: str) -> tuple[str, ...]:
    """Return where the agent's tools are written: its own line when the archetype gives them."""
    own = document.data["agents"].get(agent) or {}
    return ("agents", agent, "tools") if "tools" in own else ("agents", agent)
