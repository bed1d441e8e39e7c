"""The report on a run: one file, whole, safe to open, and true."""

import os
import re
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


def written(database: str, folder: Path, matrix: str = "latest") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "agentdyno", "report", matrix, "-o", str(folder / "r.html")],
        env={**os.environ, "AGENTDYNO_DATABASE_URL": database, "AGENTDYNO_CACHE": str(folder)},
        text=True, capture_output=True, check=False,
    )


@pytest.fixture
def report(stored: str, tmp_path: Path) -> str:
    done = written(stored, tmp_path, made.FIRST[:8])
    assert done.returncode == 0, done.stderr
    return (tmp_path / "r.html").read_text()


def test_the_report_is_one_file_that_loads_nothing_and_runs_nothing(report: str) -> None:
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


def test_every_rate_of_the_report_has_its_interval_or_says_that_nothing_scatters(
    report: str
) -> None:
    text = Page(report).text
    assert re.search(r"crewai 1\.15\.30", text)
    assert "flaky" in text
    rates = re.findall(r"\d+%(?! \[| exact|, |\])[^\n]{0,20}", report)
    print(rates)
