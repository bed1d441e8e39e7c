"""What is planned of an experiment before anything runs, and how large it has to be."""

import math
from collections.abc import Mapping, Sequence

from pydantic import Field

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import UsageError
from agentdyno.core.experiment import Experiment, Size
from agentdyno.core.noun import Noun
from agentdyno.core.settings import RunOptions
from agentdyno.evals.statistics.power import Scatter, power, rate_scatter
from agentdyno.evals.statistics.sequential import pairs_needed
from agentdyno.experiments.abtest.reading import LoadedExperiment
from agentdyno.experiments.plan import Prepared, plan
from agentdyno.experiments.request import Request
from agentdyno.models.script import Script

_MOST_ROUNDS = 10_000
_LOOKS = 8


class Cell(Noun):
    """What decides what the trials of one case do, on one runner in one variant."""

    scenario: str
    """Content hash of the scenario as the variant makes it."""
    runner: str
    """Content hash of the runner's lock and adapter."""
    version: str
    """The runner's version."""
    model: str
    """Content hash of what the answers depend on."""
    rest: str
    """Content hash of everything else."""


class Design(Noun):
    """The plan of an experiment."""

    arms: tuple[str, ...]
    """Variants, the baseline first."""
    cases: tuple[str, ...]
    """`scenario:case`, or scenarios without cases: the units of the comparison."""
    runners: tuple[str, ...]
    """`name@version`."""
    rounds: int = Field(ge=1)
    """Repeats of every case on every runner in every arm, at most."""
    rounds_per_look: int = Field(ge=1)
    draws: bool
    """Whether chance has a part in what a scripted model answers; true of every other model."""
    prompts: dict[str, dict[str, str]]
    """Instructions before any template was rendered, by arm, then by `scenario.agent`."""
    cells: dict[str, Cell]
    """By `arm case runner`."""
    source: str = ""
    """Name or path that `experiment run` is given, as the user would type it."""

    @property
    def baseline(self) -> str:
        """Return the arm that the others are held against."""
        return self.arms[0]

    @property
    def challengers(self) -> tuple[str, ...]:
        """Return the other arms."""
        return self.arms[1:]


def make_design(loaded: LoadedExperiment, request: Request) -> Design:
    """Return the plan of an experiment whose scenarios and runners are read.

    Args:
        request: all its arms, for any number of repeats.

    Raises:
        UsageError: no size shows the effect that is asked for.
    """
    asked = loaded.experiment
    arms = (asked.baseline, *asked.challengers)
    cases = tuple(dict.fromkeys(one.loaded.situation for one in request.scenarios))
    runners = tuple(ref.label for ref in request.runners)
    draws = any(_draws(one.script) for one in request.scenarios)
    if draws:
        _enough_cases(asked, len(cases))
    rounds = rounds_of(asked, len(cases), len(runners))
    usual = rounds if asked.stopping.rule == "fixed" else max(2, math.ceil(rounds / _LOOKS))
    return Design(
        arms=arms, cases=cases, runners=runners, rounds=rounds,
        rounds_per_look=min(rounds, asked.stopping.trials_per_look or usual),
        draws=draws, prompts=_prompts(request.scenarios), cells=_cells(request),
        source=loaded.typed,
    )


def rounds_of(asked: Experiment, cases: int, runners: int) -> int:
    """Return the repeats of each case on each runner that the experiment takes at most.

    The scatter of rates is that of 0 and 1 around the expected rate, independent between runners;
    alpha is shared by all variants, as Holm's procedure does at worst.

    Raises:
        UsageError: no number of repeats shows the effect.
    """
    size = asked.size
    if size.trials is not None:
        return size.trials
    assert size.effect is not None
    scatter = rate_scatter(size.rate, size.between)
    scatter = Scatter(within=scatter.within / math.sqrt(runners), between=scatter.between)
    alpha = asked.alpha / len(asked.challengers)
    if asked.stopping.rule == "sequential":
        pairs = pairs_needed(size.effect, 2 * scatter.within**2, alpha=alpha, wanted=size.power)
        found = math.ceil(pairs / cases)
    else:
        found = _fixed(size, scatter, cases, alpha)
    if found > _MOST_ROUNDS:
        raise UsageError(
            f"experiment {asked.name!r}: an effect of {size.effect:g} does not show on {cases}"
            f" cases within {_MOST_ROUNDS:,} repeats, at power {size.power:g} and alpha"
            f" {asked.alpha:g}.", "add cases, or ask for a larger size.effect",
        )
    return found


