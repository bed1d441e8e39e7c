"""What a report says of an item's trials: properties of JUnit XML, and the line at the end."""

from collections.abc import Iterable, Sequence

import pytest

from agentdyno.experiments.pytesting.trialview import LIMITS, TrialView

PREFIX = "dyno_"


def tell(item: pytest.Item, views: Sequence[TrialView]) -> None:
    """Add what was run to the item's properties; numbers are lists, one value for each trial."""
    for view in views:
        key = view.trial.key
        about = {
            "trial": view.id, "scenario": key.situation, "variant": key.variant,
            "runner": f"{key.runner}@{key.runner_version}", "model": key.model,
            "outcome": view.trial.outcome.value, "wire": view.trial.wire_digest,
        }
        numbers = {name: getattr(view.measured, name) for name in (*LIMITS, "cpu_s")}
        for name, value in (about | numbers).items():
            if value not in (None, ""):
                item.user_properties.append((PREFIX + name, value))


def summary(properties: Iterable[tuple[str, object]]) -> str:
    """Return the line at the end of a session; "" when no trial ran."""
    trials = [str(value) for name, value in properties if name == f"{PREFIX}trial"]
    if not trials:
        return ""
    return f"agentdyno ran {len(trials)} trials; see one: agentdyno show {trials[0][:10]}"
