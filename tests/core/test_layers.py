"""What import-linter cannot see: `agents/` has no `__init__.py`; its imports are checked here."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def imported(file: Path) -> Iterator[str]:
    """Yield the dotted name of every module that `file` imports."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def ours(folder: str) -> set[str]:
    """Return which folders of ours the files of `folder` import."""
    return {
        name.split(".")[1]
        for file in (ROOT / folder).rglob("*.py")
        for name in imported(file) if name.startswith("agentdyno.")
    }


def test_agents_import_only_core() -> None:
    assert ours("agents") <= {"agents", "core"}


def test_strangers_and_core_do_not_import_agents() -> None:
    for folder in ("core", "runners", "models", "tools", "memory", "evals", "store"):
        assert "agents" not in ours(folder), folder


def test_agents_is_no_regular_package_so_the_sdk_of_that_name_wins(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("SDK = True")
    assert not (ROOT / "agents" / "__init__.py").exists()
    code = f"import sys; sys.path.append({str(tmp_path)!r}); import agents; print(agents.SDK)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.stdout == "True\n", done.stderr


def test_workers_need_only_core_and_runners() -> None:
    assert ours("runners") <= {"core", "runners"}
    assert ours("core") <= {"core"}
