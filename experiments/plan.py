"""Matrix -> trials. A trial's identity is the hash of everything that decides what it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from agentdyno.core.approval import ApproverKind
from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import UsageError
from agentdyno.core.fault import FaultPlan, plan_of
from agentdyno.core.model import ModelChoice
from agentdyno.core.settings import Budget, RunOptions
from agentdyno.core.spec import Limits
from agentdyno.core.trial import TrialKey
from agentdyno.models.cassette.library import CassetteLibrary
from agentdyno.models.script import Script
from agentdyno.runners.own import Ref
from agentdyno.scenarios.loader import LoadedScenario

FORMAT = 2
"""Raised when the meaning of a stored trial changes, so that old ones are not taken for new."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A scenario with what its answers come from."""

    loaded: LoadedScenario
    script: Script | None = None
    """Rules of the scripted model; null unless it answers."""
    choices: Mapping[str, ModelChoice] = field(default_factory=dict)
    """Live model by agent; empty unless some calls may go live."""
    variant: str = "baseline"
    """Name of what was changed in `loaded`."""


@dataclass(frozen=True, kw_only=True)
class PlannedTrial:
    """One cell and repeat of the matrix, ready to run."""

    id: str
    key: TrialKey
    scenario: LoadedScenario
    script: Script | None
    runner: Ref
    limits: Limits
    choices: Mapping[str, ModelChoice] = field(default_factory=dict)
    """Live model by agent."""
    faults: FaultPlan | None = None


class Answerable(Protocol):
    """What decides how model calls are answered, of a trial or of anything else."""

    @property
    def id(self) -> str: ...
    @property
    def key(self) -> TrialKey: ...
    @property
    def scenario(self) -> LoadedScenario: ...
    @property
    def script(self) -> Script | None: ...
    @property
    def choices(self) -> Mapping[str, ModelChoice]: ...


@dataclass(frozen=True, kw_only=True)
class NotSupported:
    """A cell that no trial is planned for: the runner does not execute the scenario's team."""

    scenario: str
    runner: str
    version: str
    why: str


def not_supported(
    scenarios: Sequence[Prepared], runners: Sequence[Ref]
) -> tuple[NotSupported, ...]:
    """Return the cells that cannot run, with the reason that the runner declares."""
    return tuple(dict.fromkeys(
        NotSupported(
            scenario=one.loaded.scenario.name, runner=runner.name, version=runner.version, why=why
        )
        for one in scenarios for runner in runners
        if (why := _refusal(one, runner)) is not None
    ))


def _refusal(scenario: Prepared, runner: Ref) -> str | None:
    loaded = scenario.loaded
    support = runner.teamwork.support(loaded.scenario.pattern, loaded.agents)
    return support.how if support.kind == "unsupported" else None


def trial_id(key: TrialKey) -> str:
    """Return the identity of a trial: 20 hex digits of the hash of its key."""
    return content_hash({"format": FORMAT, **key.model_dump(mode="json")})[:20]


def scenario_digest(scenario: LoadedScenario, limits: Limits, embedder: str | None) -> str:
    """Return the content hash of everything of a scenario that decides what a trial does."""
    return content_hash([scenario.digest, limits.model_dump(mode="json"), embedder])


def plan(
    options: RunOptions,
    scenarios: Sequence[Prepared],
    runners: Sequence[Ref],
    *,
    embedder: str | None = None,
    fault_plans: Sequence[FaultPlan | None] | None = None,
) -> tuple[PlannedTrial, ...]:
    """Return the matrix as trials, repeat by repeat so that every column fills evenly; cells that
    a runner does not support are left out.

    Args:
        embedder: what makes the memory's vectors; null while memory is lexical.
        fault_plans: one cell for each; null leaves every scenario its own faults.

    Raises:
        UsageError: trials are to be replayed of which there is no recording, or recorded under
            faults.
    """
    cells = _cells(options, scenarios, runners, fault_plans)
    recordings = CassetteLibrary(options.cassettes)
    planned, missing = [], []
    for repeat in range(options.trials):
        for scenario, runner, faults in cells:
            key = _key(scenario, runner, options, faults, embedder, repeat)
            if _replays(options):
                if not recordings.path(key).exists():
                    missing.append(str(recordings.path(key)))
                    continue
                key = key.model_copy(update={
                    "model_digest": content_hash([key.model_digest, recordings.digest(key)])
                })
            planned.append(PlannedTrial(
                id=trial_id(key), key=key, scenario=scenario.loaded, script=scenario.script,
                runner=runner, limits=_limits(scenario, options), choices=scenario.choices,
                faults=faults,
            ))
    if missing:
        raise UsageError(_not_recorded(missing), "record them first, with --model record")
    return tuple(planned)


