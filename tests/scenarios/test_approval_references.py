"""Approvals that name what is not there are refused before anything runs."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError
from agentdyno.experiments.toolcheck import tool_problems
from agentdyno.scenarios.loader import load_scenario
from agentdyno.tools.gateway import ToolGateway

TEXT = """\
name: mailing
title: A mail that somebody must allow
user: [Write]
agents:
  solo: {role: solo, goal: Answer, instructions: Be brief., tools: [box.*]}
pattern: {type: single, agent: solo}
mcpServers:
  box: {bundled: mailbox}
approvals:
  risks:
    box.send_mail: high
    memory.memory_write: high
    %s: high
  script:
    - {tool: %s, decision: approve}
"""


def write(folder: Path, risk: str, tool: str) -> Path:
    (folder / "scenario.yaml").write_text(TEXT % (risk, tool))
    return folder


def test_servers_that_do_not_exist_are_told_with_line_and_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, "bix.*", "post.send"))
    risk, script = caught.value.problems
    assert (risk.line, script.line) == (13, 15)
    assert "'bix'" in risk.message
    assert "box" in risk.message
    assert "'post'" in script.message


async def test_tools_that_no_server_offers_are_told(tmp_path: Path) -> None:
    gateway = ToolGateway()
    try:
        loaded = load_scenario(write(tmp_path, "box.send_letter", "box.send_mial"))
        found = await tool_problems(gateway, loaded)
    finally:
        await gateway.stop()
    assert [problem.line for problem in found] == [13, 15]
    assert all("did you mean 'send_mail'?" in problem.message for problem in found)


def test_arguments_without_modify_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "box.*", "box.send_mail")
    path = tmp_path / "scenario.yaml"
    path.write_text(path.read_text().replace("approve}", "approve, arguments: {to: me}}"))
    with pytest.raises(InputError, match="`arguments` goes with `decision: modify`"):
        load_scenario(tmp_path)
