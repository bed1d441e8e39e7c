"""What a gate writes for people, for CI and for programs."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from agentdyno.cli.gatefiles import Outputs, report_json, write_outputs
from agentdyno.cli.gategithub import annotations
from agentdyno.cli.gatejunit import junit_xml
from agentdyno.cli.gatemarkdown import markdown
from agentdyno.cli.gatetable import print_report
from agentdyno.cli.gatewords import verdict_line
from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings
from agentdyno.experiments.gate.gate import GateReport, gate
from agentdyno.tests.experiments.gated import (
    HELLO,
    cases,
    kept,
    noisy,
    noisy_wires,
    printed,
    state,
    suite,
)

EVIL = 'a <b> | "c"\n@everyone 100%\x01'


def exact() -> GateReport:
    trials = cases(4, lambda case, at: kept(at))
    return gate(suite(), state(trials), state(trials))


def failing() -> GateReport:
    """A regression, an improvement and a drift with awkward texts."""
    evil = {**HELLO, "messages": [{"role": "system", "content": EVIL}]}
    before = state(cases(4, lambda case, at: kept(at, wire="w", values={"model_calls": 4})),
                   wires={"w": printed(("solo", HELLO))})
    now = state(
        cases(4, lambda case, at: kept(at, passed=case > 0, wire="n", values={"model_calls": 2})),
        wires={"n": printed(("solo", evil))},
    )
    return gate(suite(), before, now)


def unsure(policy: str) -> GateReport:
    def some(mark: str) -> object:
        trials = cases(5, lambda case, at: kept(
            at, passed=(case + at) % 3 > 0, wire=noisy(case, at, mark)))
        return state(trials, wires=noisy_wires(5, mark=mark))

    return gate(suite(policy={"wire": "ignore", "inconclusive": policy}), some("a"), some("b"))


def table(report: GateReport) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        print_report(console, report)
    return captured.get()


def test_the_verdict_is_one_line_with_its_first_reasons() -> None:
    assert verdict_line(exact()) == "gate s: PASS: 2 questions to 12 trials of 4 cells"
    assert verdict_line(failing()).startswith(
        "gate s: REGRESSION: crewai passed 1 -> 0.75; crewai check:text 1 -> 0.75; and ")
    assert "\n" not in verdict_line(unsure("fail"))


def test_no_interval_is_printed_where_nothing_scatters_and_that_is_said() -> None:
    said = table(exact())
    assert "2 questions pass exactly" in said
    assert "[" not in said


def test_the_table_shows_interval_p_and_what_could_be_detected_where_trials_scatter() -> None:
    said = table(unsure("warn"))
    assert "inconclusive (too few trials" in said
    assert "detectable" in said
    assert "[" in said


def test_junit_is_xml_whatever_agents_say_and_counts_what_fails() -> None:
    (found,) = ET.fromstring(junit_xml(failing()))
    names = {(case.get("classname"), case.get("name")): case for case in found}
    assert names["gate.crewai", "passed"].find("failure") is not None
    assert names["gate.crewai", "model_calls"].find("failure") is None
    assert int(found.get("failures", "")) == len(found.findall("testcase/failure")) >= 3
    assert any(key[0] == "wire.crewai" for key in names)


@pytest.mark.parametrize(("policy", "kind"), [("fail", "failure"), ("warn", "skipped")])
def test_what_is_inconclusive_fails_in_junit_only_where_the_policy_says_so(
    policy: str, kind: str
) -> None:
    (found,) = ET.fromstring(junit_xml(unsure(policy)))
    assert found.find(f"testcase/{kind}") is not None


def test_markdown_folds_what_passes_and_takes_nothing_for_markup() -> None:
    text = markdown(failing())
    assert text.startswith("<!-- agentdyno gate s -->\n")
    assert "**Wire drift**" in text
    assert "**Flipped cases**" in text
    assert "<b>" not in text.replace("<details>", "").partition("```")[0]
    assert "<details><summary>2 that pass" in markdown(exact())


def test_annotations_are_one_line_each_and_of_the_level_that_the_policy_gives() -> None:
    assert annotations(exact()) == [
        "::notice title=gate s::gate s: PASS: 2 questions to 12 trials of 4 cells"]
    told = annotations(failing())
    assert all(line.startswith("::error title=") and "\n" not in line for line in told)
    assert annotations(unsure("warn"))[0].startswith("::warning ")
    assert annotations(unsure("fail"))[0].startswith("::error ")
    assert annotations(unsure("pass"))[0].startswith("::notice ")


def test_json_holds_everything_and_the_exit_code() -> None:
    told = json.loads(report_json(failing()))
    assert (told["format"], told["exit_code"], told["verdict"]) == (1, 1, "regression")
    assert told["lines"][0]["method"] == "exact"
    assert told["drifts"][0]["before"] == '"Be brief."'


def outputs(settings: Settings, **given: object) -> Outputs:
    return Outputs.of(settings, **{  # type: ignore[arg-type]
        "junit": None, "markdown": None, "json_file": None, "github": None, **given})


def test_a_step_summary_is_appended_to(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    settings = Settings(cache=tmp_path, environment={
        "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    write_outputs(exact(), outputs(settings))
    assert summary.read_text().startswith("before\n<!-- agentdyno gate s -->")
    assert not outputs(Settings(cache=tmp_path)).github


def test_a_file_in_a_folder_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--junit"):
        outputs(Settings(cache=tmp_path), junit=tmp_path / "no" / "j.xml")
