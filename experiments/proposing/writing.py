"""Proposals as a file: an experiment that holds them against the variant that failed."""

from collections.abc import Mapping
from pathlib import Path

from agentdyno.core.errors import HarnessFault
from agentdyno.core.experiment import Experiment, Size, Stopping
from agentdyno.core.variant import BASELINE, Variant
from agentdyno.core.yamlfile import load_yaml, validate_model
from agentdyno.experiments.abtest.reading import FOLDER as BUNDLED
from agentdyno.experiments.abtest.reading import read_experiment
from agentdyno.experiments.proposing.subject import Subject
from agentdyno.scenarios.importing.yamltext import Keys, yaml_text
from agentdyno.scenarios.loader import LIBRARY
from agentdyno.scenarios.paths import shown

_SIZE = Size(effect=0.2)
_SCHEMA = LIBRARY.parent / "core" / "schemas" / "experiment.schema.json"


def place_of(subject: Subject) -> Path:
    """Return the folder for proposals: beside the experiment, unless that is a bundled one."""
    folder = subject.folder
    return Path.cwd() if folder is None or folder == BUNDLED else folder


def experiment_of(
    subject: Subject, variants: Mapping[str, Variant], hypothesis: str, name: str
) -> Experiment:
    """Return the experiment that tells whether the proposals are any good.

    It asks what the experiment that failed asked; of a scenario alone, whether more trials pass.
    """
    arms = dict(variants)
    if subject.arm != BASELINE:
        arms = {subject.arm: subject.base, **arms}
    arms = {key: _placed(one, subject) for key, one in arms.items()}
    if subject.experiment is None:
        return Experiment(
            name=name, hypothesis=hypothesis, scenarios=tuple(subject.scenarios), variants=arms,
            baseline=subject.arm, size=_SIZE, stopping=Stopping(rule="sequential"),
        )
    asked = subject.experiment.model_dump(exclude_unset=True)
    asked |= {
        "name": name, "hypothesis": hypothesis, "baseline": subject.arm,
        "variants": {key: one.model_dump(exclude_unset=True) for key, one in arms.items()},
    }
    return Experiment.model_validate({key: asked[key] for key in asked if key != "arms"})


def _placed(variant: Variant, subject: Subject) -> Variant:
    """Return a variant whose `file:` prompts are found from anywhere."""
    folder = subject.folder or next(iter(subject.scenarios.values())).folder
    if not variant.prompts:
        return variant
    return variant.model_copy(update={"prompts": {
        agent: f"file:{folder / reference.removeprefix('file:')}"
        if reference.startswith("file:") else reference
        for agent, reference in variant.prompts.items()
    }})


def free_path(folder: Path, stem: str) -> tuple[Path, str]:
    """Return a path that no file has, and the name of an experiment that goes with it."""
    number = 1
    while (path := folder / f"{stem}_proposed_{number}.yaml").exists():
        number += 1
    # A name has 48 characters at most.
    tail = f"_proposed_{number}"
    return path, f"{stem[: 48 - len(tail)]}{tail}"


def write_experiment(path: Path, experiment: Experiment, head: str) -> None:
    """Write an experiment's file, and read it again as anybody would.

    Args:
        head: lines that go before it, as comments.

    Raises:
        HarnessFault: it cannot be written, or would not be read back unchanged.
        InputError: it would be refused; nothing is left behind.
    """
    data = experiment.model_dump(mode="json", exclude_unset=True)
    comments = "".join(f"# {line}\n".replace("# \n", "#\n") for line in head.splitlines())
    text = f"# yaml-language-server: $schema={_SCHEMA.as_uri()}\n{comments}{_yaml(data)}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise HarnessFault(f"{shown(path)} cannot be written: {error.strerror}.",
                           "--out FILE names another place") from error
    try:
        again = validate_model(load_yaml(path, shown(path)), Experiment)
        read_experiment(path)
    except BaseException:
        path.unlink()
        raise
    if again != experiment:
        path.unlink()
        raise HarnessFault(f"{shown(path)} would not be read back as it was written.",
                           "report it, with the model's answer")


def _yaml(data: dict[str, object]) -> str:
    variants = data.get("variants")
    if isinstance(variants, dict):
        data = data | {"variants": Keys({name: Keys(one) for name, one in variants.items()})}
    return yaml_text(Keys(data))
