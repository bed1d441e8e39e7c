"""The example of `design/pytest.md`, run as a user would who copies it, on a real framework."""

import asyncio
import re
from pathlib import Path

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners import envs
from agentdyno.tests.cli import plugged

pytest_plugins = ["pytester"]
PAGE = Path(__file__).parents[2] / "design" / "pytest.md"


def test_the_example_of_the_page_passes(
    pytester: pytest.Pytester, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = load_settings().cache
    asyncio.run(envs.ensure(asyncio.run(envs.resolve("pydantic_ai", cache))))
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    (pytester.path / "pytest.ini").write_text(plugged.INI)
    blocks = re.findall(r"```\w+\n# (\S+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [name for name, _ in blocks] == ["docs.dyno.yaml", "test_agents.py"]
    for name, text in blocks:
        (pytester.path / name).write_text(text)
    result = pytester.runpytest_inprocess(*plugged.plugin())
    result.assert_outcomes(passed=6)
