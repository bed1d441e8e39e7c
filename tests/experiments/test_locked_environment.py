"""The environment of a locked tool server: made by the harness, or refused with words."""

from pathlib import Path

import pytest

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.spec import ToolServer
from agentdyno.experiments.lockedserver import make_locked
from agentdyno.experiments.toolcheck import tool_problems
from agentdyno.scenarios.loader import load_scenario
from agentdyno.tools.gateway import ToolGateway


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take every package away: no network, nothing downloaded before."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    return tmp_path


async def test_without_a_package_index_it_says_when_one_is_needed(offline: Path) -> None:
    with pytest.raises(EnvironmentFault) as error:
        await make_locked(ToolServer(command="${locked:mcp-server-git}"))
    assert "mcp-server-git is installed when it is first used" in str(error.value)
    assert not list((offline / "cache").glob("servers/*/bin"))


async def test_a_scenario_whose_server_cannot_be_made_is_told_with_its_line(offline: Path) -> None:
    gateway = ToolGateway()
    problems = await tool_problems(gateway, load_scenario("release_notes"))
    await gateway.stop()
    [problem] = [one for one in problems if one.key == "mcpServers.git"]
    assert "mcp-server-git" in problem.message
    assert problem.line > 1


async def test_a_server_without_a_lock_needs_nothing(offline: Path) -> None:
    await make_locked(ToolServer(bundled="mailbox"))
    assert not (offline / "cache").exists()
