"""Each trick of an adapter says when it is no longer needed: the quirk behind it is tested."""

import ast
import asyncio
import json
from pathlib import Path

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners.envs import ensure, resolve
from agentdyno.runners.switches import worker_environment

HERE = Path(__file__).parent / "quirks"
ROOT = Path(__file__).resolve().parents[2]
BOOT = """
import runpy, sys
boot = runpy.run_path(sys.argv[1])
boot["register"]("agentdyno", sys.argv[2])
play = runpy.run_path(sys.argv[3])
play["main"](sys.argv[4])
"""
_PLAYED: dict[str, dict[str, str]] = {}
"""What became of each quirk by runner: all of a runner's are played in one process."""


def _quirks() -> list[tuple[str, str]]:
    found = []
    for file in sorted(HERE.glob("*_quirks.py")):
        functions = [node for node in ast.parse(file.read_text()).body
                     if isinstance(node, ast.FunctionDef)]
        found += [(file.name.removesuffix("_quirks.py"), function.name) for function in functions
                  if not function.name.startswith("_")]
    return found


async def _play(runner: str, home: Path) -> dict[str, str]:
    ref = await resolve(runner, load_settings().cache)
    await ensure(ref)
    process = await asyncio.create_subprocess_exec(
        str(ref.python), "-P", "-c", BOOT, str(ROOT / "runners" / "_boot.py"),
        str(ROOT / "__init__.py"), str(HERE / "play.py"), str(HERE / f"{runner}_quirks.py"),
        env=worker_environment(home), cwd=home, stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    ended: dict[str, str] = json.loads(out.splitlines()[-1])
    return ended


@pytest.mark.parametrize(("runner", "quirk"), _quirks())
async def test_the_framework_still_needs_the_trick(runner: str, quirk: str, tmp_path: Path):
    if runner not in _PLAYED:
        _PLAYED[runner] = await _play(runner, tmp_path)
    assert _PLAYED[runner][quirk] == ""
