"""Conditions of trials in words: what all rows share goes into the title, the rest into rows."""

from collections.abc import Collection, Sequence
from dataclasses import fields

from agentdyno.experiments.summary import Condition

_NAMES = tuple(field.name for field in fields(Condition))


def differing(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Return the names of the conditions that are not the same everywhere."""
    return tuple(
        name for name in _NAMES if len({getattr(one, name) for one in conditions}) > 1
    )


def shared_words(conditions: Sequence[Condition]) -> str:
    """Return in words what all `conditions` have in common; model and retries in any case."""
    apart = differing(conditions)
    return words(conditions[0], [name for name in _NAMES if name not in apart], brief=True)


def words(condition: Condition, names: Collection[str], *, brief: bool = False) -> str:
    """Return the conditions called `names` in words; `brief` leaves out what is usual."""
    told = {
        "model": f"model {condition.model}",
        "tools": "" if brief and condition.tools == "live" else f"tools {condition.tools}",
        "retries": f"retries {condition.retries}",
        "faults": f"faults {condition.faults}" if condition.faults
        else "" if brief else "no faults",
        "variant": "" if brief and condition.variant == "baseline" else condition.variant,
        "approver": f"approver {condition.approver}" if condition.approver
        else "" if brief else "no approver",
        "stream": "streamed" if condition.stream else "" if brief else "not streamed",
    }
    return ", ".join(told[name] for name in _NAMES if name in names and told[name])
