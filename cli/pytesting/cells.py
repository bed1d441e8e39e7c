"""What is to be tested: one cell for each scenario, runner and variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.settings import RunOptions
from agentdyno.core.testfile import PytestFile, PytestVariant
from agentdyno.core.yamlfile import YamlDocument, load_yaml, validate_model
from agentdyno.runners.own import is_own
from agentdyno.runners.registry import find_runner, list_runners
from agentdyno.scenarios.loader import LoadedScenario, load_cases, load_scenario, shown


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
    variant: str = "baseline"
    change: PytestVariant | None = None
    unsupported: str = ""
    """Why the runner does not execute the team; "" when it does."""

    @property
    def name(self) -> str:
        """Return `scenario[runner]`, or `scenario[runner-variant]`."""
        changed = f"-{self.variant}" if self.change else ""
        return f"{self.loaded.situation}[{self.runner}{changed}]"

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
        names = {spec.partition("@")[0] for spec in runners}
        return tuple(spec for spec in self.runners if spec.partition("@")[0] in names)


def cells_of_file(path: Path, chosen: Chosen) -> list[Cell]:
    """Read a `*.dyno.yaml`.

    Raises:
        InputError: every problem of the file and of the scenarios that it names.
    """
    document = load_yaml(path, shown(path))
    suite = validate_model(document, PytestFile)
    problems = [*_runner_problems(document, suite), *_known_problems(document, suite)]
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
    runners = chosen.among(suite.runners or [row.name for row in list_runners()])
    variants = {"baseline": None, **suite.variants}
    return [
        _cell(name, loaded, runner, line, chosen.apply(suite), path.parent, variant, change)
        for name, line, loaded in scenarios for runner in runners
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
    runners = chosen.among([row.name for row in list_runners()])
    return [
        _cell(found, one, runner, 1, suite, Path.cwd(), "baseline", None)
        for found, one in loaded for runner in runners
    ]


def _cell(
    name: str, loaded: LoadedScenario, runner: str, line: int, suite: PytestFile, folder: Path,
    variant: str, change: PytestVariant | None,
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


def _runner_problems(document: YamlDocument, suite: PytestFile) -> list[Problem]:
    problems = []
    for at, spec in enumerate(suite.runners):
        try:
            if not is_own(spec):
                find_runner(spec.partition("@")[0])
        except UsageError as error:
            problems.append(document.problem(("runners", at), f"{error.message} {error.hint}"))
    return problems


def _known_problems(document: YamlDocument, suite: PytestFile) -> list[Problem]:
    names = [spec.partition("@")[0] for spec in suite.runners] or [r.name for r in list_runners()]
    return [
        document.problem(("known", name), f"no runner of this file is named {name!r}")
        for name in suite.known if name not in names
    ]


def _variant_problems(
    document: YamlDocument, suite: PytestFile, scenarios: Sequence[tuple[str, int, LoadedScenario]]
) -> list[Problem]:
    problems = []
    if "baseline" in suite.variants:
        problems.append(document.problem(
            ("variants", "baseline"), "the scenario as it is has this name; take another"))
    for variant, change in suite.variants.items():
        for name, _, loaded in scenarios:
            try:
                load_scenario(f"{name.partition(':')[0]}:{loaded.case}" if loaded.case else name,
                              change.agents)
            except UsageError as error:
                problems.append(document.problem(("variants", variant, "agents"), error.message))
            except InputError as error:
                problems += [document.problem(("variants", variant), one.message)
                             for one in error.problems]
    return problems



