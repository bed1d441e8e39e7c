"""The blessed file: small, the same for the same trials, and refused when it is not ours."""

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from agentdyno.core.check import CheckSpec
from agentdyno.core.errors import HarnessFault, InputError, UsageError
from agentdyno.experiments.gate.baseline import (
    baseline_text,
    merged,
    parse_baseline,
    read_baseline,
    write_baseline,
)
from agentdyno.experiments.gate.families import FAMILIES, family_of, family_values
from agentdyno.experiments.gate.observe import Ran, observe
from agentdyno.experiments.gate.suites import options_of, read_suite
from agentdyno.tests.experiments.gated import HELLO, cases, kept, state, suite
from agentdyno.tests.experiments.wires import recorded

BLESSED = state(cases(2, lambda case, at: kept(at)))


def changed(**values: object) -> str:
    return json.dumps({**json.loads(baseline_text(BLESSED)), **values})


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "s.baseline.json"
    write_baseline(BLESSED, path, "s")
    assert read_baseline(path, "s") == BLESSED
    assert list(tmp_path.iterdir()) == [path]


def test_equal_trials_give_equal_files() -> None:
    ran = Ran(situations=["s"], runners=["crewai"], checks={},
              trials=[recorded("crewai", [("solo", HELLO)])])
    once, again = (baseline_text(observe(suite(), ran)) for _ in range(2))
    assert once == again
    assert "duration" not in once


def test_equal_wires_are_kept_once() -> None:
    trials = [recorded("crewai", [("solo", HELLO)]) for _ in range(3)]
    ran = Ran(situations=["s"], runners=["crewai"], checks={}, trials=trials)
    assert len(observe(suite(), ran).wires) == 1


@pytest.mark.parametrize(("text", "says"), [
    ("{", "not JSON"),
    ("[]", "has no `format`"),
    (changed(format=2), "is a baseline of format 2, and this agentdyno reads 1"),
    (changed(format=0), "is a baseline of format 0, and this agentdyno reads 1"),
    (changed(cells=5), "cells: Input should be"),
    (changed(wires={}), "was edited by hand"),
    (changed(digest="0"), "was edited by hand"),
])
def test_what_is_no_baseline_of_ours_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_baseline(text, "s.baseline.json")


def test_a_missing_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?s)there is no baseline s.*agentdyno bless"):
        read_baseline(tmp_path / "s", "s")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(HarnessFault, match="cannot be written"):
        write_baseline(BLESSED, tmp_path / "gone" / "s", "s")


def test_blessing_one_runner_leaves_the_others_as_they_were() -> None:
    new = state(cases(2, lambda case, at: kept(at, passed=False)), runner="langgraph")
    both = merged(BLESSED, new)
    assert both.definition.runners == ("crewai", "langgraph")
    assert [cell for cell in both.cells if cell.runner == "crewai"] == list(BLESSED.cells)
    assert parse_baseline(baseline_text(both), "s") == both


def test_a_part_of_another_way_cannot_be_blessed_into_a_baseline() -> None:
    with pytest.raises(UsageError, match="differs in model"):
        merged(BLESSED, state(cases(2, lambda case, at: kept(at)), model="replay"))


def write_suite(folder: Path, text: str) -> Path:
    path = folder / "s.yaml"
    path.write_text(text)
    return path


def test_paths_of_a_suite_are_relative_to_its_file(tmp_path: Path) -> None:
    loaded = read_suite(write_suite(
        tmp_path, "name: s\nscenarios: [docs_question, ./own, deep/own:case]\n"))
    assert loaded.scenarios == (
        "docs_question", str(tmp_path / "own"), str(tmp_path / "deep" / "own:case"))
    options = options_of(loaded)
    assert (options.model, options.tools, options.fresh) == ("replay", "replay", True)
    assert options.cassettes == tmp_path / "cassettes"
    assert loaded.baseline == tmp_path / "s.baseline.json"
    assert len(options.runners) == 6


@pytest.mark.parametrize(("more", "says"), [
    ("metrics: [pased]", "there is no metric 'pased' (did you mean 'passed'"),
    ("margins: {walls: 1}", "there is no metric 'walls'"),
    ("margins: {passed: -1}", "margins"),
    ("model: live", "a live suite needs `llm`"),
    ("model: scripted\ntools: replay", "needs model: replay"),
    ("runners: [crewai, crewai@1.14.3]", "names the runner crewai twice"),
    ("trials: 0", "trials"),
    ("colour: red", "colour"),
])
def test_a_suite_with_problems_is_refused_with_file_and_line(
    tmp_path: Path, more: str, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_suite(write_suite(tmp_path, f"name: s\nscenarios: [docs_question]\n{more}\n"))
    assert says in str(caught.value)
    assert "s.yaml:" in str(caught.value)


def test_every_type_of_check_has_a_family() -> None:
    types = {part["properties"]["type"]["const"]
             for part in TypeAdapter(CheckSpec).json_schema()["$defs"].values()
             if "const" in part.get("properties", {}).get("type", {})}
    assert types == FAMILIES.keys()


def test_checks_are_judged_by_family_and_an_error_is_no_pass() -> None:
    families = {"a": "text", "b": "text", "c": "numeric"}
    assert family_values({"a": "pass", "b": "fail", "c": "error"}, families) == {
        "text": 0.0, "numeric": None}
    assert family_of("conformance/no_retries", ()) == "conformance"
