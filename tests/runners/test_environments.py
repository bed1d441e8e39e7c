"""Environments appear complete or not at all, once, and say what to do when they cannot."""

import asyncio
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agentdyno.core.errors import EnvironmentFault, UsageError
from agentdyno.runners import envs
from agentdyno.runners.locking import pins
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.registry import RUNNERS
from agentdyno.runners.uvtool import UvFailed, explain, without_addresses
from agentdyno.tests.runners.fakes.support import fake_ref


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def tiny(cache: Path, tmp_path: Path) -> RunnerRef:
    """Return a runner whose lock asks for nothing, so that no network is needed."""
    lock = tmp_path / "tiny.txt"
    lock.write_text("# nothing\n")
    folder = cache / "envs" / "tiny-1-abc-py3"
    return fake_ref(
        tmp_path, name="tiny", lock=lock, folder=folder, python=folder / "bin" / "python"
    )


async def test_a_name_resolves_to_the_committed_lock(cache: Path):
    ref = await envs.resolve("crewai", cache)
    row = RUNNERS["crewai"]
    assert (ref.name, ref.version, ref.lock) == ("crewai", pins(row.lock)["crewai"], row.lock)
    assert ref.label == f"crewai@{ref.version}"
    assert ref.folder.parent == cache / "envs"
    assert await envs.resolve(ref.label, cache) == ref
    assert not cache.exists()


@pytest.mark.parametrize("spec", ["crewai@", "crewai@latest", "crewai@1.0; rm"])
async def test_what_is_no_version_is_refused(spec: str, cache: Path):
    with pytest.raises(UsageError, match="names no version"):
        await envs.resolve(spec, cache)


