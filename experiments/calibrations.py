"""Measured judges: labels -> scores -> a small file that every table looks at."""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from agentdyno import __version__
from agentdyno.core.calibration import Calibration
from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.judged import Judged
from agentdyno.core.model import ModelChoice
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.evals.judges.labels import Labelled
from agentdyno.evals.judges.material import Material
from agentdyno.evals.judges.quality import Rated, quality
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.judging import Judging, open_judging
from agentdyno.experiments.measured import total_cost
from agentdyno.experiments.sources import Sources
from agentdyno.models.script import Script
from agentdyno.scenarios.loader import LoadedScenario

RUNNER = "judge"
"""In the place of a runner's name on the cassette of a calibration."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A calibration to be made; answered like the judging of a trial."""

    id: str
    key: TrialKey
    scenario: LoadedScenario
    check: JudgeCheck
    cases: Sequence[Labelled]
    stored: Mapping[str, Trial]
    """Trials that cases name, by what the case calls them."""
    file: Path
    script: Script | None = None
    choices: Mapping[str, ModelChoice] = field(default_factory=dict)
    positions: bool = True
    """Whether each case is asked once more with its evidence in reverse order."""


@dataclass(kw_only=True)
class _Found:
    rated: list[Rated] = field(default_factory=list)
    unscored: list[str] = field(default_factory=list)
    judges: dict[str, Judged] = field(default_factory=dict)

    def scored(self, case: Labelled, judged: Judged) -> float | None:
        """Return the score, or note why there is none."""
        if judged.score is None:
            self.unscored.append(f"{case.id}: {judged.reason}")
        else:
            self.judges.setdefault(judged.calibration, judged)
        return judged.score


async def calibrate(
    bench: Bench, sources: Sources, asked: Asked
) -> tuple[Calibration, Trial, tuple[WireRecord, ...]]:
    """Ask the judge about every case; returns what is to be kept, and the asking as a trial, for
    its cassette.

    Raises:
        UsageError: there is nothing to hold against the labels: no score at all, or scores of
            several judges.
    """
    found = _Found()
    async with open_judging(bench, sources, asked) as judging:
        for case in asked.cases:
            if case.trial is None:
                await _ask(judging, asked, case, found)
            else:
                _look_up(asked, case, found)
    if not found.rated:
        told = "; ".join(found.unscored[:3])
        raise UsageError(f"the judge scored none of {len(asked.cases)} cases: {told}.",
                         "agentdyno judge calibrate --help")
    if len(found.judges) > 1:
        names = " and ".join(f"{j.model}, {j.library} {j.version}" for j in found.judges.values())
        raise UsageError(f"these are scores of several judges: {names}.",
                         "calibrate each by itself, in a file of its own")
    trial = Trial(
        id=asked.id, key=asked.key, outcome=Outcome.COMPLETED, duration_s=0.0,
        started_at=datetime.now(UTC).isoformat(), report=WorkerReport(ended="returned"),
        judging=tuple(judging.sink.events),
    )
    return _calibration(asked, found, judging), trial, judging.records()


def _calibration(asked: Asked, found: _Found, judging: Judging) -> Calibration:
    [(digest, judge)] = found.judges.items()
    calls = [event for event in judging.sink.events if isinstance(event, ModelCall)]
    return Calibration.model_validate({
        "judge": digest, "scenario": asked.scenario.scenario.name, "check": asked.check.id,
        "metric": judge.metric, "library": judge.library, "version": judge.version,
        "model": judge.model, "threshold": asked.check.threshold, "labels": asked.file.name,
        "labels_sha256": sha256(asked.file.read_bytes()).hexdigest(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "harness": __version__,
        "unscored": tuple(found.unscored), "calls": len(calls), "cost_usd": total_cost(calls),
        **quality(found.rated, asked.check.threshold),
    })


async def _ask(judging: Judging, asked: Asked, case: Labelled, found: _Found) -> None:
    check, shown = asked.check, case.material()
    if shown.expected is None:
        shown = replace(shown, expected=check.expected)
    if not shown.context:
        shown = replace(shown, context=check.context)
    score = found.scored(case, await judging.judged(check, shown))
    if score is None:
        return
    reverse = _reversed(check, shown) if asked.positions else None
    other = None if reverse is None else (await judging.judged(*reverse)).score
    found.rated.append(Rated(
        labels=case.said, score=score, length=len(shown.output), reversed_score=other,
    ))


def _reversed(check: JudgeCheck, shown: Material) -> tuple[JudgeCheck, Material] | None:
    """Return the same question with its evidence in reverse order; None where there is no order
    that should make no difference."""
    if check.metric == "GEval":
        if len(check.consider) < 2:
            return None
        return check.model_copy(update={"consider": check.consider[::-1]}), shown
    if check.metric in ("Faithfulness", "ContextualRecall") and len(shown.context) > 1:
        return check, replace(shown, context=shown.context[::-1])
    return None


def _look_up(asked: Asked, case: Labelled, found: _Found) -> None:
    trial = asked.stored[case.trial or ""]
    for verdict in trial.verdicts:
        if verdict.check == asked.check.id and verdict.judged is not None:
            judged = verdict.judged
            if judged.kind != asked.check.kind:
                found.unscored.append(f"{case.id}: it was judged by another criterion")
                return
            score = found.scored(case, judged)
            if score is not None:
                answer = trial.answers[(asked.check.turn or len(trial.answers)) - 1]
                found.rated.append(Rated(labels=case.said, score=score, length=len(answer)))
            return
    found.unscored.append(f"{case.id}: no judge was asked {asked.check.id} about this trial")


def keep(folder: Path, calibration: Calibration) -> Path:
    """Write a calibration in place of an older one of the same judge; returns its path.

    Raises:
        HarnessFault: the folder cannot be written.
    """
    path = folder / f"{calibration.judge}.json"
    text = json.dumps(calibration.model_dump(mode="json"), indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as part:
            part.write(text)
        Path(part.name).chmod(0o644)
        Path(part.name).replace(path)
    except OSError as error:
        raise HarnessFault(f"{path} cannot be written: {error.strerror}.",
                           "--calibrations FOLDER names another place") from error
    return path


def known(folder: Path) -> dict[str, Calibration]:
    """Return every calibration in `folder`, by the identity of its judge.

    Raises:
        UsageError: a file in it is no calibration.
    """
    found = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            calibration = Calibration.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(f"{path} is no calibration of a judge: {str(error).splitlines()[0]}",
                             "remove it, and calibrate again: agentdyno judge calibrate") from error
        found[calibration.judge] = calibration
    return found


def unknown_judges(
    trials: Iterable[Trial], calibrations: Mapping[str, Calibration]
) -> dict[str, tuple[str, ...]]:
    """Return the judges of `trials` whose quality nobody has measured, each with its checks."""
    found: dict[str, dict[str, None]] = {}
    for trial in trials:
        for verdict in trial.verdicts:
            judged = verdict.judged
            if judged is None or judged.score is None or is_known(judged, calibrations):
                continue
            name = f"{judged.metric} by {judged.model} ({judged.library} {judged.version})"
            found.setdefault(name, {})[verdict.check] = None
    return {name: tuple(checks) for name, checks in found.items()}


def is_known(judged: Judged, calibrations: Mapping[str, Calibration]) -> bool:
    """Tell whether the judge who said this was held against people, at the same threshold."""
    calibration = calibrations.get(judged.calibration)
    return calibration is not None and calibration.covers(judged.threshold)
