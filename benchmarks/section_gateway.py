"""CPU per model call: our gateway against one written by hand to do nothing but pass on.

Ours checks the token, counts tokens, and keeps events and raw bytes; the other has a server and a
client side. Neither side counts the model: the hand-written one's runs in another process, ours
answers at once. What the scripted model costs on top is printed beside it. Latency is what is added
to asking the model directly.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

import psutil
from figures import spread, target
from http_load import load, request
from process_tree import HERE, compiled_environment

CALLS, CONCURRENCIES, GOAL, MEMORY = 4000, (1, 16), 8.0, 80
BODY = json.dumps({
    "model": "default",
    "messages": [
        {"role": "system", "content": "Be brief. " * 90},
        {"role": "user", "content": "What is 2 + 3? Use the tool."},
        {"role": "assistant", "content": None, "tool_calls": [{
            "id": "call_1", "type": "function",
            "function": {"name": "evaluate", "arguments": '{"expression": "2 + 3"}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"expression":"2 + 3","value":5}'},
    ],
    "tools": [{"type": "function", "function": {
        "name": "evaluate", "description": "Evaluate an expression. " * 10,
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}}}}],
}).encode()


@contextlib.contextmanager
def serving(script: str, *arguments: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run a server of this folder for the duration of the context; yields port and process."""
    server = subprocess.Popen(
        [sys.executable, HERE / script, *arguments], env=compiled_environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield int(server.stdout.readline()), psutil.Process(server.pid)
    finally:
        server.stdin.close()
        server.wait()


def cpu_us(
    port: int, process: psutil.Process, message: bytes, concurrency: int
) -> tuple[float, float, float]:
    """Return CPU microseconds per call of the server, and p50 and p99 in milliseconds."""
    before = process.cpu_times()
    p50, p99 = asyncio.run(load(port, message, CALLS, concurrency))
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return 1e6 * used / CALLS, p50, p99


def main(rounds: int) -> None:
    """Print one line per concurrency, then what the gateway's process holds in memory."""
    path = "/t/{}/solver/v1/chat/completions"
    floor = request("/v1/chat/completions", BODY)
    with (
        serving("floor_server.py") as model,
        serving("floor_server.py", str(model[0])) as passing,
        serving("gateway_server.py") as gateway,
    ):
        sides = (
            (*model, floor), (*passing, floor),
            (*gateway, request(path.format("constant"), BODY, "constant-token")),
            (*gateway, request(path.format("scripted"), BODY, "scripted-token")),
        )
        for concurrency in CONCURRENCIES:
            rows = [[cpu_us(*side, concurrency) for side in sides] for _ in range(rounds + 1)][1:]
            _, both_sides, own, scripted = ([row[at][0] for row in rows] for at in range(4))
            ratio = [a / b for a, b in zip(own, both_sides, strict=True)]
            added = [[row[2][k] - row[0][k] for row in rows] for k in (1, 2)]
            print(
                f"c={concurrency:<3} µs CPU: hand-written gateway {spread(both_sides, 0)}, ours "
                f"{spread(own, 0)}, with the scripted model's own work {spread(scripted, 0)}\n"
                f"      ratio {spread(ratio, 1)}, added p50 {spread(added[0])} ms, "
                f"p99 {spread(added[1])} ms; "
                + target(median(ratio) <= GOAL, f"at most {GOAL:.0f}x"), flush=True,
            )
        resident = gateway[1].memory_info().rss / 1e6
        print(f"memory {resident:.0f} MB; " + target(resident <= MEMORY, f"at most {MEMORY} MB"))
