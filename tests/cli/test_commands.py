"""The command line's words and exit codes, without a run."""

from pathlib import Path

import pytest

from agentdyno.cli.main import COMMANDS, main


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AGENTDYNO_DATABASE_URL", raising=False)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert "Usage: agentdyno" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "Did you mean 'run'?"),
        (["run", "--nonsense"], "No such option"),
        (["run"], "agentdyno list scenarios"),
        (["run", "investment_analysys"], "investment_analysis"),
        (["run", "docs_question", "--runner", "crewia"], "use crewai"),
        (["run", "docs_question", "--trials", "0"], "--trials"),
        (["run", "docs_question", "--json", "/no/such/folder/x.json"], "folder does not exist"),
        (["agent", "show", "resarcher"], "researcher"),
        (["env", "remove"], "agentdyno env list"),
        (["env", "remove", "crewai"], "no environment of crewai"),
        (["env", "sync", "crewia"], "use crewai"),
    ],
)
def test_bad_usage_ends_with_4_and_says_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 4
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_a_scenario_with_tabs_is_refused_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenario.yaml").write_text("name: x\nagents:\n\tsolo: {}\n")
    assert main(["run", str(tmp_path)]) == 4
    assert "scenario.yaml:3" in capsys.readouterr().err


SCENARIO = """\
name: broken
title: One tool that nobody offers
user: [Hello]
agents:
  solo:
    role: solo
    goal: Answer
    instructions: Be brief.
    tools: [calculator.evaluat]
pattern: {type: single, agent: solo}
mcpServers:
  calculator: {bundled: calculator}
checks:
  - {id: says, type: contains, text: x}
script: script.yaml
"""


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "script.yaml").write_text("agents:\n  solo:\n    - say: x\n")
    return tmp_path


def test_a_tool_that_no_server_offers_is_refused_with_file_line_and_the_nearest_name(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(broken)]) == 4
    shown = capsys.readouterr().err
    assert "scenario.yaml:9: agents.solo.tools" in shown
    assert "did you mean 'evaluate'?" in shown


def test_a_server_that_exits_at_start_is_refused_with_its_last_words(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = """{command: "${python}", args: ["-c", "raise SystemExit('no licence')"]}"""
    (broken / "scenario.yaml").write_text(
        SCENARIO.replace("{bundled: calculator}", command)
    )
    assert main(["validate", str(broken)]) == 4
    shown = capsys.readouterr().err
    assert "scenario.yaml:12: mcpServers.calculator" in shown
    assert "no licence" in shown


def test_the_library_validates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate"]) == 0
    assert "investment_analysis: good" in capsys.readouterr().out


def test_agents_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agent", "list"]) == 0
    listed = capsys.readouterr().out
    for name in ("researcher", "analyst", "writer", "coordinator", "critic", "reviewer"):
        assert name in listed
    assert main(["agent", "show", "critic"]) == 0
    assert "instructions" not in capsys.readouterr().out.splitlines()[0]


def test_doctor_names_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "file" / "cache"))
    assert main(["doctor"]) == 3
    shown = capsys.readouterr().out
    assert "cannot be written" in shown
    assert "AGENTDYNO_CACHE=" in shown
