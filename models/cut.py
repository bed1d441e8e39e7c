"""Drops a client's connection without an answer, as a dying network does.

ASGI has no word for this, so here, and nowhere else, is reached through the server: uvicorn's
`send` is a method of its request cycle, which holds the transport. `tests/models/test_faults.py`
notices when that changes.
"""

import socket
import struct

from agentdyno.models.exchange import Receive, Send

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


async def cut_connection(receive: Receive, send: Send) -> None:
    """Reset the connection that `send` would answer on, and wait until the server knows.

    Raises:
        RuntimeError: this server does not let its connections be cut.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("the HTTP server does not let connections be cut; uvicorn does")
    line = transport.get_extra_info("socket")
    # Zero seconds of lingering: the kernel sends RST instead of a polite FIN.
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
