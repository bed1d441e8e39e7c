"""The report on a run: one file, whole, safe to open, and true."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agentdyno.tests.dashboards import stored as made


class Page(HTMLParser):
    """What a browser would make of the file: tags with attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def written(database: str, folder: Path, matrix: str) -> subprocess.CompletedProcess[str]:
    file = str(folder / "r.html")
    return subprocess.run(
        [sys.executable, "-P", "-m", "agentdyno", "report", matrix, "-o", file],
        env={**os.environ, "AGENTDYNO_DATABASE_URL": database, "AGENTDYNO_CACHE": str(folder)},
        text=True, capture_output=True, check=False,
    )


@pytest.fixture
def report(stored: str, tmp_path: Path) -> str:
    done = written(stored, tmp_path, made.FIRST[:8])
    assert done.returncode == 0, done.stderr
    return (tmp_path / "r.html").read_text()


def test_the_report_is_one_whole_file_that_loads_nothing_and_says_what_was_measured(
    report: str
) -> None:
    page = Page(report)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object", "link")]
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in ("href", "src", "xlink:href"):
                assert value, tag
                assert value.startswith("#"), (tag, value)
    assert sum(tag == "svg" for tag, _ in page.tags) == 5
    for said in (
        "autogen 0.7.9: the bench spoiled 1 of 4 trials", "autogen 0.7.9 is flaky",
        "langgraph 1.2.22 against crewai 1.15.30", "100% [51%, 100%]", "AAPL is not named",
        "the worker's process died", "crewai 1.15.30, python 3.11.2",
    ):
        assert said in page.text, said


def test_faults_are_held_against_the_same_trial_without_them(stored: str, tmp_path: Path) -> None:
    done = written(stored, tmp_path, made.CHAOS[:8])
    assert done.returncode == 0, done.stderr
    assert "Faults that were injected" in Page((tmp_path / "r.html").read_text()).text


@pytest.mark.parametrize(("matrix", "told"), [
    ("f00", "No run 'f00'"), (made.RUNNING[:8], "stored no trial"),
])
def test_a_run_without_trials_or_that_is_not_there_is_refused(
    stored: str, tmp_path: Path, matrix: str, told: str
) -> None:
    done = written(stored, tmp_path, matrix)
    assert done.returncode == 4
    assert told in done.stderr
    assert "next:" in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_a_database_without_any_run_says_what_to_run(database: str, tmp_path: Path) -> None:
    done = written(database, tmp_path, "latest")
    assert (done.returncode, "agentdyno run" in done.stderr) == (4, True)
