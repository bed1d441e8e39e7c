"""Ports that servers can have."""

import contextlib
import socket

from agentdyno.core.errors import UsageError


def choose(host: str, wanted: int | None, usual: int, name: str) -> int:
    """Return the port that `name` listens on: the one wanted, else the usual one, else any free.

    Raises:
        UsageError: the wanted one is taken, or `host` is no address of this machine.
    """
    if wanted is not None:
        try:
            return _bound(host, wanted)
        except OSError as error:
            raise UsageError(
                f"{name} cannot listen on port {wanted} of {host}: {error.strerror or error}.",
                "leave the port out to have a free one chosen",
            ) from error
    with contextlib.suppress(OSError):
        return _bound(host, usual)
    try:
        return _bound(host, 0)
    except OSError as error:
        raise UsageError(
            f"{name} cannot listen on {host}: {error.strerror or error}.",
            "--host 127.0.0.1, or another address of this machine",
        ) from error


def _bound(host: str, port: int) -> int:
    """Bind for a moment; raises OSError where that cannot be."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as tried:
        # As servers do: a port whose last owner just went is free.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tried.bind(address)
        return int(tried.getsockname()[1])
