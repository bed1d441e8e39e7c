"""Suite files: read, and turned into what `run` is asked for."""

from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import InputError, Problem
from agentdyno.core.settings import RunOptions
from agentdyno.core.suite import Suite
from agentdyno.core.yamlfile import load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest
from agentdyno.experiments.compare.metrics import METRICS
from agentdyno.runners.registry import RUNNERS
from agentdyno.scenarios.loader import list_scenarios
from agentdyno.scenarios.paths import shown


@dataclass(frozen=True, kw_only=True)
class LoadedSuite:
    """A suite, with its paths resolved."""

    suite: Suite
    file: Path
    scenarios: tuple[str, ...]
    """Names in the library, or absolute paths."""

    @property
    def cassettes(self) -> Path:
        """Return the folder of its recordings."""
        return self.file.parent / self.suite.cassettes

    @property
    def baseline(self) -> Path:
        """Return where its blessed file lies or would lie."""
        return self.file.parent / (self.suite.baseline or f"{self.suite.name}.baseline.json")


def read_suite(path: Path) -> LoadedSuite:
    """Read one suite file.

    Raises:
        InputError: it holds problems; all of them are listed.
    """
    document = load_yaml(path, shown(path))
    suite = validate_model(document, Suite)
    problems: list[Problem] = []
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("metrics", at), name) for at, name in enumerate(suite.metrics or ())),
        *((("margins", name), name) for name in suite.margins),
    ]
    for place, name in named:
        if name != "checks" and not name.startswith("check:") and name not in METRICS:
            known = ("checks", *METRICS)
            problems.append(document.problem(
                place, f"there is no metric {name!r}{nearest(name, known)}; there are "
                f"{', '.join(known)}",
            ))
    if suite.model == "live" and suite.llm is None:
        problems.append(document.problem(
            ("model",), "a live suite needs `llm`, as in llm: openai:gpt-5-mini"
        ))
    if problems:
        raise InputError(problems)
    folder = path.absolute().parent
    return LoadedSuite(
        suite=suite, file=path.absolute(),
        scenarios=tuple(_located(folder, name) for name in suite.scenarios),
    )


def _located(folder: Path, scenario: str) -> str:
    library = set(list_scenarios())
    name = scenario.partition(":")[0]
    if name in library or name.partition(".")[0] in library:
        return scenario
    return str((folder / scenario).absolute())


def options_of(
    loaded: LoadedSuite, *, runners: tuple[str, ...] = (), concurrency: int = 2,
    fresh: bool = False, env_file: Path | None = None, model: str | None = None,
) -> RunOptions:
    """Return what `run` is asked for to execute a suite.

    Stored trials count only where new ones cost money: a trial's identity knows nothing of the
    version of agentdyno, whose changes a gate must see too.

    Args:
        runners: in place of the suite's own.
        model: in place of the suite's own, to record with.
    """
    suite = loaded.suite
    source = model or suite.model
    return RunOptions.model_validate({
        "scenarios": loaded.scenarios, "runners": runners or suite.runners or tuple(RUNNERS),
        "trials": suite.trials, "seed": suite.seed, "concurrency": concurrency,
        "stream": suite.stream, "fresh": fresh or source in ("replay", "scripted"),
        "model": source,
        "llm": suite.llm if source in ("live", "record") else None,
        "providers": loaded.file.parent / suite.providers if suite.providers else None,
        "env_file": env_file, "cassettes": loaded.cassettes,
        "tools": suite.tool_source if source == "replay" else "live", "retries": suite.retries,
    })


def runners_of(loaded: LoadedSuite) -> tuple[str, ...]:
    """Return the names of a suite's runners, without versions."""
    return tuple(
        name.partition("@")[0] for name in (loaded.suite.runners or tuple(RUNNERS))
    )
