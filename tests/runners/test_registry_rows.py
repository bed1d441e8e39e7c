"""The registry: rows, files and locks agree, names are forgiving, other packages can join."""

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.runners.locking import pins
from agentdyno.runners.registry import GROUP, LOCKS, RUNNERS, find_runner, list_runners
from agentdyno.runners.sources import adapter_digest

RUNNER_FILES = Path(__file__).parents[2] / "runners"
SIX = {"autogen", "crewai", "langgraph", "openai_agents", "pydantic_ai", "windmill"}


def source(name: str) -> Path:
    module = RUNNERS[name].path.partition(":")[0]
    return RUNNER_FILES / f"{module.removeprefix('agentdyno.runners.')}.py"


def test_rows_adapter_files_and_locks_are_the_same_six():
    assert set(RUNNERS) == SIX
    assert {path.stem for path in LOCKS.glob("*.txt")} == SIX
    assert {path.stem for path in LOCKS.glob("*.in")} == SIX
    assert {source(name).stem for name in SIX} == SIX


@pytest.mark.parametrize("name", sorted(SIX))
def test_the_adapter_file_holds_the_class_that_the_row_names(name: str):
    wanted = RUNNERS[name].path.partition(":")[2]
    tree = ast.parse(source(name).read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    assert wanted in classes
    declared = {
        node.target.id: node.value
        for node in classes[wanted].body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    packages = declared["packages"]
    assert isinstance(packages, ast.Tuple)
    assert ast.literal_eval(packages.elts[0]) == RUNNERS[name].package
    assert ast.literal_eval(declared["name"] or ast.Constant(None)) == name


@pytest.mark.parametrize("name", sorted(SIX))
def test_a_lock_pins_everything_and_names_no_host(name: str):
    row = RUNNERS[name]
    assert row.package in pins(row.lock)
    for text in (row.lock.read_text(), row.requirements.read_text()):
        assert not re.search(r"://|--|@", text)
    lines = [line for line in row.lock.read_text().splitlines() if line]
    assert all("==" in line for line in lines)
    assert "pydantic" in pins(row.lock), "the worker itself needs it"


@pytest.mark.parametrize(
    ("typo", "nearest"),
    [("crew", "crewai"), ("pydantic-ai", "pydantic_ai"), ("LangGraf", "langgraph")],
)
def test_a_typo_is_answered_with_the_nearest_name(typo: str, nearest: str):
    with pytest.raises(UsageError, match=f"next: use {nearest} "):
        find_runner(typo)


def test_a_name_like_nothing_is_answered_with_all_names():
    with pytest.raises(UsageError, match="next: runners are autogen, crewai"):
        find_runner("zzz")


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, name: str) -> None:
    """Put a package with an entry point on the import path, as its installation would."""
    (tmp_path / "acme_dyno.py").write_text(code)
    info = tmp_path / "acme_dyno-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-dyno\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = acme_dyno:ROW\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_dyno", raising=False)
    assert any(point.name == name for point in metadata.entry_points(group=GROUP))


ROW = """
from pathlib import Path
from agentdyno.runners.registry import RunnerRow
from agentdyno.runners.support import TeamWork
ROW = RunnerRow(name="acme", path="acme_dyno:AcmeRunner", package="acme", summary="Acme.",
                lock=Path(__file__).with_name("acme.txt"),
                teamwork=TeamWork(patterns={}, hook=""))
"""


def test_another_package_adds_a_runner_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    install(tmp_path, monkeypatch, ROW, "acme")
    row = find_runner("acme")
    assert row.lock == tmp_path / "acme.txt"
    assert [r.name for r in list_runners()] == sorted([*SIX, "acme"])


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [(ROW, "crewai", "takes a name already in use"), ("ROW = 1", "acme", "is no RunnerRow named"),
     (ROW, "emca", "is no RunnerRow named 'emca'")],
)
def test_a_bad_entry_point_is_its_packages_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, name: str, message: str
):
    install(tmp_path, monkeypatch, code, name)
    with pytest.raises(UsageError, match=f"{message}(.|\n)*next: uninstall or upgrade acme-dyno"):
        list_runners()


def test_the_digest_follows_what_an_adapter_imports_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "acme_pkg"
    (package / "engine").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "adapter.py").write_text("import acme_pkg.common\nfrom acme_pkg.engine import x")
    (package / "common.py").write_text("A = 1")
    (package / "engine" / "__init__.py").write_text("x = 1")
    (package / "engine" / "run.js").write_text("1")
    (package / "stranger.py").write_text("B = 1")
    monkeypatch.syspath_prepend(str(tmp_path))

    def digest() -> str:
        return adapter_digest("acme_pkg.adapter:Runner")

    first = digest()
    (package / "stranger.py").write_text("B = 2")
    assert digest() == first
    seen = {first}
    for changed in ("adapter.py", "common.py", "engine/run.js"):
        (package / changed).write_text(f"{(package / changed).read_text()}\n# {len(seen)}")
        seen.add(digest())
    assert len(seen) == 4
