"""`agentdyno import`: what it prints, and what it refuses."""

import json
from pathlib import Path

import pytest

from agentdyno.cli.main import main

TALK = [
    {"role": "user", "content": "go"},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "find", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "a", "content": "found"},
    {"role": "assistant", "content": "done"},
    {"role": "user", "content": "thanks"},
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Call 7.json").write_text(json.dumps({"messages": TALK}))
    return tmp_path


def test_it_says_what_was_made_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "Call 7.json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "imported/call_7: 1 user turn, 1 tool call, 1 tool"
    assert lines[1] == (
        "  note: The recording ends with a message of the user's that has no answer; it was left "
        "out."
    )
    assert lines[-1] == "run: agentdyno run imported/call_7"
    assert main(["validate", "imported/call_7"]) == 0


def test_what_is_there_already_stays_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["import", "Call 7.json", "--to", "here", "--name", "mine"]
    assert main(arguments) == 0
    assert main(arguments) == 4
    assert "there already: here/mine\n  next: add --force" in capsys.readouterr().err
    assert main([*arguments, "--force"]) == 0


def test_several_conversations_are_run_together(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "more.jsonl").write_text("\n".join([json.dumps({"messages": TALK})] * 2))
    assert main(["import", "more.jsonl"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "run: agentdyno run imported/*"
    assert main(["import", "more.jsonl", "--name", "x"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "run: agentdyno run imported/x_1 imported/x_2"
    )


def test_bad_input_is_told_with_file_and_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.json").write_text('{"messages": [\n{"role": "tool", "tool_call_id": "x"}]}')
    assert main(["import", "bad.json"]) == 4
    told = capsys.readouterr().err
    assert "bad.json:2: messages.0: a tool result without a call" in told
    assert "next: correct these places; nothing was imported" in told


def test_a_file_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "nothing.json"]) == 4
    assert "nothing.json" in capsys.readouterr().err
