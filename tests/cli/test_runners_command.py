"""`agentdyno runners`: the matrix, generated from what the adapters declare."""

import json
from pathlib import Path

import pytest

from agentdyno.cli.main import main
from agentdyno.core.pattern import PATTERNS
from agentdyno.runners.registry import RUNNERS


def test_the_matrix_has_a_row_for_each_pattern_and_a_column_for_each_runner(
    capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runners"]) == 0
    lines = capsys.readouterr().out.splitlines()
    head = next(line for line in lines if line.lstrip().startswith("pattern"))
    assert all(name in head for name in RUNNERS)
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.split()[:1]}
    for pattern in PATTERNS:
        told = [
            "n/a" if (found := RUNNERS[name].teamwork.patterns.get(pattern)) is None
            or found.kind == "unsupported" else found.kind
            for name in sorted(RUNNERS)
        ]
        assert rows[pattern] == told


def test_one_runner_is_explained_with_its_classes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runners", "langgraph"]) == 0
    text = capsys.readouterr().out
    assert "langgraph.graph.StateGraph" in text
    assert RUNNERS["langgraph"].teamwork.hook in text


def test_the_matrix_is_there_as_json_and_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runners", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["crewai"]["patterns"]["single"]["kind"] == "native"
    assert main(["runners", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| pattern | autogen |")


def test_the_readme_shows_the_matrix_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runners", "--markdown"]) == 0
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() in readme, "paste: agentdyno runners --markdown"


def test_every_declared_pattern_is_one_and_says_how() -> None:
    for row in RUNNERS.values():
        assert set(row.teamwork.patterns) <= set(PATTERNS)
        for name, support in row.teamwork.patterns.items():
            assert support.how, f"{row.name} {name}"
            assert not support.how.endswith(".")
