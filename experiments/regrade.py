"""Grades stored trials again by the checks that their scenarios have now. Nothing is run."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agentdyno import __version__
from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.trial import Trial, Verdict
from agentdyno.evals.checks import evaluate
from agentdyno.scenarios.loader import LoadedScenario, load_scenario
from agentdyno.store.gradings import GradingStore, StoredTrial

BATCH = 64
"""Trials that are in memory, and in one transaction, at once; more of them are slower each."""
WIRE_CHECKS = "conformance/"
"""Begins the ids of verdicts that come from the raw wire and not from the scenario's checks."""
Whole = Mapping[int, tuple[Trial, tuple[Verdict, ...]]]
"""Trials as they were sealed, and the verdicts that count, by row."""
NO_LONGER = "gone"
NEW = "new"


@dataclass(frozen=True, kw_only=True, order=True)
class Change:
    """What became of one check, in trials of one situation."""

    situation: str
    """`scenario:case`."""
    check: str
    old: str
    """Status before; `new` when the check was not there."""
    new: str
    """Status now; `gone` when the scenario no longer asks it."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Trials that cannot be graded, because what they are about is gone."""

    situation: str
    why: str
    trials: tuple[str, ...]
    """Their ids."""


@dataclass(kw_only=True)
class Regrading:
    """What grading again came to."""

    grading: int | None = None
    """Number of the grading in the store; null when nothing was changed."""
    graded: int = 0
    """Trials that were looked at."""
    changed: int = 0
    """Trials of which at least one verdict is another, or says something else."""
    passing: int = 0
    """Trials of which every check passes now."""
    refused: tuple[Refused, ...] = ()
    changes: dict[Change, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Ids of the trials by change of status."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Which trials are graded."""

    scenarios: tuple[str, ...] = ()
    """Names or paths, with `.ARRANGEMENT` and `:CASE` as they please; every scenario when empty."""
    matrix: str | None = None
    runner: str | None = None


async def regrade(
    store: GradingStore, scope: Scope, *, command: str, dry: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Regrading:
    """Grade the trials of `scope` and store the verdicts that are others than before.

    Args:
        dry: store nothing.
        progress: is told how many trials of how many are done.

    Raises:
        UsageError: there is no such scenario.
        InputError: the file of a scenario holds problems; nothing is graded then.
        HarnessFault: the database is away. What was graded before stays; the same again goes on.
    """
    named = [_Named(name, load_scenario(name)) for name in scope.scenarios]
    trials = [
        trial for trial in await store.stored(matrix=scope.matrix, runner=scope.runner)
        if not named or any(one.fits(trial) for one in named)
    ]
    found = _Scenarios(named)
    good = [(trial, loaded) for trial in trials if (loaded := found.of(trial)) is not None]
    if found.problems:
        raise InputError([*found.problems], "correct these lines, then the same command again")
    result = Regrading(refused=found.refused())
    batches = [good[start : start + BATCH] for start in range(0, len(good), BATCH)]
    whole = await _load(store, batches[:1])
    for number, batch in enumerate(batches, start=1):
        changed = _graded(batch, whole, result)
        if changed and not dry and result.grading is None:
            result.grading = await store.begin(command, __version__)
        saving = () if dry or result.grading is None else changed
        # The database writes this batch while it reads the next one.
        whole, _ = await asyncio.gather(
            _load(store, batches[number : number + 1]), store.save(result.grading or 0, saving)
        )
        progress(min(number * BATCH, len(good)), len(good))
    return result


async def _load(
    store: GradingStore, batches: Sequence[Sequence[tuple[StoredTrial, LoadedScenario]]]
) -> Whole:
    rows = [stored.row_id for batch in batches for stored, _ in batch]
    return await store.load(rows) if rows else {}


def _graded(
    batch: Sequence[tuple[StoredTrial, LoadedScenario]], whole: Whole, result: Regrading
) -> list[tuple[int, tuple[Verdict, ...]]]:
    changed = []
    for stored, loaded in batch:
        trial, before = whole[stored.row_id]
        verdicts = verdicts_now(trial, before, loaded)
        result.graded += 1
        result.passing += bool(verdicts) and all(v.status == "pass" for v in verdicts)
        if verdicts == before:
            continue
        result.changed += 1
        changed.append((stored.row_id, verdicts))
        for check, old, new in _differences(before, verdicts):
            change = Change(situation=trial.key.situation, check=check, old=old, new=new)
            result.changes[change].append(trial.id)
    return changed


def verdicts_now(
    trial: Trial, before: Sequence[Verdict], loaded: LoadedScenario
) -> tuple[Verdict, ...]:
    """Return the verdicts of `trial` by the scenario's present checks.

    What the rules of the wire said stays. No judge is asked again: what he said when the trial ran,
    or later, is held against the present threshold.

    Args:
        trial: as it was sealed.
        before: the verdicts that count until now.
    """
    known = trial.model_copy(update={"verdicts": (*before, *trial.verdicts)})
    wire = [verdict for verdict in trial.verdicts if verdict.check.startswith(WIRE_CHECKS)]
    return (*evaluate(known, loaded.scenario.checks, loaded.folder), *wire)


def _differences(
    old: Sequence[Verdict], new: Sequence[Verdict]
) -> list[tuple[str, str, str]]:
    before = {verdict.check: verdict.status for verdict in old}
    after = {verdict.check: verdict.status for verdict in new}
    return [
        (check, before.get(check, NEW), after.get(check, NO_LONGER))
        for check in dict.fromkeys((*after, *before)) if before.get(check) != after.get(check)
    ]


class _Named:
    """A scenario that the user named."""

    def __init__(self, name: str, loaded: LoadedScenario) -> None:
        self.base, _, self.case = name.partition(":")
        self.name = loaded.scenario.name

    def fits(self, trial: StoredTrial) -> bool:
        of_it = trial.scenario == self.name or trial.scenario.startswith(f"{self.name}.")
        return of_it and self.case in ("", trial.case)


class _Scenarios:
    """Finds the scenario of each stored trial: where the user named it, in the library, or where
    its run found it."""

    def __init__(self, named: Sequence[_Named]) -> None:
        self._named = named
        self._known: dict[tuple[str, ...], LoadedScenario | str] = {}
        self._refused: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.problems: dict[Problem, None] = {}

    def of(self, trial: StoredTrial) -> LoadedScenario | None:
        """Return the scenario, or keep in mind that there is none."""
        place = (trial.scenario, trial.case or "", *trial.sources)
        if place not in self._known:
            self._known[place] = self._look(trial)
        found = self._known[place]
        if isinstance(found, str):
            situation = f"{trial.scenario}:{trial.case}" if trial.case else trial.scenario
            self._refused[situation, found].append(trial.id)
            return None
        return found

    def refused(self) -> tuple[Refused, ...]:
        """Return what was not found, once every trial was asked for."""
        return tuple(
            Refused(situation=situation, why=why, trials=tuple(ids))
            for (situation, why), ids in self._refused.items()
        )

    def _look(self, trial: StoredTrial) -> LoadedScenario | str:
        base, dot, arrangement = trial.scenario.partition(".")
        end = f"{dot}{arrangement}:{trial.case}" if trial.case else f"{dot}{arrangement}"
        named = [one.base for one in self._named if one.fits(trial)]
        ran = [source.partition(":")[0] for source in trial.sources]
        places = [one.removesuffix(f"{dot}{arrangement}") for one in (*named, base, *ran)]
        refusal = ""
        for place in dict.fromkeys(places):
            found = self._load(f"{place}{end}", trial.scenario)
            if not isinstance(found, str):
                return found
            refusal = found if place == base or not refusal else refusal
        return refusal

    def _load(self, place: str, name: str) -> LoadedScenario | str:
        try:
            loaded = load_scenario(place)
        except UsageError as error:
            return error.message
        except InputError as error:
            self.problems |= dict.fromkeys(error.problems)
            return error.message
        if loaded.scenario.name != name:
            return f"{place} is the scenario {loaded.scenario.name!r}"
        return loaded