async def test_a_runner_without_its_lock_file_is_its_packages_fault(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    row = replace(RUNNERS["crewai"], lock=tmp_path / "crewai.txt")
    monkeypatch.setitem(RUNNERS, "crewai", row)
    with pytest.raises(UsageError, match=r"lacks its lock file crewai\.txt(.|\n)*next: reinstall"):
        await envs.resolve("crewai", cache)
    row.lock.write_text("six==1.0\n")
    row.requirements.write_text("six\n")
    with pytest.raises(UsageError, match="does not pin crewai"):
        await envs.resolve("crewai", cache)


async def test_a_new_version_without_a_network_says_so(cache: Path):
    with pytest.raises(EnvironmentFault, match="no package index can be reached") as fault:
        await envs.resolve("crewai@9.9.9", cache)
    assert fault.value.hint.endswith("agentdyno env sync crewai@9.9.9")
    assert not list(cache.glob("locks/*"))


async def test_an_environment_without_a_network_says_so_and_leaves_nothing(cache: Path):
    ref = await envs.resolve("openai_agents", cache)
    with pytest.raises(EnvironmentFault, match="not there yet, and no package index"):
        await envs.ensure(ref)
    assert not [path for path in (cache / "envs").iterdir() if path.is_dir()]


async def test_a_made_environment_is_listed_kept_and_removed(cache: Path, tiny: RunnerRef):
    seen: list[tuple[str, int, int]] = []
    python = await envs.ensure(tiny, lambda *step: seen.append(step))
    assert python.exists()
    assert [seen[0][0], seen[-1]] == ["creating", ("ready", 0, 0)]
    assert envs.is_ready(tiny)
    before = python.parent.stat().st_ino
    assert await envs.ensure(tiny) == python
    assert python.parent.stat().st_ino == before
    (listed,) = envs.list_environments(cache)
    assert (listed.environment.name, listed.environment.version, listed.path) == (
        "tiny", "1", tiny.folder)
    assert listed.stale, "no registered runner has this lock"
    await envs.remove_environment(tiny.folder)
    assert envs.list_environments(cache) == ()
    assert not tiny.folder.exists()


async def test_callers_at_once_make_one_environment(tiny: RunnerRef):
    stages: list[str] = []
    pythons = await asyncio.gather(
        *(envs.ensure(tiny, lambda stage, *_: stages.append(stage)) for _ in range(3))
    )
    assert len(set(pythons)) == 1
    assert stages.count("creating") == stages.count("ready") == 1
    assert "waiting" in stages


async def test_what_an_interruption_left_is_cleared_and_made_anew(tiny: RunnerRef):
    left = tiny.folder.with_name(f"{tiny.folder.name}.partial-1")
    (left / "bin").mkdir(parents=True)
    tiny.folder.mkdir()
    (tiny.folder / "agentdyno.json").write_text('{"name": "ti')
    await envs.ensure(tiny)
    assert envs.is_ready(tiny)
    assert not left.exists()


async def test_a_cancelled_creation_leaves_nothing(cache: Path, tiny: RunnerRef):
    begun = asyncio.Event()
    task = asyncio.create_task(envs.ensure(tiny, lambda *_: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [path.suffix for path in (cache / "envs").iterdir()] == [".lock"]
    assert (await envs.ensure(tiny)).exists()


async def test_an_environment_whose_python_went_away_is_made_anew(tiny: RunnerRef):
    python = await envs.ensure(tiny)
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert not envs.is_ready(tiny)
    assert (await envs.ensure(tiny)).exists()


async def test_a_changed_lock_makes_an_environment_not_ready(tiny: RunnerRef):
    await envs.ensure(tiny)
    tiny.lock.write_text("# something else\n")
    assert not envs.is_ready(tiny)


async def test_a_cache_that_takes_no_files_is_named_with_the_way_out(
    cache: Path, tiny: RunnerRef
):
    cache.write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFault, match=f"below {cache}(.|\n)*AGENTDYNO_CACHE="):
        await envs.ensure(tiny)
    with pytest.raises(EnvironmentFault, match=f"below {cache}(.|\n)*AGENTDYNO_CACHE="):
        await envs.resolve("crewai@9.9.9", cache)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes read-only folders")
async def test_a_read_only_cache_is_named_with_the_way_out(cache: Path, tiny: RunnerRef):
    cache.mkdir(mode=0o500)
    with pytest.raises(EnvironmentFault, match=f"below {cache}: Permission denied"):
        await envs.ensure(tiny)


@pytest.mark.parametrize(
    ("said", "message", "hint"),
    [
        ("error: Failed to write\n  cause: No space left on device (os error 28)",
         "below CACHE: No space left on device", "AGENTDYNO_CACHE="),
        ("error: Request failed after 3 retries\n  cause: tcp connect error",
         "no package index can be reached", "agentdyno env sync crewai@1"),
        ("error: the current Python version (3.15.0) does not satisfy Python>=3.10,<3.14",
         "cannot be installed for this Python", "AGENTDYNO_PYTHON="),
        ("error: No solution found\n  cause: Because crewai==1 depends on openai<3",
         "Because crewai==1 depends on openai<3", "agentdyno env sync crewai@1"),
    ],
)
def test_complaints_of_uv_become_reasons_with_a_next_command(said: str, message: str, hint: str):
    fault = explain(UvFailed(said), "crewai@1", Path("CACHE"))
    assert message in fault.message
    assert hint in fault.hint


def test_addresses_and_their_passwords_are_left_out():
    said = "Failed to fetch: `https://user:pw@index.example/simple/x/` (http://other.example/y)"
    assert without_addresses(said) == "Failed to fetch: `<address>` <address>"


async def test_an_environment_of_another_python_is_stale(cache: Path, tiny: RunnerRef):
    await envs.ensure(tiny)
    marker = tiny.folder / "agentdyno.json"
    kept = json.loads(marker.read_text())
    (cache / "locks").mkdir()
    shutil.copy(tiny.lock, cache / "locks" / "tiny.txt")
    assert not envs.list_environments(cache)[0].stale
    marker.write_text(json.dumps({**kept, "python": "py310"}))
    assert envs.list_environments(cache)[0].stale
