"""Experiment files: found by name or path, read, and refused with their lines."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentdyno.agents.library import AgentLibrary
from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.experiment import Experiment
from agentdyno.core.settings import RunOptions
from agentdyno.core.variant import BASELINE
from agentdyno.core.yamlfile import KeyPath, YamlDocument, load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest
from agentdyno.experiments.compare.metrics import METRICS, Metric, check_metric
from agentdyno.experiments.variants import ALIASES, Declared
from agentdyno.runners.own import is_own
from agentdyno.runners.registry import list_runners
from agentdyno.scenarios.loader import LoadedScenario, list_scenarios, load_cases
from agentdyno.scenarios.paths import shown
from agentdyno.scenarios.variantrefs import variant_problems

FOLDER = Path(__file__).parents[1]
"""Where the bundled experiments lie."""
_SCHEMA = "experiment.schema.json"


@dataclass(frozen=True, kw_only=True)
class LoadedExperiment:
    """An experiment with its names looked up."""

    experiment: Experiment
    file: Path
    """Absolute path of its file."""
    scenarios: tuple[str, ...]
    """Names in the library, or absolute paths."""

    @property
    def declared(self) -> Declared | None:
        """Return the file's own variants; None where those of the scenarios take part."""
        if not self.experiment.variants:
            return None
        return Declared(
            variants=self.experiment.variants, folder=self.file.parent,
            owner=f"experiment {self.experiment.name!r}",
        )

    @property
    def typed(self) -> str:
        """Return its name where it is bundled, else its path, as the user would type it."""
        return self.file.stem if self.file.parent == FOLDER else shown(self.file)

    def options(
        self, *, trials: int, arms: Sequence[str], concurrency: int = 2,
        env_file: Path | None = None, mlflow: bool = True, more: Mapping[str, Any] | None = None,
    ) -> RunOptions:
        """Return what `run` is asked for: `trials` repeats of the variants `arms`.

        Args:
            more: further fields of `RunOptions`, such as budgets.
        """
        asked, folder = self.experiment, self.file.parent
        return RunOptions.model_validate({
            "scenarios": self.scenarios,
            "runners": tuple(
                str((folder / name).absolute()) if name.endswith((".yaml", ".yml")) else name
                for name in asked.runners
            ) or tuple(row.name for row in list_runners()),
            "trials": trials, "seed": asked.seed, "concurrency": concurrency,
            "stream": asked.stream, "model": asked.model, "llm": asked.llm,
            "providers": folder / asked.providers if asked.providers else None,
            "env_file": env_file, "cassettes": folder / asked.cassettes, "tools": asked.tools,
            "retries": asked.retries, "variants": tuple(arms), "mlflow": mlflow,
            **(more or {}),
        })


def metric_of(name: str) -> Metric:
    """Return the metric of this name; raises KeyError when there is none."""
    if name.startswith("check:"):
        return check_metric(name.removeprefix("check:"))
    return METRICS[name]


def list_bundled() -> tuple[str, ...]:
    """Return the names of the bundled experiments, in alphabetical order."""
    return tuple(sorted(
        path.stem for path in FOLDER.glob("*.yaml") if _SCHEMA in path.read_text("utf-8")[:200]
    ))


def find_experiment(name_or_path: str | Path) -> Path:
    """Return the file of an experiment; raises `UsageError` when there is none."""
    names = list_bundled()
    if str(name_or_path) in names:
        return FOLDER / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    raise UsageError(
        f"there is no experiment {str(name_or_path)!r}{nearest(str(name_or_path), names)}, "
        f"neither bundled ({', '.join(names)}) nor as a file",
        "agentdyno experiment list",
    )


def read_experiment(name_or_path: str | Path) -> LoadedExperiment:
    """Read one experiment.

    Raises:
        UsageError: there is no such file.
        InputError: it holds problems, or a scenario that it names does; all of them are listed.
    """
    path = find_experiment(name_or_path)
    document = load_yaml(path, shown(path))
    experiment = validate_model(document, Experiment)
    references = _References(document, experiment, path.absolute().parent)
    problems = references.find()
    if problems:
        raise InputError(problems, f"correct these lines, then: agentdyno experiment run {path}")
    return LoadedExperiment(
        experiment=experiment, file=path.absolute(), scenarios=references.located
    )


