"""CPU per model call: our gateway, with token, script, events and raw log, against the floor.

The floor is the gateway that one would write by hand to do nothing but pass on: server side and
client side, its own process alone. Latency is added to that of asking the model directly.
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
    ours = request("/t/bench/solver/v1/chat/completions", BODY, "bench-token")
    floor = request("/v1/chat/completions", BODY)
    with (
        serving("floor_server.py") as model,
        serving("floor_server.py", str(model[0])) as passing,
        serving("gateway_server.py") as gateway,
    ):
        sides = ((*model, floor), (*passing, floor), (*gateway, ours))
        for concurrency in CONCURRENCIES:
            trios = [[cpu_us(*side, concurrency) for side in sides] for _ in range(rounds + 1)][1:]
            one_side, both_sides, own = ([trio[at][0] for trio in trios] for at in range(3))
            ratio = [a / b for a, b in zip(own, both_sides, strict=True)]
            added = [[trio[2][k] - trio[0][k] for trio in trios] for k in (1, 2)]
            print(
                f"c={concurrency:<3} µs CPU: hand-written gateway {spread(both_sides, 0)} (server "
                f"alone {spread(one_side, 0)}), ours {spread(own, 0)}\n"
                f"      ratio {spread(ratio, 1)} ({median(own) / median(one_side):.1f} to the "
                f"server alone), added p50 {spread(added[0])} ms, p99 {spread(added[1])} ms; "
                + target(median(ratio) <= GOAL, f"at most {GOAL:.0f}x"), flush=True,
            )
        resident = gateway[1].memory_info().rss / 1e6
        print(f"memory {resident:.0f} MB; " + target(resident <= MEMORY, f"at most {MEMORY} MB"))
