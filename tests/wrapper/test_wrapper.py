"""The `dyno` wrapper, with environments that are ready or cannot be made; nothing is installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PATH = "/usr/bin:/bin"


def dyno(
    *arguments: str, script: Path = ROOT / "dyno", **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [script, *arguments], env={"PATH": SYSTEM_PATH, **environ}, cwd="/", text=True,
        capture_output=True, check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the wrapper, its setup script and its locks alone."""
    root = tmp_path / "check out"
    (root / "locks").mkdir(parents=True)
    for name in ("dyno", "setup_environment.py", "locks/harness.txt", "locks/dev.txt"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def setup_calls(checkout: Path, tmp_path: Path) -> Path:
    """Replace what makes an environment by one that says so and makes an echo instead."""
    log = tmp_path / "calls"
    (checkout / "setup_environment.py").write_text(
        "import sys, pathlib\n"
        f"open({str(log)!r}, 'a').write(sys.argv[2] + '\\n')\n"
        "env = pathlib.Path(sys.argv[1]); (env / 'bin').mkdir(parents=True)\n"
        "(env / 'bin/python').symlink_to(sys.executable)\n"
        "(env / 'bin/agentdyno').write_text('import sys; print(sys.argv[1:])')\n"
        "(env / 'ready').touch()\n"
    )
    return log


def test_it_makes_the_environment_once_and_hands_the_arguments_on(
    checkout: Path, setup_calls: Path, tmp_path: Path
) -> None:
    environ = {"AGENTDYNO_CACHE": str(tmp_path / "ca che"), "PATH": os.environ["PATH"]}
    first = dyno("run", "a b", script=checkout / "dyno", **environ)
    second = dyno("run", "c", script=checkout / "dyno", **environ)
    assert (first.stdout, second.stdout) == ("['run', 'a b']\n", "['run', 'c']\n")
    assert setup_calls.read_text().splitlines() == [f"{checkout}/locks/harness.txt"]


def test_tests_get_an_environment_with_the_test_tools(
    checkout: Path, setup_calls: Path, tmp_path: Path
) -> None:
    environ = {"AGENTDYNO_CACHE": str(tmp_path), "PATH": os.environ["PATH"]}
    assert dyno("test", script=checkout / "dyno", **environ).returncode == 0
    assert setup_calls.read_text().splitlines() == [f"{checkout}/locks/dev.txt"]


def test_it_works_through_a_symbolic_link(
    checkout: Path, setup_calls: Path, tmp_path: Path
) -> None:
    link = tmp_path / "anywhere"
    link.symlink_to(checkout / "dyno")
    environ = {"AGENTDYNO_CACHE": str(tmp_path), "PATH": os.environ["PATH"]}
    assert dyno("list", script=link, **environ).stdout == "['list']\n"
    assert setup_calls.exists()


def test_a_changed_lock_makes_a_new_environment(
    checkout: Path, setup_calls: Path, tmp_path: Path
) -> None:
    environ = {"AGENTDYNO_CACHE": str(tmp_path), "PATH": os.environ["PATH"]}
    dyno("list", script=checkout / "dyno", **environ)
    (checkout / "locks/harness.txt").write_text("uv==1.0\n")
    dyno("list", script=checkout / "dyno", **environ)
    assert len(setup_calls.read_text().splitlines()) == 2


def test_without_a_python_it_says_what_to_type(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink", "cat", "cksum", "tr"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    done = dyno("list", script=checkout / "dyno", PATH=str(tools), HOME=str(tmp_path))
    assert done.returncode == 4
    assert "AGENTDYNO_PYTHON=" in done.stderr


def test_a_cache_that_cannot_be_written_is_named_with_the_next_command(
    checkout: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    environ = {"AGENTDYNO_CACHE": str(tmp_path / "file"), "PATH": os.environ["PATH"]}
    done = dyno("list", script=checkout / "dyno", **environ)
    assert done.returncode == 3
    assert "AGENTDYNO_CACHE=" in done.stderr
    assert "Traceback" not in done.stderr


def test_locks_pin_every_package_and_name_no_host() -> None:
    for lock in (ROOT / "locks").glob("*.txt"):
        lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
        assert all("==" in line and "://" not in line for line in lines), lock
