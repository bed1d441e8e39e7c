"""What is to be tested: one cell for each scenario, runner and variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import EnvironmentFault, InputError, Problem, UsageError
from agentdyno.core.settings import RunOptions
from agentdyno.core.testfile import PytestFile
from agentdyno.core.variant import BASELINE, Variant
from agentdyno.core.yamlfile import YamlDocument, load_yaml, validate_model
from agentdyno.runners.own import is_own, resolve_own
from agentdyno.runners.registry import find_runner, list_runners
from agentdyno.scenarios.loader import LoadedScenario, load_cases, load_scenario
from agentdyno.scenarios.paths import shown


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One item."""

    scenario: str
    """What is run: a name or a path, with its case."""
    loaded: LoadedScenario
    runner: str
    line: int
    """Line of the file, from 1."""
    suite: PytestFile
    folder: Path
    """What the file's paths are relative to."""
    variant: str = BASELINE
    change: Variant | None = None
    unsupported: str = ""
    """Why the runner does not execute the team; "" when it does."""

    @property
    def name(self) -> str:
        """Return `scenario[runner]`, or `scenario[runner-variant]`."""
        changed = f"-{self.variant}" if self.change else ""
        return f"{self.loaded.situation}[{runner_id(self.runner)}{changed}]"

    @property
    def known(self) -> str:
        """Return why it is expected to fail; "" when it is not."""
        return self.suite.known.get(runner_name(self.runner), "")

    @property
    def options(self) -> RunOptions:
        """Return what is asked of the bench."""
        suite = self.suite
        return RunOptions(
            scenarios=(self.scenario,), runners=(self.runner,), trials=suite.trials,
            seed=suite.seed, stream=suite.stream, timeout_s=suite.timeout_s, model=suite.model,
            cassettes=self.folder / suite.cassettes, approver=suite.approver,
            tools="replay" if suite.model == "replay" else "live",
        )


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the command line says of all files."""

    runners: tuple[str, ...] = ()
    trials: int | None = None
    model: str | None = None

    def apply(self, suite: PytestFile) -> PytestFile:
        """Return `suite` as the command line wants it."""
        changes = {"trials": self.trials, "model": self.model}
        given = {name: value for name, value in changes.items() if value is not None}
        return suite.model_copy(update=given)

    def among(self, runners: Sequence[str]) -> tuple[str, ...]:
        """Return those of `runners` that are wanted, in the version that the command line names."""
        if not self.runners:
            return tuple(runners)
        names = {runner_name(spec): spec for spec in runners}
        found = {spec: names.get(spec.partition("@")[0]) for spec in self.runners}
        return tuple(own if is_own(own) else spec for spec, own in found.items() if own)


def placed(runner: str, folder: Path) -> str:
    """Return a runner as its file in `folder` means it: programs by their path."""
    return str(folder / runner) if runner.endswith((".yaml", ".yml")) else runner


def runner_name(spec: str) -> str:
    """Return a runner's name without its version; raises what `resolve_own` does."""
    return resolve_own(spec).name if is_own(spec) else spec.partition("@")[0]


def runner_id(spec: str) -> str:
    """Return what stands for a runner in the id of a test."""
    return runner_name(spec) if is_own(spec) else spec


def check_runner(spec: str) -> None:
    """Refuse a runner that there is not; raises `UsageError`, `InputError`, `EnvironmentFault`."""
    if is_own(spec):
        resolve_own(spec)
    else:
        find_runner(runner_name(spec))


def cells_of_file(path: Path, chosen: Chosen) -> list[Cell]:
    """Read a `*.dyno.yaml`.

    Raises:
        InputError: every problem of the file and of the scenarios that it names.
    """
    document = load_yaml(path, shown(path))
    suite = validate_model(document, PytestFile)
    runners = [placed(spec, path.parent) for spec in suite.runners]
    problems = _runner_problems(document, runners)
    runners = runners or [row.name for row in list_runners()]
    problems = problems or _known_problems(document, suite, runners)
    scenarios: list[tuple[str, int, LoadedScenario]] = []
    for at, typed in enumerate(suite.scenarios):
        try:
            name = str(path.parent / typed) if "/" in typed else typed
            scenarios += [(name, document.line(("scenarios", at)), one) for one in load_cases(name)]
        except UsageError as error:
            problems.append(document.problem(("scenarios", at), error.message))
        except InputError as error:
            problems += error.problems
    problems += _variant_problems(document, suite, scenarios)
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    variants = {BASELINE: None, **suite.variants}
    return [
        _cell(name, loaded, runner, line, chosen.apply(suite), path.parent, variant, change)
        for name, line, loaded in scenarios for runner in chosen.among(runners)
        for variant, change in variants.items()
    ]


def cells_of_scenario(path: Path, chosen: Chosen) -> list[Cell]:
    """Read a scenario's folder: every case of it and of its arrangements, on every runner.

    Raises:
        InputError: its files hold problems.
    """
    base, name = load_cases(path), str(path)
    arranged = [f"{name}.{one}" for one in base[0].scenario.arrangements]
    loaded = [(name, one) for one in base]
    loaded += [(other, one) for other in arranged for one in load_cases(other)]
    suite = chosen.apply(PytestFile(scenarios=(name,)))
    runners = chosen.runners or tuple(row.name for row in list_runners())
    return [
        _cell(found, one, runner, 1, suite, Path.cwd(), "baseline", None)
        for found, one in loaded for runner in runners
    ]


def _cell(
    name: str, loaded: LoadedScenario, runner: str, line: int, suite: PytestFile, folder: Path,
    variant: str, change: Variant | None,
) -> Cell:
    support = None if is_own(runner) else find_runner(runner.partition("@")[0]).teamwork.support(
        loaded.scenario.pattern, loaded.agents
    )
    base = name.partition(":")[0]
    return Cell(
        scenario=f"{base}:{loaded.case}" if loaded.case else name, loaded=loaded, runner=runner,
        line=line, suite=suite, folder=folder, variant=variant, change=change,
        unsupported=support.how if support and support.kind == "unsupported" else "",
    )


def _runner_problems(document: YamlDocument, runners: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    for at, spec in enumerate(runners):
        try:
            check_runner(spec)
        except InputError as error:
            problems += error.problems
        except (UsageError, EnvironmentFault) as error:
            problems.append(document.problem(("runners", at), f"{error.message} {error.hint}"))
    return problems


def _known_problems(
    document: YamlDocument, suite: PytestFile, runners: Sequence[str]
) -> list[Problem]:
    names = [runner_name(spec) for spec in runners]
    return [
        document.problem(("known", name), f"no runner of this file is named {name!r}")
        for name in suite.known if name not in names
    ]


def _variant_problems(
    document: YamlDocument, suite: PytestFile, scenarios: Sequence[tuple[str, int, LoadedScenario]]
) -> list[Problem]:
    problems = []
    if BASELINE in suite.variants:
        problems.append(document.problem(
            ("variants", BASELINE), "the scenario as it is has this name; take another"))
    for variant, change in suite.variants.items():
        for name, _, loaded in scenarios:
            try:
                load_scenario(f"{name.partition(':')[0]}:{loaded.case}" if loaded.case else name,
                              variant=change)
            except UsageError as error:
                where = ("variants", variant, *(("agents",) if change.agents else ()))
                problems.append(document.problem(where, error.message))
            except InputError as error:
                problems += [document.problem(("variants", variant), one.message)
                             for one in error.problems]
    return problems
