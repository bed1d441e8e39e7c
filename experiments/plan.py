"""Matrix -> trials. A trial's identity is the hash of everything that decides what it does."""

from collections.abc import Iterable
from dataclasses import dataclass

from agentdyno.core.canonical import content_hash
from agentdyno.core.settings import RunOptions
from agentdyno.core.spec import Limits
from agentdyno.core.trial import TrialKey
from agentdyno.models.script import Script
from agentdyno.runners.ref import RunnerRef
from agentdyno.scenarios.loader import LoadedScenario

FORMAT = 1
"""Raised when the meaning of a stored trial changes, so that old ones are not taken for new."""


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """One cell and repeat of the matrix, ready to run."""

    id: str
    key: TrialKey
    scenario: LoadedScenario
    script: Script
    runner: RunnerRef
    limits: Limits


def trial_id(key: TrialKey) -> str:
    """Return the identity of a trial: 20 hex digits of the hash of its key."""
    return content_hash({"format": FORMAT, **key.model_dump(mode="json")})[:20]


def scenario_digest(scenario: LoadedScenario, limits: Limits, embedder: str | None) -> str:
    """Return the content hash of everything of a scenario that decides what a trial does."""
    return content_hash([scenario.digest, limits.model_dump(mode="json"), embedder])


def _trial(
    scenario: LoadedScenario, script: Script, runner: RunnerRef, options: RunOptions,
    embedder: str | None, repeat: int,
) -> PlannedTrial:
    limits = scenario.scenario.limits
    if options.timeout_s is not None:
        limits = limits.model_copy(update={"timeout_s": options.timeout_s})
    key = TrialKey(
        scenario=scenario.scenario.name,
        scenario_digest=scenario_digest(scenario, limits, embedder),
        runner=runner.name,
        runner_version=runner.version,
        runner_digest=runner.digest,
        model_digest=script.digest,
        repeat=repeat,
        seed=options.seed + repeat,
        stream=options.stream,
        isolation=options.isolation,
    )
    return PlannedTrial(
        id=trial_id(key), key=key, scenario=scenario, script=script, runner=runner, limits=limits
    )


def plan(
    options: RunOptions,
    scenarios: Iterable[tuple[LoadedScenario, Script]],
    runners: Iterable[RunnerRef],
    embedder: str | None = None,
) -> tuple[PlannedTrial, ...]:
    """Return the matrix as trials, repeat by repeat so that every column fills evenly.

    `embedder` is what makes the memory's vectors; null while memory is lexical.
    """
    cells = [
        (scenario, script, runner) for scenario, script in scenarios for runner in runners
    ]
    return tuple(
        _trial(scenario, script, runner, options, embedder, repeat)
        for repeat in range(options.trials)
        for scenario, script, runner in cells
    )
