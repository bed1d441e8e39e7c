"""The parity manifest: what a scenario asks for, and what a framework was really given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentdyno.core.pattern import pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Setting

SDK_RETRIES = 2
"""Retries of one failed model call by the openai client, unless it is told otherwise."""

Deviations = Mapping[str, tuple[Any, str]]
"""Effective value and the reason, by setting name; what is absent is given as requested."""


def parity_rows(
    assignment: Assignment,
    deviations: Callable[[AgentSpec], Deviations] = lambda spec: {},
    team: Sequence[Setting] = (),
    *,
    as_shipped: Any = SDK_RETRIES,
) -> tuple[Setting, ...]:
    """Return the rows of every agent at work, `stream`, the two of retries, and the `team` rows.

    `as_shipped` says how often the framework itself tries a failed model call again.
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
    return (*rows, stream, *_retry_rows(assignment, as_shipped), *team)


def own_retries(assignment: Assignment) -> dict[str, Any]:
    """Return the openai client's option that takes its retries away; none where they are wanted."""
    return {} if assignment.retries == "as-shipped" else {"max_retries": 0}


def _retry_rows(assignment: Assignment, as_shipped: Any) -> tuple[Setting, Setting]:
    profile = Setting(
        name="retries", requested=assignment.retries, effective=assignment.retries
    )
    if assignment.retries == "uniform":
        return profile, Setting(name="model_retries", requested=0, effective=0)
    return profile, Setting(
        name="model_retries", requested=None, effective=as_shipped,
        note="what the framework does by itself is left as it is",
    )


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