def _enough_cases(asked: Experiment, cases: int) -> None:
    """Refuse a test of fixed size whose p-value cannot fall below alpha: it flips the signs of the
    cases' differences, and few cases have few signs. A single one is compared trial by trial."""
    least = len(asked.challengers) * 2.0 ** (1 - cases)
    if asked.stopping.rule == "fixed" and cases > 1 and least >= asked.alpha:
        raise UsageError(
            f"experiment {asked.name!r}: a test of fixed size on {cases} cases cannot tell"
            f" {len(asked.challengers)} variants from their baseline at alpha {asked.alpha:g},"
            f" however often they run: its smallest adjusted p-value is {least:.2g}.",
            "add cases, or: stopping: {rule: sequential}, which speaks for these cases alone",
        )


def _fixed(size: Size, scatter: Scatter, cases: int, alpha: float) -> int:
    assert size.effect is not None

    def enough(rounds: int) -> bool:
        assert size.effect is not None
        if cases == 1:
            # One case is compared trial by trial: its repeats are what there is to average over.
            alone = Scatter(within=scatter.within, between=0.0)
            return power(size.effect, alone, rounds, 1, alpha) >= size.power
        return power(size.effect, scatter, cases, rounds, alpha) >= size.power

    high = 1
    while not enough(high):
        if high > _MOST_ROUNDS:
            return high
        high *= 2
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _draws(script: Script | None) -> bool:
    if script is None:
        return True
    return any(
        "chance(" in compiled.rule.model_dump_json()
        for rules in script.rules.values() for compiled in rules
    )


def _prompts(scenarios: Sequence[Prepared]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in scenarios:
        arm = found.setdefault(one.variant, {})
        name = one.loaded.scenario.name
        arm.update({f"{name}.{agent}": text for agent, text in one.loaded.prompts.items()})
    return found


def _cells(request: Request) -> dict[str, Cell]:
    once: RunOptions = request.options.model_copy(update={"trials": 1})
    cells = {}
    for planned in plan(once, request.scenarios, request.runners, fault_plans=request.fault_plans):
        key = planned.key
        rest = key.model_dump(mode="json", exclude={
            "scenario_digest", "runner_digest", "runner_version", "model_digest",
        })
        cells[f"{key.variant} {key.situation} {key.runner}"] = Cell(
            scenario=key.scenario_digest, runner=key.runner_digest, version=key.runner_version,
            model=key.model_digest, rest=content_hash(rest),
        )
    return cells


def digest_of(experiment: Experiment, design: Design) -> str:
    """Return the hash of everything that decides what an experiment measures and how it judges."""
    return content_hash([
        experiment.model_dump(mode="json"),
        design.model_dump(mode="json", exclude={"prompts", "source"}),
    ])


def changes(
    old: tuple[Experiment, Design], new: tuple[Experiment, Design]
) -> Sequence[str]:
    """Return in words what differs between two versions of an experiment."""
    told = []
    before, now = (one[0].model_dump(mode="json") for one in (old, new))
    told += [f"`{key}` changed in its file" for key in now if before.get(key) != now[key]]
    cells: tuple[Mapping[str, Cell], Mapping[str, Cell]] = (old[1].cells, new[1].cells)
    parts = {
        "scenario": "the scenario or the variant", "model": "the model's script or recording",
        "version": "the version of the runner", "runner": "the runner's adapter or lock",
        "rest": "how trials run",
    }
    for part, words in parts.items():
        moved = [
            name for name, cell in cells[1].items()
            if name in cells[0] and getattr(cells[0][name], part) != getattr(cell, part)
        ]
        if moved:
            told.append(f"{words} changed for {_some(moved)}")
    for one, other, words in ((*cells, "is gone"), (cells[1], cells[0], "is new")):
        if alone := [name for name in one if name not in other]:
            told.append(f"{_some(alone)} {words}")
    return told or ["the plan is made otherwise by this version of agentdyno"]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if names[2:] else ""
    return ", ".join(names[:2]) + more
