"""Writes the OpenFlow document of a team: what a Windmill user would write for the same work.

The flow runs once for each user turn, with `task` as its input and one `memory_id` for all turns.
"""

from agentdyno.core.pattern import (
    Dag,
    Handoff,
    Parallel,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Single,
    Supervisor,
)
from agentdyno.core.trial import Assignment
from agentdyno.runners.openflow.generate_chooser import selector_flow
from agentdyno.runners.openflow.generate_graph import dag_flow
from agentdyno.runners.openflow.generate_parts import (
    TASK,
    TeamFlow,
    agent_module,
    agent_tool,
    joined,
    side_by_side,
    unique_ids,
    wrote,
)
from agentdyno.runners.openflow.generate_talk import reflection_flow, round_robin_flow


def flow_for(assignment: Assignment) -> TeamFlow:
    """Return the flow that executes `assignment`.

    Raises:
        ValueError: it is of a pattern that is declared unsupported.
    """
    match assignment.pattern:
        case Single(agent=agent):
            return _in_order(assignment, (agent,))
        case Pipeline(steps=steps):
            return _in_order(assignment, steps)
        case Parallel() as pattern:
            return _parallel(assignment, pattern)
        case Supervisor() as pattern:
            return _supervisor(assignment, pattern)
        case Reflection() as pattern:
            return reflection_flow(assignment, pattern)
        case RoundRobin() as pattern:
            return round_robin_flow(assignment, pattern)
        case Dag() as pattern:
            return dag_flow(assignment, pattern)
        case Selector() as pattern:
            return selector_flow(assignment, pattern)
        case Handoff():
            raise ValueError("there is no OpenFlow document for the pattern handoff")


def _in_order(assignment: Assignment, steps: tuple[str, ...]) -> TeamFlow:
    agents = unique_ids(steps)
    modules = []
    for at, (step, agent) in enumerate(agents.items()):
        earlier = [wrote(before, agents[before]) for before in list(agents)[:at]]
        modules.append(agent_module(assignment, step, agent, joined([TASK, *earlier])))
    hears = {
        agent: tuple(dict.fromkeys(steps[steps.index(agent) + 1:])) for agent in steps
    }
    return TeamFlow(modules=modules, agents=agents, hears=hears)


def _parallel(assignment: Assignment, pattern: Parallel) -> TeamFlow:
    agents = unique_ids((*pattern.agents, pattern.synthesizer))
    *workers, synthesizer = agents
    branches = [[agent_module(assignment, step, agents[step], TASK)] for step in workers]
    texts = [wrote(step, agents[step]) for step in workers]
    return TeamFlow(
        modules=[
            side_by_side("side-by-side", branches),
            agent_module(
                assignment, synthesizer, pattern.synthesizer, joined([TASK, *texts])
            ),
        ],
        agents=agents, hears=dict.fromkeys(pattern.agents, (pattern.synthesizer,)),
    )


def _supervisor(assignment: Assignment, pattern: Supervisor) -> TeamFlow:
    workers = [agent_tool(assignment, worker) for worker in pattern.workers]
    manager = pattern.manager
    return TeamFlow(
        modules=[agent_module(assignment, manager, manager, TASK, tools=workers)],
        agents={name: name for name in (manager, *pattern.workers)},
        hears=dict.fromkeys(pattern.workers, (manager,)),
    )
