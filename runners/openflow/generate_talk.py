"""Documents of teams that take turns in a whileloopflow: round_robin and reflection.

Each agent is an aiagent module of the loop's body. It is told the task and what the others wrote
when it first works, and afterwards what they wrote since; its own memory holds the rest. The last
word of a module ends the loop by its `stop_after_if`.
"""

from agentdyno.core.pattern import Reflection, RoundRobin
from agentdyno.core.trial import Assignment
from agentdyno.runners.openflow.generate_parts import (
    TASK,
    Ending,
    TeamFlow,
    agent_module,
    contains,
    first_or_again,
    joined,
    unique_ids,
    while_loop,
    wrote,
)

_ROUND = "flow_input.iter.index"


def reflection_flow(assignment: Assignment, pattern: Reflection) -> TeamFlow:
    """Return writer and critic in a loop, which the critic's approval or the last round ends."""
    agents = unique_ids((pattern.writer, pattern.critic))
    writer, critic = agents
    approved = contains("result.output", pattern.approval)
    objection, text = wrote(critic, pattern.critic), wrote(writer, pattern.writer)
    modules = [
        agent_module(assignment, writer, pattern.writer, first_or_again(
            writer, joined([TASK]), joined([objection]),
        )),
        agent_module(
            assignment, critic, pattern.critic,
            first_or_again(critic, joined([TASK, text]), joined([text])),
            stop=f"{approved} || {_ROUND} + 1 >= {pattern.max_rounds}",
        ),
    ]

    def ended(agent: str, text: str) -> str:
        return "approval" if pattern.approval in text else "max_rounds"

    return TeamFlow(
        modules=[while_loop("rounds", modules)],
        agents=agents, answer=writer,
        hears={pattern.writer: (pattern.critic,), pattern.critic: (pattern.writer,)},
        ends={critic: Ending(step=critic, name=ended)},
    )


def round_robin_flow(assignment: Assignment, pattern: RoundRobin) -> TeamFlow:
    """Return the speakers in a loop; the flow's result is the last one's."""
    agents = unique_ids(pattern.agents)
    steps = list(agents)
    modules, ends = [], {}

    def ended(agent: str, text: str) -> str:
        counts = not pattern.stop.by or agent in pattern.stop.by
        return "text" if counts and pattern.stop.text in text else "max_messages"

    for at, (step, agent) in enumerate(agents.items()):
        before = [wrote(other, agents[other]) for other in steps[:at]]
        after = [wrote(other, agents[other]) for other in steps[at + 1:]]
        spoken = f"{_ROUND} * {len(steps)} + {at + 1} >= {pattern.max_messages}"
        counts = not pattern.stop.by or agent in pattern.stop.by
        said = f"{contains('result.output', pattern.stop.text)} || " if counts else ""
        modules.append(agent_module(
            assignment, step, agent,
            first_or_again(step, joined([TASK, *before]), joined([*after, *before])),
            stop=f"{said}{spoken}",
        ))
        ends[step] = Ending(step=step, name=ended)
    return TeamFlow(modules=[while_loop("rounds", modules)], agents=agents, ends=ends)
