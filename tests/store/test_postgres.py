"""The embedded server: one per cache, for its owner alone, and back after any death."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psutil import process_iter
from psycopg.conninfo import conninfo_to_dict

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.store.postgres import ensure_server, remove_server, server_status, stop_server

ROOT = os.geteuid() == 0
_START = "import asyncio, sys, pathlib; from agentdyno.store.postgres import ensure_server; "
START = _START + "print(asyncio.run(ensure_server(pathlib.Path(sys.argv[1]))))"


def ran(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@contextmanager
def zombie() -> Iterator[int]:
    """The pid of a process that has ended and that nobody has waited for."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    yield child.pid
    child.wait()


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Path]:
    """A cache without a server."""
    cache = tmp_path / "cache"
    yield cache
    await remove_server(cache)


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    cache = tmp_path_factory.mktemp("closed") / "cache"
    cache.parent.chmod(0o700)
    yield cache
    asyncio.run(remove_server(cache))


@pytest.fixture
async def cache(_shared: Path) -> Path:
    """A cache, below a folder that is closed to others, whose server runs already."""
    await ensure_server(_shared)
    return _shared


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A short folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="dyno-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


async def test_a_server_starts_stops_and_tells_its_state(cache: Path, tmp_path: Path) -> None:
    assert not (await server_status(tmp_path / "none")).running
    assert not (tmp_path / "none").exists()
    dsn = await ensure_server(cache)
    status = await server_status(cache)
    assert (status.running, status.dsn) == (True, dsn)
    assert await ensure_server(cache) == dsn
    assert (await server_status(cache)).pid == status.pid
    assert await stop_server(cache)
    assert not await stop_server(cache)
    assert not (await server_status(cache)).running


async def test_six_processes_at_once_get_one_server(fresh: Path) -> None:
    starters = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", START, str(fresh), stdout=subprocess.PIPE
        )
        for _ in range(6)
    ]
    answers = {(await starter.communicate())[0].decode().strip() for starter in starters}
    assert answers == {await ensure_server(fresh)}


async def test_committed_rows_outlive_a_killed_postmaster(cache: Path) -> None:
    with psycopg.connect(await ensure_server(cache), autocommit=True) as link:
        link.execute("DROP TABLE IF EXISTS kept")
        link.execute("CREATE TABLE kept AS SELECT 42 AS n")
        pid = (await server_status(cache)).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        with psycopg.connect(await ensure_server(cache)) as again:
            assert again.execute("SELECT n FROM kept").fetchone() == (42,)
    assert (await server_status(cache)).pid != pid


async def test_the_pid_file_of_a_zombie_or_of_a_stranger_does_not_hinder(cache: Path) -> None:
    folder = (await server_status(cache)).folder
    await stop_server(cache)
    with zombie() as dead:
        for pid in (dead, os.getpid()):
            lines = [str(pid), str(folder / "data"), "1", "5432", str(folder / "socket"), "", ""]
            (folder / "data" / "postmaster.pid").write_text("\n".join(lines))
            (folder / "socket" / ".s.PGSQL.5432.lock").write_text("\n".join(lines))
            await ensure_server(cache)
            assert (await server_status(cache)).running
            await stop_server(cache)


async def test_an_interrupted_creation_is_begun_anew(cache: Path) -> None:
    folder = (await server_status(cache)).folder
    await stop_server(cache)
    (folder / "data").rename(folder / "data.new")
    (folder / "data.new" / "PG_VERSION").unlink()
    await ensure_server(cache)
    assert not (folder / "data.new").exists()


async def test_nobody_gets_in_without_the_password(cache: Path) -> None:
    dsn = await ensure_server(cache)
    parts = conninfo_to_dict(dsn)
    passfile = Path(str(parts.pop("passfile")))
    assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
    password = passfile.read_text().strip().rpartition(":")[2]
    assert len(password) > 30
    for wrong in ({}, {"password": "guess"}):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**parts, **wrong)
    assert password not in dsn
    folder = passfile.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    texts = [(folder / "server.log").read_text(), (folder / "data/postgresql.conf").read_text()]
    arguments = [" ".join(process.info["cmdline"] or ()) for process in process_iter(["cmdline"])]
    assert password not in "".join([*texts, *arguments])


async def test_a_lost_password_is_told(cache: Path) -> None:
    passfile = (await server_status(cache)).folder / "password"
    kept = passfile.read_text()
    passfile.write_text("*:*:*:agentdyno:another\n")
    with pytest.raises(DynoError, match="refuses the password"):
        await ensure_server(cache)
    passfile.write_text(kept)


