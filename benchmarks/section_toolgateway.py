"""A session per trial at the tool gateway: initialize, tools/list and one call of `calculator`.

The client side is raw HTTP, so that only the gateway and the tool server are measured.
"""

import asyncio
import json
from typing import Any

import psutil
from figures import spread
from http_load import connect, request
from section_gateway import serving

SESSIONS = 500
HELLO = {
    "protocolVersion": "2025-06-18", "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


def _message(method: str, params: dict[str, Any], ident: int | None = 1) -> bytes:
    body = {"jsonrpc": "2.0", "method": method, "params": params}
    if ident is not None:
        body["id"] = ident
    return request("/mcp/scripted/solver", json.dumps(body).encode(), "scripted-token")


MESSAGES = (
    _message("initialize", HELLO),
    _message("notifications/initialized", {}, None),
    _message("tools/list", {}),
    _message("tools/call", {"name": "evaluate", "arguments": {"expression": "2 + 3"}}),
)


async def _sessions(port: int, messages: tuple[bytes, ...]) -> None:
    for _ in range(SESSIONS):
        client = await connect(port)
        for message in messages:
            status, body = await client.post(message)
            assert status in (200, 202), body
        client.transport.close()


def _cpu_s(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return sum(t.user + t.system for t in (one.cpu_times() for one in family))


def main(rounds: int) -> None:
    """Print the cost of a whole session, and of a session without its call."""
    with serving("gateway_server.py") as (port, process):
        costs: dict[int, list[float]] = {3: [], 4: []}
        for _ in range(rounds + 1):
            for count, values in costs.items():
                before = _cpu_s(process)
                asyncio.run(_sessions(port, MESSAGES[:count]))
                values.append(1000 * (_cpu_s(process) - before) / SESSIONS)
        whole, without = costs[4][1:], costs[3][1:]
        print(f"session with one call {spread(whole)} ms CPU (gateway and tool server), "
              f"without the call {spread(without)} ms")
