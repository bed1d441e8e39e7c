"""Agent steps, and agents as their tools: played where Pydantic AI is, in the runner's environment.
"""

import ast
import asyncio
import json
from pathlib import Path

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners.envs import ensure, resolve
from agentdyno.runners.switches import worker_environment

CASES = Path(__file__).with_name("agent_cases.py")
ROOT = Path(__file__).resolve().parents[2]
BOOT = """
import runpy, sys
runpy.run_path(sys.argv[1])["register"]("agentdyno", sys.argv[2])
runpy.run_path(sys.argv[3])["main"](sys.argv[4])
"""
NAMES = [
    node.name for node in ast.parse(CASES.read_text()).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]
_played: dict[str, str] = {}
"""What became of each case: all are played in one process."""


async def _play(home: Path) -> dict[str, str]:
    ref = await resolve("windmill", load_settings().cache)
    await ensure(ref)
    process = await asyncio.create_subprocess_exec(
        str(ref.python), "-P", "-c", BOOT, str(ROOT / "runners" / "_boot.py"),
        str(ROOT / "__init__.py"), str(ROOT / "tests" / "runners" / "quirks" / "play.py"),
        str(CASES), env=worker_environment(home), cwd=home, stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    ended: dict[str, str] = json.loads(out.splitlines()[-1])
    return ended


@pytest.mark.parametrize("case", NAMES)
async def test_an_agent_step_behaves_as_windmills(case: str, tmp_path: Path) -> None:
    if not _played:
        _played.update(await _play(tmp_path))
    assert _played[case] == ""
