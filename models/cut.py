"""Drops a client's connection without an answer, as a dying network does.

ASGI has no word for this, so here, and nowhere else, is reached through the server: uvicorn's
`send` is a method of its request cycle, which holds the transport. `tests/models/test_faults.py`
notices when that changes.
"""

import socket
import struct

from agentdyno.models.exchange import Receive, Send

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def cut_connection(receive: Receive, send: Send, *, reset: bool = True) -> None:
    """Drop the connection that `send` would answer on, and wait until the server knows.

    Args:
        reset: drop at once what was not read yet, too; else the client gets what was sent before.

    Raises:
        RuntimeError: this server does not let its connections be cut.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("the HTTP server does not let connections be cut; uvicorn does")
    if not reset:
        transport.close()
        await _disconnected(receive)
        return
    line = transport.get_extra_info("socket")
    # Zero seconds of lingering: the kernel sends RST instead of a polite FIN.
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
