"""What a user calls an arm: `langgraph`, `crewai@1.14.3`, `run=4f2a`, `crewai,retries=uniform`.

An arm is a set of stored trials. Each case must have run under the same conditions on all arms, but
for what the user names to tell them apart.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from agentdyno.core.errors import UsageError
from agentdyno.core.trial import Trial
from agentdyno.core.yamlproblem import nearest
from agentdyno.experiments.compare.compare import Arm
from agentdyno.experiments.summary import Condition
from agentdyno.store.rows import TrialRow

_FILTERS: Mapping[str, Callable[[Trial], str]] = {
    "runner": lambda trial: trial.key.runner,
    "version": lambda trial: trial.key.runner_version,
    "scenario": lambda trial: trial.key.scenario,
    "model": lambda trial: trial.key.model,
    "variant": lambda trial: trial.key.variant,
    "retries": lambda trial: trial.key.retries,
    "faults": lambda trial: trial.key.faults.partition(":")[0],
    "tools": lambda trial: trial.key.tools,
    "stream": lambda trial: str(trial.key.stream).lower(),
}
_NAMES = ("run", *_FILTERS)
_HINT = "for example: agentdyno compare crewai langgraph, or compare run=ID run=ID"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArmSpec:
    """What trials belong to an arm."""

    text: str
    """What the user typed."""
    run: str = ""
    """Start of the id of the `run` that executed them; "" for any."""
    filters: tuple[tuple[str, str], ...] = ()
    """Name and value of each filter."""

    def holds(self, row: TrialRow) -> bool:
        """Tell whether a stored trial may belong to the arm, by its row alone."""
        known = {
            "runner": row.runner, "version": row.runner_version, "scenario": row.scenario,
            "model": row.model, "variant": row.variant,
        }
        return row.matrix_id.startswith(self.run) and all(
            known.get(name, value) == value for name, value in self.filters
        )

    def takes(self, trial: Trial) -> bool:
        """Tell whether `trial` belongs to the arm; one under faults only where they are named."""
        if trial.key.faults and "faults" not in dict(self.filters):
            return False
        return all(_FILTERS[name](trial) == value for name, value in self.filters)


def parse_arm(text: str, runners: Sequence[str]) -> ArmSpec:
    """Return the arm that `text` names.

    Raises:
        UsageError: it names none.
    """
    run, filters = "", list[tuple[str, str]]()
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            runner, at, version = part.partition("@")
            if runner not in runners:
                raise UsageError(
                    f"{text!r} names no arm: there is no runner {runner!r}"
                    f"{nearest(runner, runners)}.", _HINT,
                )
            filters += [("runner", runner), *([("version", version)] if at else [])]
        elif name == "run":
            run = value
        elif name in _FILTERS:
            filters.append((name, value))
        else:
            raise UsageError(
                f"{text!r} names no arm: there is no filter {name!r}{nearest(name, _NAMES)}.",
                f"filters are {', '.join(_NAMES)}",
            )
    return ArmSpec(text=text, run=run, filters=tuple(filters))


def make_arms(specs: Sequence[ArmSpec], trials: Mapping[str, Sequence[Trial]]) -> tuple[Arm, ...]:
    """Return the arms with their trials.

    Args:
        trials: the candidates of each arm, by its text.

    Raises:
        UsageError: an arm has no trial, or mixes conditions that would make it incomparable.
    """
    arms = []
    for spec in specs:
        own = [trial for trial in trials[spec.text] if spec.takes(trial)]
        if not own:
            raise UsageError(
                f"no trial is stored for {spec.text}.", "agentdyno run SCENARIO, with that runner"
            )
        arms.append(Arm(name=spec.text, trials=own))
    _check_conditions(arms, {name for spec in specs for name, _ in spec.filters})
    return tuple(arms)


def _check_conditions(arms: Sequence[Arm], named: set[str]) -> None:
    """Refuse cases that ran under different conditions, but for those that are `named`."""
    by_case: dict[str, Counter[Condition]] = {}
    for trial in (trial for arm in arms for trial in arm.trials):
        by_case.setdefault(trial.key.situation, Counter())[_condition(trial, named)] += 1
    for case, seen in by_case.items():
        if len(seen) == 1:
            continue
        names = [field.name for field in dataclasses.fields(Condition)]
        differ = {
            name: sorted({str(getattr(condition, name)) for condition in seen}) for name in names
        }
        told = "; ".join(
            f"{name} {' and '.join(map(repr, values))}"
            for name, values in differ.items() if len(values) > 1
        )
        [(usual, _)] = seen.most_common(1)
        choice = ",".join(
            f"{name}={str(getattr(usual, name)).lower()}"
            for name, values in differ.items() if len(values) > 1
        )
        raise UsageError(
            f"the trials of {case} ran under different conditions ({told}): they are not"
            " comparable.", f"say which of both arms, as in {arms[0].name},{choice}",
        )


def _condition(trial: Trial, named: set[str]) -> Condition:
    """Return under what a trial ran, without what the user tells the arms apart by."""
    free = {
        field.name: field.default for field in dataclasses.fields(Condition)
        if field.name in named
    }
    return dataclasses.replace(Condition.of(trial), **free)  # type: ignore[arg-type]
