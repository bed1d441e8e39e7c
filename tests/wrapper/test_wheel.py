"""The wheel holds what the checkout holds: sources, and every file that they read."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import uv

ROOT = Path(__file__).resolve().parents[2]
NOT_PACKED = ("tests", "benchmarks", "design", "locks", "examples", ".ci")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in a wheel that is built from a copy, with what is installed, without network."""
    source = tmp_path_factory.mktemp("source")
    out = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT, source, dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(".git", ".*_cache", "__pycache__", "*.egg-info", "build"),
    )
    subprocess.run(
        [uv.find_uv_bin(), "build", "--wheel", "--no-build-isolation", "--offline", "--quiet",
         "--python", sys.executable, "--out-dir", out, source],
        check=True,
    )
    (wheel,) = out.glob("*.whl")
    return set(zipfile.ZipFile(wheel).namelist())


def _files() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
        capture_output=True, check=True,
    ).stdout.splitlines()
    return {
        name for name in listed
        if "/" in name and not name.startswith(NOT_PACKED)
        and (ROOT / name).exists()
    }


def test_every_source_and_data_file_is_packed(packed: set[str]) -> None:
    documents = {name for name in _files() if name.endswith("README.md")}
    assert {f"agentdyno/{name}" for name in _files() - documents} <= packed


def test_tests_and_benchmarks_are_not_packed(packed: set[str]) -> None:
    assert not [name for name in packed if name.split("/")[1] in NOT_PACKED]


def test_the_wheel_brings_the_command(packed: set[str]) -> None:
    assert any(name.endswith("entry_points.txt") for name in packed)
