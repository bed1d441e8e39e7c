"""CPU per model call: our gateway, with token, script, events and raw log, against the floor."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

import psutil
from bare_side import floor_server
from figures import spread, target
from http_load import load, request
from process_tree import HERE

CALLS, CONCURRENCIES, GOAL = 4000, (1, 16), 8.0
BODY = json.dumps({
    "model": "default",
    "messages": [
        {"role": "system", "content": "Be brief. " * 90},
        {"role": "user", "content": "What is 2 + 3? Use the tool."},
        {"role": "assistant", "content": None, "tool_calls": [{
            "id": "call_1", "type": "function",
            "function": {"name": "evaluate", "arguments": '{"expression": "2 + 3"}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"expression":"2 + 3","result":5}'},
    ],
    "tools": [{"type": "function", "function": {
        "name": "evaluate", "description": "Evaluate an expression. " * 10,
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}}}}],
}).encode()


@contextlib.contextmanager
def gateway_server() -> Iterator[tuple[int, psutil.Process]]:
    """Serve one endless trial; yields port and process."""
    server = subprocess.Popen(
        [sys.executable, HERE / "gateway_server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
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
    """Print one line per concurrency."""
    ours = request("/t/bench/solver/v1/chat/completions", BODY, "bench-token")
    floor = request("/v1/chat/completions", BODY)
    with floor_server() as (url, floor_process), gateway_server() as (port, process):
        floor_port = int(url.split(":")[2].split("/")[0])
        for concurrency in CONCURRENCIES:
            pairs = [
                (cpu_us(floor_port, floor_process, floor, concurrency),
                 cpu_us(port, process, ours, concurrency))
                for _ in range(rounds + 1)
            ][1:]
            ratios = [gateway[0] / bare[0] for bare, gateway in pairs]
            added = [[gateway[k] - bare[k] for bare, gateway in pairs] for k in (1, 2)]
            print(
                f"c={concurrency:<3} floor {spread([b[0] for b, _ in pairs], 0)} µs CPU, gateway "
                f"{spread([g[0] for _, g in pairs], 0)} µs, ratio {spread(ratios, 1)}, "
                f"added p50 {spread(added[0])} ms, p99 {spread(added[1])} ms; "
                + target(median(ratios) <= GOAL, f"at most {GOAL:.0f}x"), flush=True,
            )
