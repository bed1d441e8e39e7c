"""Experiment files: what is wrong is refused with its line before anything runs."""

import shutil
from pathlib import Path

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.experiments.abtest.reading import (
    FOLDER,
    list_bundled,
    name_of,
    read_experiment,
)

GOOD = """\
name: trying
hypothesis: It helps.
scenarios: [parcel_claims]
runners: [pydantic_ai]
variants:
  kind: {agents: {clerk: {append: Be kind.}}}
size: {trials: 4}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "trying.yaml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(InputError) as caught:
        read_experiment(write(folder, text))
    return [(one.line, one.key, one.message) for one in caught.value.problems]


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_the_bundled_experiments_are_found_by_name_and_hold_no_problem() -> None:
    assert "safe_experimentation" in list_bundled()
    assert "standard_faults" not in list_bundled()
    for name in list_bundled():
        assert read_experiment(name).experiment.name == name
        assert read_experiment(name).typed == name


def test_what_a_file_asks_for_is_what_run_is_asked_for(tmp_path: Path) -> None:
    loaded = read_experiment(write(tmp_path, GOOD))
    options = loaded.options(trials=3, arms=("baseline", "kind"))
    assert (options.scenarios, options.runners, options.variants, options.trials) == (
        ("parcel_claims",), ("pydantic_ai",), ("baseline", "kind"), 3)
    assert loaded.declared is not None
    assert loaded.declared.folder == tmp_path
    assert name_of(str(loaded.file)) == "trying"


@pytest.mark.parametrize(("old", "new", "line", "key", "words"), [
    ("clerk: {append", "clark: {append", 6, "variants.kind.agents.clark", "did you mean 'clerk'"),
    ("size:", "metric: pased\nsize:", 7, "metric", "did you mean 'passed'"),
    ("size:", "metric: check:right_figur\nsize:", 7, "metric", "did you mean 'right_figure'"),
    ("size:", "guards: {tokens: 0.1}\nsize:", 7, "guards.tokens", "there is no metric 'tokens'"),
    ("size:", "baseline: kinder\nsize:", 7, "baseline", "did you mean 'kind'"),
    ("size:", "arms: [kid]\nsize:", 7, "arms.0", "did you mean 'kind'"),
    ("parcel_claims", "parcel_claim", 3, "scenarios.0", "there is no scenario"),
    ("pydantic_ai", "pydantic", 4, "runners.0", "there is no runner 'pydantic'"),
    ("[pydantic_ai]", "[mine.yaml]", 4, "runners.0", "there is no file 'mine.yaml'"),
    ("{append: Be kind.}", "{tools: [post.send]}", 6, "variants.kind.agents.clerk.tools.0", "post"),
    ("{agents: {clerk: {append: Be kind.}}}", "{script: kind.yaml}", 6, "variants.kind.script",
     "there is no file 'kind.yaml' in the folder of scenario 'parcel_claims'"),
    ("{agents: {clerk: {append: Be kind.}}}", "{prompts: {clerk: 'file:kind.md'}}", 6,
     "variants.kind.prompts.clerk", "there is no file 'kind.md'"),
    ("size: {trials: 4}", "size: {}", 7, "size", "either `trials`, or the `effect`"),
    ("size: {trials: 4}", "size: {trials: 4, power: 0.9}", 7, "size", "power"),
    ("size: {trials: 4}", "metric: prompt_tokens\nsize: {effect: 0.1}", 8, "size", "give trials"),
    ("size: {trials: 4}", "size: {trials: 4}\nguards: {passed: 0.1}", 1, "",
     "cannot be a guard too"),
    ("size: {trials: 4}", "size: {trials: 4}\nbaseline: kind", 1, "", "against nothing"),
    ("pydantic_ai", "pydantic_ai, pydantic_ai@2.0.0", 1, "", "names a runner twice"),
    ("size:", "sizes:", 7, "sizes", "did you mean 'size'"),
], ids=lambda value: str(value).replace("\n", " ")[:40])
def test_a_mistake_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    found = problems(tmp_path, changed(old, new))
    assert any(
        (at, where) == (line, key) and words in message for at, where, message in found
    ), found


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = changed("clerk", "clark").replace("pydantic_ai", "pydantic") + "metric: pased\n"
    assert len(problems(tmp_path, text)) == 3


def test_without_variants_of_its_own_an_experiment_takes_those_of_the_scenario(
    tmp_path: Path
) -> None:
    folder = tmp_path / "claims"
    shutil.copytree(FOLDER.parent / "scenarios" / "parcel_claims", folder)
    with (folder / "scenario.yaml").open("a") as file:
        file.write("variants: {kind: {agents: {clerk: {append: Be kind.}}}}\n")
    text = changed("parcel_claims", "claims").replace(
        "variants:\n  kind: {agents: {clerk: {append: Be kind.}}}", "arms: [kind, candidate]")
    loaded = read_experiment(write(tmp_path, text))
    assert loaded.declared is None
    assert loaded.experiment.challengers == ("kind", "candidate")
    ((line, key, message),) = problems(tmp_path, text.replace("[kind", "[kid"))
    assert (line, key) == (5, "arms.0")
    assert "did you mean 'kind'" in message


def test_an_experiment_that_compares_nothing_is_refused(tmp_path: Path) -> None:
    text = changed("variants:\n  kind: {agents: {clerk: {append: Be kind.}}}\n", "")
    ((_, _, message),) = problems(tmp_path, text)
    assert "compares nothing" in message


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'safe_experimentation'"):
        read_experiment("safe_experimentatoin")
