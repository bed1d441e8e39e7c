"""The parity manifest: what a scenario asks for, and what a framework was really given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentdyno.core.spec import AgentSpec, pattern_agents
from agentdyno.core.trial import Assignment, Setting

Deviations = Mapping[str, tuple[Any, str]]
"""Effective value and the reason, by setting name; what is absent is given as requested."""


def parity_rows(
    assignment: Assignment,
    deviations: Callable[[AgentSpec], Deviations] = lambda spec: {},
    team: Sequence[Setting] = (),
) -> tuple[Setting, ...]:
    """Return the rows of every agent at work, `stream`, `model_retries`, and the `team` rows.

    A setting whose row is the same for all agents is one row; else there is one for each agent,
    named `agent.setting`.
    """
    names = pattern_agents(assignment.pattern)
    by_agent = {name: _agent_rows(assignment.agent(name), deviations) for name in names}
    first = by_agent[names[0]]
    rows: list[Setting] = []
    for name, row in first.items():
        if all(others[name] == row for others in by_agent.values()):
            rows.append(row)
            continue
        rows += [
            others[name].model_copy(update={"name": f"{agent}.{name}"})
            for agent, others in by_agent.items()
        ]
    stream = Setting(name="stream", requested=assignment.stream, effective=assignment.stream)
    retries = Setting(name="model_retries", requested=0, effective=0)
    taken = {row.name for row in team}
    return (*rows, *(row for row in (stream, retries) if row.name not in taken), *team)


def _agent_rows(
    spec: AgentSpec, deviations: Callable[[AgentSpec], Deviations]
) -> dict[str, Setting]:
    requested = {
        "temperature": spec.temperature,
        "tool_choice": spec.tool_choice,
        "parallel_tool_calls": spec.parallel_tool_calls,
        "max_turns": spec.max_turns,
    }
    found = deviations(spec)
    rows = {}
    for name, value in requested.items():
        effective, note = found.get(name, (value, ""))
        rows[name] = Setting(name=name, requested=value, effective=effective, note=note)
    return rows