async def test_folders_above_keep_their_permissions(cache: Path) -> None:
    before = [stat.S_IMODE(folder.stat().st_mode) for folder in cache.parents]
    await stop_server(cache)
    await ensure_server(cache)
    assert before == [stat.S_IMODE(folder.stat().st_mode) for folder in cache.parents]
    assert before[0] == 0o700


async def test_a_path_too_long_for_a_socket_uses_a_loopback_port_and_keeps_it(
    open_folder: Path,
) -> None:
    cache = open_folder / ("it's a ü \"long\" $path " * 5) / "cache"
    try:
        dsn = await ensure_server(cache)
        assert conninfo_to_dict(dsn)["host"] == "127.0.0.1"
        with psycopg.connect(dsn) as link:
            assert link.execute("SHOW unix_socket_directories").fetchone() == ("",)
        await stop_server(cache)
        assert await ensure_server(cache) == dsn
    finally:
        await remove_server(cache)


async def test_a_cache_that_is_no_folder_is_told_with_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessFault, match="Not a directory") as caught:
        await ensure_server(tmp_path / "file" / "cache")
    assert "AGENTDYNO_CACHE" in caught.value.hint


@pytest.fixture
def mounted(open_folder: Path) -> Iterator[Path]:
    """A file system of 4 MB of its own."""
    done = ran("mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "tmpfs", str(open_folder))
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    yield open_folder
    ran("umount", str(open_folder)).check_returncode()


async def test_a_full_disk_is_told_with_the_next_command(mounted: Path) -> None:
    with pytest.raises(HarnessFault, match="No space left on device") as caught:
        await ensure_server(mounted / "cache")
    assert caught.value.hint.startswith("free some space")
    await remove_server(mounted / "cache")


async def test_a_read_only_cache_is_told_with_the_next_command(mounted: Path) -> None:
    ran("mount", "-o", "remount,ro", str(mounted)).check_returncode()
    with pytest.raises(HarnessFault, match="Read-only file system") as caught:
        await ensure_server(mounted / "cache")
    assert "writable" in caught.value.hint


@pytest.mark.skipif(not ROOT, reason="only root's server runs under another account")
async def test_roots_server_runs_as_nobody_special_also_below_a_closed_folder(
    cache: Path
) -> None:
    status = await server_status(cache)
    assert Path(f"/proc/{status.pid}").stat().st_uid != 0
    assert status.folder.parent == Path("/var/lib/agentdyno")


@pytest.mark.skipif(not ROOT, reason="needs root to become another user; all other tests are one")
async def test_a_normal_user_needs_nothing_of_roots(open_folder: Path) -> None:
    cache = open_folder / "home" / "cache"
    cache.parent.mkdir()
    os.chown(cache.parent, 65534, 65534)
    packages = [path for path in sys.path if path.endswith("-packages")]
    with contextlib.ExitStack() as seen:
        seen.enter_context(_seen_at(open_folder / "agentdyno", Path(__file__).parents[2]))
        for number, path in enumerate(packages):
            seen.enter_context(_seen_at(open_folder / f"packages{number}", Path(path)))
        done = ran(
            _python_for_all(), "-c", START, str(cache), user=65534, group=65534, extra_groups=[],
            cwd="/", env={"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([
                str(open_folder), *(str(path) for path in open_folder.glob("packages*")),
            ])},
        )
        try:
            assert done.returncode == 0, done.stderr
            pid = (await server_status(cache)).pid
            assert Path(f"/proc/{pid}").stat().st_uid == 65534
        finally:
            await remove_server(cache)


@contextmanager
def _seen_at(place: Path, folder: Path) -> Iterator[None]:
    """Show `folder` at `place`, also when it lies below one that only root may enter.

    Read-only, so that nobody who clears the folder around it can reach what it shows.
    """
    place.mkdir()
    done = ran("mount", "-o", "bind,ro", str(folder), str(place))
    if done.returncode:
        pytest.skip(f"needs the right to mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        ran("umount", "--lazy", str(place)).check_returncode()
        place.rmdir()


def _python_for_all() -> str:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        python = Path(candidate)
        parents = (*python.parents, *python.resolve().parents)
        if python.exists() and all(folder.stat().st_mode & stat.S_IXOTH for folder in parents):
            return str(python)
    pytest.skip(f"no {name} that a normal user may run")
