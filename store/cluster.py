"""The folder of one embedded server: its paths, address, password and configuration."""

import hashlib
import os
import pwd
import secrets
import socket
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from agentdyno.store.installation import STATE, account_for, make_state_folder, reachable

NAME = "agentdyno"
"""Name of the database and of its role."""
SOCKET_LIMIT = 107 if sys.platform == "linux" else 103
"""Longest path of a Unix socket, in bytes."""

_SETTINGS = """\
# Written by agentdyno at every start. Your own settings belong into local.conf beside this file.
shared_buffers = 128MB
max_connections = 100
max_wal_size = 1GB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where one server lives. Two caches never share a server."""

    cache: Path
    folder: Path
    """Data, password, socket and log; in the cache, or under /var/lib/agentdyno (see `locate`)."""
    account: pwd.struct_passwd | None
    """Who runs the server when that is not the user who asks for it."""

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "server.log"

    @property
    def passfile(self) -> Path:
        """The password, in libpq's own format, so that no DSN has to hold it."""
        return self.folder / "password"

    @property
    def socket_folder(self) -> Path | None:
        """Folder of the Unix socket; None when its path would be too long."""
        folder = self.folder / "socket"
        return folder if len(os.fsencode(folder / ".s.PGSQL.5432")) <= SOCKET_LIMIT else None

    def dsn(self, database: str = NAME) -> str:
        """Return the address of `database`; it names the password's file, never the password."""
        passfile = f"passfile={quote(str(self.passfile), safe='')}"
        if (folder := self.socket_folder) is not None:
            return f"postgresql://{NAME}@/{database}?host={quote(str(folder), safe='')}&{passfile}"
        plain = "sslmode=disable&gssencmode=disable"
        return f"postgresql://{NAME}@127.0.0.1:{self._port()}/{database}?{passfile}&{plain}"

    def prepare(self) -> None:
        """Make the folder and the password when they are missing.

        Raises:
            OSError: the disk is full, or the folder may not be written.
        """
        if self.folder.parent == STATE:
            make_state_folder()
        self._own_folder(self.folder)
        if self.socket_folder is not None:
            self._own_folder(self.socket_folder)
        if not self.passfile.exists():
            self.write(self.passfile, f"*:*:*:{NAME}:{secrets.token_urlsafe(32)}\n")

    def configure(self) -> None:
        """Write the server's configuration; a port that is in use is replaced by a free one.

        Raises:
            OSError: the disk is full, or the folder may not be written.
        """
        if (folder := self.socket_folder) is not None:
            where = f"listen_addresses = ''\nunix_socket_directories = '{_quoted(folder)}'\n"
        else:
            port = self._free_port()
            self.write(self.folder / "port", f"{port}\n")
            where = f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n"
        text = f"{_SETTINGS}{where}include_if_exists = 'local.conf'\n"
        self.write(self.data / "postgresql.conf", text)

    def password(self) -> str:
        """Return the server's password."""
        return self.passfile.read_text().strip().rpartition(":")[2]

    def write(self, path: Path, text: str) -> None:
        """Replace the file `path` in one step, readable by the server's account alone."""
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with open(descriptor, "w") as file:
                file.write(text)
            self._own(partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _own_folder(self, folder: Path) -> None:
        if not folder.exists():
            folder.mkdir(mode=0o700)
            self._own(folder)

    def _own(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _port(self) -> int:
        file = self.folder / "port"
        return int(file.read_text()) if file.exists() else 0

    def _free_port(self) -> int:
        # The port of the last start first: open pools then find the restarted server again.
        for port in (self._port(), 0):
            with closing(socket.socket()) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return int(probe.getsockname()[1])
        raise OSError("no free port on 127.0.0.1")


def locate(cache: Path) -> Cluster:
    """Return the cluster of `cache`, whose folder `postgres` exists already.

    A normal user's cluster is in the cache. Root's server runs under another account: its cluster
    is in the cache too when that account can reach it, else in a folder of /var/lib/agentdyno named
    by a hash of the cache's path. No permission of an existing folder is ever changed.

    Raises:
        DynoError: we are root and no account can run the server.
    """
    parent = cache / "postgres"
    inside = parent / "server"
    account = account_for(inside / "data")
    if account is None or (inside / "data").exists():
        return Cluster(cache=cache, folder=inside, account=account)
    outside = STATE / hashlib.sha256(os.fsencode(cache)).hexdigest()[:16]
    if outside.exists() or not reachable(parent, account):
        return Cluster(cache=cache, folder=outside, account=account_for(outside / "data"))
    return Cluster(cache=cache, folder=inside, account=account)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
