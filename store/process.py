"""The processes of an embedded server: start, stop, and what a killed one leaves behind."""

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg

from agentdyno.core.errors import DynoError
from agentdyno.store.cluster import NAME, Cluster
from agentdyno.store.installation import MAJOR, check_own_account, programs_for

START_SECONDS = 300
"""Recovery after a crash may have to replay up to 1 GB of log."""
STOP_SECONDS = 60
_LOG_LIMIT = 10_000_000


class ToolFailed(Exception):
    """A program of PostgreSQL ended with an error; the text is what it said."""


def alive(cluster: Cluster) -> bool:
    """Return whether the server lets us in: a real connection, not a look at a pid file.

    Raises:
        DynoError: a server is there but refuses our password.
    """
    if not cluster.passfile.exists() or not (cluster.data / "postmaster.pid").exists():
        return False
    try:
        with psycopg.connect(cluster.dsn("postgres"), connect_timeout=5, autocommit=True) as link:
            found = link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                    link.execute(f"CREATE DATABASE {NAME}")
    except psycopg.OperationalError as error:
        # The server speaks English (lc_messages is C), and libpq gives no code at this point.
        if "password authentication failed" in str(error):
            raise DynoError(
                f"The Postgres of {cluster.folder} refuses the password in {cluster.passfile}.",
                "agentdyno db stop, then run the command again",
            ) from error
        return "too many clients" in str(error) or "connection slots" in str(error)
    return True


def running_pid(data: Path) -> int | None:
    """Return the pid of the postmaster of `data`; None when it is gone, a zombie or another's."""
    # Imported on demand: a server that runs is not looked at.
    import psutil

    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        # A postmaster lives in its data directory; a pid that was given away again does not.
        return pid if Path(process.cwd()) == data.resolve() else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def create(cluster: Cluster) -> None:
    """Make the data directory; an interrupted attempt leaves nothing that counts.

    Raises:
        ToolFailed: initdb could not do it.
        DynoError: the data was made by another major version of PostgreSQL.
    """
    if cluster.data.exists():
        version = (cluster.data / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise DynoError(
                f"{cluster.data} was made by PostgreSQL {version}; this agentdyno has {MAJOR}.",
                f"mv {cluster.folder} {cluster.folder}.{version}, then run the command again",
            )
        return
    if cluster.account is None:
        check_own_account()
    partial = cluster.folder / "data.new"
    secret = cluster.folder / "password.new"
    if partial.exists():
        shutil.rmtree(partial)
    cluster.write(secret, cluster.password() + "\n")
    try:
        _run(cluster, [
            "initdb", "-D", partial.name, "-U", NAME, f"--pwfile={secret.name}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
        ])
    finally:
        secret.unlink(missing_ok=True)
    partial.rename(cluster.data)


def start(cluster: Cluster) -> None:
    """Start the server and wait until it lets us in.

    Raises:
        ToolFailed: it did not start; with the last lines of its log.
        DynoError: it refuses our password.
    """
    deadline = time.monotonic() + START_SECONDS
    while running_pid(cluster.data) is None:
        _clear_stale(cluster)
        cluster.configure()
        _shorten_log(cluster)
        mark = cluster.log.stat().st_size if cluster.log.exists() else 0
        try:
            _run(cluster, [
                "pg_ctl", "start", "-w", "-s", "-t", str(START_SECONDS),
                "-D", cluster.data.name, "-l", cluster.log.name,
            ])
        except ToolFailed as error:
            said = _log_since(cluster, mark)
            # Backends of a killed postmaster need a moment to notice and leave.
            if "shared memory block" not in said or time.monotonic() > deadline:
                raise ToolFailed(said or str(error)) from error
            time.sleep(0.2)
    while not alive(cluster):
        if time.monotonic() > deadline:
            raise ToolFailed(f"no connection after {START_SECONDS} s; see {cluster.log}")
        time.sleep(0.05)


def stop(cluster: Cluster) -> bool:
    """Stop the server; returns whether one was running.

    Raises:
        ToolFailed: it does not stop.
    """
    running = running_pid(cluster.data) is not None
    if running:
        _run(cluster, [
            "pg_ctl", "stop", "-w", "-s", "-m", "fast", "-t", str(STOP_SECONDS),
            "-D", cluster.data.name,
        ])
    else:
        _clear_stale(cluster)
    return running


def _clear_stale(cluster: Cluster) -> None:
    # A zombie still answers kill(pid, 0), so Postgres would trust these files until it is reaped.
    (cluster.data / "postmaster.pid").unlink(missing_ok=True)
    if (folder := cluster.socket_folder) is not None:
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (folder / name).unlink(missing_ok=True)


def _run(cluster: Cluster, command: Sequence[str]) -> None:
    account = cluster.account
    # extra_groups without a change of user would need a privilege that we lack.
    who: dict[str, Any] = {} if account is None else {
        "user": account.pw_uid, "group": account.pw_gid, "extra_groups": [],
    }
    # Paths are relative to the folder: pg_ctl hands them to a shell, with quotes as they are.
    # Files, not pipes: the server inherits them and would keep a pipe open for ever.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(programs_for(account) / command[0]), *command[1:]],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False,
            cwd=cluster.folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, umask=0o077,
            **who,
        )
        output.seek(0)
        if done.returncode:
            raise ToolFailed(output.read().decode(errors="replace").strip())


def _log_since(cluster: Cluster, mark: int) -> str:
    if not cluster.log.exists():
        return ""
    with cluster.log.open("rb") as file:
        file.seek(mark)
        return "\n".join(file.read().decode(errors="replace").strip().splitlines()[-5:])


def _shorten_log(cluster: Cluster) -> None:
    if cluster.log.exists() and cluster.log.stat().st_size > _LOG_LIMIT:
        cluster.log.replace(cluster.log.with_suffix(".log.1"))

