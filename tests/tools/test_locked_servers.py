"""`${cache}` and `${locked:NAME}` in `mcpServers`: where they lead, and what is said otherwise."""

from pathlib import Path

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.spec import ToolServer
from agentdyno.tools.launch import resolve
from agentdyno.tools.locked import LOCKS, locked, locked_names

SERVER = ToolServer(command="${locked:mcp-server-git}", args=("${cache}", "--repository", "."))


def test_a_locked_server_lies_in_the_cache_by_version_and_lock(tmp_path: Path) -> None:
    launch = resolve("git", SERVER, tmp_path, {"AGENTDYNO_CACHE": str(tmp_path)})
    program, cache, *_ = launch.command
    assert cache == str(tmp_path)
    assert Path(program).is_relative_to(tmp_path / "servers")
    assert Path(program).name == "mcp-server-git"
    assert locked("mcp-server-git", tmp_path).version in program
    assert locked_names(SERVER) == ("mcp-server-git",)


def test_a_server_that_is_not_locked_is_refused_with_those_that_are(tmp_path: Path) -> None:
    server = ToolServer(command="${locked:mcp-server-hg}")
    with pytest.raises(UsageError, match="use one of: mcp-server-git"):
        resolve("hg", server, tmp_path, {"HOME": str(tmp_path)})


def test_without_a_place_for_a_cache_the_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither HOME nor AGENTDYNO_CACHE"):
        resolve("git", SERVER, tmp_path, {})


def test_every_lock_pins_its_server_and_names_no_package_index() -> None:
    for path in LOCKS.glob("*.txt"):
        text = path.read_text()
        assert f"{path.stem}==" in text
        assert "://" not in text