class _References:
    """Finds what an experiment names that is not there."""

    def __init__(self, document: YamlDocument, experiment: Experiment, folder: Path) -> None:
        self._document, self._asked, self._folder = document, experiment, folder
        self._problems: list[Problem] = []
        self._cases: dict[str, tuple[LoadedScenario, ...]] = {}
        self.located: tuple[str, ...] = ()

    def find(self) -> list[Problem]:
        """Return every problem."""
        self._load()
        self._check_runners()
        self._check_metrics()
        self._check_arms()
        if self._asked.variants and self._cases:
            self._check_variants()
        return self._problems

    def _add(self, path: KeyPath, message: str) -> None:
        self._problems.append(self._document.problem(path, message))

    def _load(self) -> None:
        found = []
        for at, name in enumerate(self._asked.scenarios):
            place = located(self._folder, name)
            found.append(place)
            try:
                self._cases[name] = load_cases(place)
            except InputError as error:
                self._problems += error.problems
            except UsageError as error:
                self._add(("scenarios", at), error.message)
        self.located = tuple(found)

    def _check_runners(self) -> None:
        known = [row.name for row in list_runners()]
        for at, spec in enumerate(self._asked.runners):
            name = spec.partition("@")[0]
            if is_own(spec):
                if spec.endswith((".yaml", ".yml")) and not (self._folder / spec).is_file():
                    self._add(("runners", at), f"there is no file {spec!r} beside the experiment")
            elif name not in known:
                self._add(("runners", at), f"there is no runner {name!r}{nearest(name, known)};"
                          f" there are {', '.join(known)}")

    def _check_metrics(self) -> None:
        named: list[tuple[KeyPath, str]] = [
            (("metric",), self._asked.metric),
            *((("guards", name), name) for name in self._asked.guards),
        ]
        for path, name in named:
            kind, colon, check = name.partition(":")
            if not colon and name not in METRICS:
                self._add(path, f"there is no metric {name!r}{nearest(name, METRICS)}; there are"
                          f" {', '.join(METRICS)}, and check:ID for every check")
            for scenario, cases in self._cases.items() if colon else ():
                ids = list(dict.fromkeys(c.id for one in cases for c in one.scenario.checks))
                if check not in ids:
                    self._add(path, f"scenario {scenario!r} has no {kind} {check!r}"
                              f"{nearest(check, ids)}; it has {', '.join(ids)}")
        size = self._asked.size
        if size.effect is not None and self._asked.metric in METRICS and (
            metric_of(self._asked.metric).kind == "ratio"
        ):
            self._add(("size",), f"{self._asked.metric} is no rate, so that its scatter is not"
                      " known beforehand: give trials")

    def _check_arms(self) -> None:
        for at, name in enumerate(self._asked.arms):
            self._check_arm(("arms", at), name)
        if "baseline" in self._asked.model_fields_set:
            self._check_arm(("baseline",), self._asked.baseline)

    def _check_arm(self, path: KeyPath, name: str) -> None:
        if name in (BASELINE, *ALIASES) or name in self._asked.variants:
            return
        if self._asked.variants:
            names = list(self._asked.variants)
            self._add(path, f"there is no variant {name!r}{nearest(name, names)}; there are"
                      f" {', '.join([BASELINE, *names])}")
            return
        for scenario, cases in self._cases.items():
            names = list(cases[0].scenario.variants)
            if name not in names:
                self._add(path, f"scenario {scenario!r} has no variant {name!r}"
                          f"{nearest(name, names)}; it has {', '.join([BASELINE, *names])}")

    def _check_variants(self) -> None:
        every = [cases[0] for cases in self._cases.values()]
        agents = set.intersection(*({agent.name for agent in one.agents} for one in every))
        servers = set.intersection(*({*one.scenario.mcpServers} for one in every))
        self._problems += [
            problem for problem in variant_problems(
                self._document, self._folder, agents=agents, servers=servers,
                archetypes=AgentLibrary().names(),
            ) if not problem.key.endswith(".script")
        ]
        self._problems += self._scripts(every)

    def _scripts(self, every: Sequence[LoadedScenario]) -> Iterator[Problem]:
        for name, variant in self._asked.variants.items():
            for one in every if variant.script else ():
                assert variant.script is not None
                if not (one.folder / variant.script).is_file():
                    yield self._document.problem(
                        ("variants", name, "script"),
                        f"there is no file {variant.script!r} in the folder of scenario"
                        f" {one.scenario.name!r}",
                    )


def located(folder: Path, scenario: str) -> str:
    """Return a scenario's name where the library has it, else its absolute path."""
    if scenario.partition(":")[0].partition(".")[0] in list_scenarios():
        return scenario
    return str((folder / scenario).absolute())


def name_of(name_or_path: str) -> str:
    """Return under which name an experiment is kept: the text itself, or what a file says.

    Raises:
        InputError: it is a file, but none of an experiment.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return name_or_path
    return validate_model(load_yaml(path, shown(path)), Experiment).name