def _cells(
    options: RunOptions, scenarios: Sequence[Prepared], runners: Sequence[Ref],
    fault_plans: Sequence[FaultPlan | None] | None,
) -> list[tuple[Prepared, Ref, FaultPlan | None]]:
    cells = [
        (scenario, runner, faults)
        for scenario in scenarios
        for runner in runners if _refusal(scenario, runner) is None
        for faults in (
            [plan_of("scenario", scenario.loaded.scenario.faults)]
            if fault_plans is None else fault_plans
        )
    ]
    if options.model == "record" and any(faults for _, _, faults in cells):
        raise UsageError(
            "--model record would keep answers that a fault has changed.",
            "record without --faults; a replay may inject them",
        )
    return cells


def _replays(options: RunOptions) -> bool:
    return options.model == "replay" or options.tools == "replay"


def _not_recorded(missing: Sequence[str]) -> str:
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return f"there is no recording {', '.join(missing[:3])}{more}."


def _limits(scenario: Prepared, options: RunOptions) -> Limits:
    limits = scenario.loaded.scenario.limits
    if options.timeout_s is None:
        return limits
    return limits.model_copy(update={"timeout_s": options.timeout_s})


def _key(
    scenario: Prepared, runner: Ref, options: RunOptions, faults: FaultPlan | None,
    embedder: str | None, repeat: int,
) -> TrialKey:
    digest = scenario_digest(scenario.loaded, _limits(scenario, options), embedder)
    if options.trial_budget != Budget():
        digest = content_hash([digest, options.trial_budget.model_dump(mode="json")])
    model, depends_on = _model(scenario, options)
    return TrialKey(
        scenario=scenario.loaded.scenario.name,
        case=scenario.loaded.case,
        scenario_digest=digest,
        runner=runner.name,
        runner_version=runner.version,
        runner_digest=runner.digest,
        variant=scenario.variant,
        model=model,
        model_digest=depends_on,
        tools=options.tools,
        retries=options.retries,
        faults=faults.key if faults else "",
        approver=_approver(scenario, options),
        repeat=repeat,
        seed=options.seed + repeat,
        stream=options.stream,
        isolation=options.isolation,
    )


def _approver(scenario: Prepared, options: RunOptions) -> ApproverKind | Literal[""]:
    policy = scenario.loaded.scenario.approvals
    return "" if policy is None else options.approver or policy.approver


def _model(scenario: Prepared, options: RunOptions) -> tuple[str, str]:
    """Return what answers, for people, and the hash of what that depends on."""
    if scenario.script is not None:
        return "scripted", scenario.script.digest
    judge = scenario.loaded.judge
    # Who judges is in the hash, but trials are told apart by who answered in them.
    names = ", ".join(dict.fromkeys(
        choice.model for agent, choice in scenario.choices.items()
        if judge is None or agent != judge.name
    ))
    choices = {
        agent: choice.model_dump(mode="json") for agent, choice in scenario.choices.items()
    }
    if options.model != "replay":
        return names, content_hash(choices)
    depends_on = content_hash([choices, options.on_miss, options.fork_at, options.pace])
    if options.fork_at is not None:
        return f"replay, {names} from call {options.fork_at + 1}", depends_on
    return ("replay", depends_on) if options.on_miss == "fail" else (
        f"replay, else {names}", depends_on
    )
