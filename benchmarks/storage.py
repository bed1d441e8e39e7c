"""What storing costs: `python benchmarks/storage.py [--trials N] [--rounds N]`.

Pairwise in one run, per round: the same sealed trials (25 events each) appended as JSON lines, the
floor, and stored in Postgres in batches of the writer's own size, two in flight, without and with
six raw model exchanges. CPU is this process's plus the server's, from /proc. At the end: the time
to list 1,000 stored trials. Starts an embedded server in a temporary folder and removes it.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path

import psutil
import uvloop

from agentdyno.core.event import Event, ModelCall, TokenCount, ToolCall, WireRecord
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.store.database import open_pool
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server, server_status
from agentdyno.store.rows import pack, to_json
from agentdyno.store.trials import TrialStore
from agentdyno.store.writer import BATCH

Sealed = tuple[Trial, tuple[WireRecord, ...]]


def _prose(seed: int, words: int) -> str:
    vocabulary = Path(__file__).read_text().split()
    return " ".join(vocabulary[(seed * 31 + n * n) % len(vocabulary)] for n in range(words))


def _event(trial: int, n: int) -> Event:
    if n % 2:
        return ToolCall(
            agent="analyst", started_s=n * 0.01, ended_s=n * 0.01 + 0.004, ordinal=n // 2,
            server="market", tool="returns", arguments={"symbol": "MSFT", "months": trial % 36},
            is_error=False, result_text=_prose(trial + n, 40),
        )
    return ModelCall(
        agent="analyst", started_s=n * 0.01, ended_s=n * 0.01 + 0.005, ordinal=n // 2, api="chat",
        model="default", stream=False, status=200, finish_reason="tool_calls",
        tokens=TokenCount(prompt=900 + n, prompt_tools=400, completion=30),
        tools_offered=("market__returns", "calculator__evaluate"), tools_called=("returns",),
    )


def _wire(trial: int) -> tuple[WireRecord, ...]:
    turns = [_prose(trial * 7 + n, 120) for n in range(6)]
    system = _prose(0, 700)
    return tuple(
        WireRecord(
            seq=n, channel="model", agent="analyst", started_s=n * 0.1,
            request="\n".join([system, *turns[: n + 1]]), response=turns[n],
        )
        for n in range(6)
    )


def _trial(n: int) -> Trial:
    key = TrialKey(
        scenario="benchmark", scenario_digest="5" * 64, runner="langgraph", runner_version="1.0",
        runner_digest="6" * 64, model_digest="7" * 64, repeat=n,
    )
    return Trial(
        id=f"{n:020x}", key=key, outcome=Outcome.COMPLETED, answers=(_prose(n, 60),),
        user_turns=("What should I buy?",), started_at="2026-11-21T10:00:00+00:00",
        agents=(AgentSpec(name="analyst", role="r", goal="g", instructions=_prose(1, 120)),),
        duration_s=1.0, events=tuple(_event(n, e) for e in range(25)),
        report=WorkerReport(ended="returned", cpu_s=0.01, peak_rss_mb=90.0),
        verdicts=(Verdict(check="figures", status="pass", reason="all are there"),),
    )


def _cpu(server: int) -> float:
    """CPU seconds of this process and of the server with all its children, ended ones included."""
    total = sum(os.times()[:2])
    postmaster = psutil.Process(server)
    for process in (postmaster, *postmaster.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    ended = postmaster.cpu_times()
    return total + ended.children_user + ended.children_system


async def _measured(
    server: int, trials: int, work: Awaitable[None]
) -> tuple[float, float]:
    cpu, wall = _cpu(server), time.perf_counter()
    await work
    wall = time.perf_counter() - wall
    return trials / wall, (_cpu(server) - cpu) * 1e3 / trials


async def _append(path: Path, trials: Sequence[Sealed]) -> None:
    with path.open("a") as file:
        for trial, wire in trials:
            file.write("\n".join([to_json(trial), *map(to_json, wire)]) + "\n")
        file.flush()
        os.fsync(file.fileno())


async def _store(store: TrialStore, trials: Sequence[Sealed]) -> None:
    run = await store.create_matrix("benchmark", {})
    batches = iter([trials[start:start + BATCH] for start in range(0, len(trials), BATCH)])

    async def saver() -> None:
        for batch in batches:
            await store.save(run, batch)

    await asyncio.gather(saver(), saver())


async def _bench(count: int, rounds: int, cache: Path) -> None:
    dsn = await ensure_server(cache)
    await migrate(dsn)
    server = (await server_status(cache)).pid
    assert server is not None
    pool = await open_pool(dsn)
    store = TrialStore(pool)
    results: dict[str, list[tuple[float, float]]] = {}
    lines = cache / "floor.jsonl"
    for number in range(rounds):
        plain: list[Sealed] = [(_trial(number * 2 * count + n), ()) for n in range(count)]
        full = [(_trial((number * 2 + 1) * count + n), _wire(n)) for n in range(count)]
        for name, work in (
            ("JSON lines, 25 events", _append(lines, plain)),
            ("Postgres, 25 events", _store(store, plain)),
            ("JSON lines, 25 events + 6 exchanges", _append(lines, full)),
            ("Postgres, 25 events + 6 exchanges", _store(store, full)),
        ):
            results.setdefault(name, []).append(await _measured(server, count, work))
    _print(count, rounds, results)
    await _print_sizes(store, dsn)
    await pool.close()


def _print(count: int, rounds: int, results: dict[str, list[tuple[float, float]]]) -> None:
    print(f"{count} trials x {rounds} rounds, batches of {BATCH}; median [lowest..highest]")
    for name, pairs in results.items():
        rates, cpus = zip(*pairs, strict=True)
        print(
            f"  {name:38} {statistics.median(rates):8.0f} trials/s  "
            f"[{min(rates):.0f}..{max(rates):.0f}]   {statistics.median(cpus):6.3f} CPU ms/trial "
            f"[{min(cpus):.3f}..{max(cpus):.3f}]"
        )


async def _print_sizes(store: TrialStore, dsn: str) -> None:
    missing = 1000 - len(await store.list(limit=1000))
    if missing > 0:
        await _store(store, [(_trial(10**9 + n), ()) for n in range(missing)])
    times = []
    for _ in range(5):
        start = time.perf_counter()
        rows = await store.list(limit=1000)
        times.append(time.perf_counter() - start)
    print(f"  listing {len(rows)} stored trials: {statistics.median(times) * 1e3:.1f} ms wall")
    _, raw, body = pack(_wire(1))
    print(f"  raw exchanges of a trial: {raw} bytes as JSON, {len(body)} stored")


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentdyno-bench-") as folder:
        cache = Path(folder)
        try:
            # The event loop that `agentdyno run` uses.
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_bench(options.trials, options.rounds, cache))
        finally:
            asyncio.run(remove_server(cache))


if __name__ == "__main__":
    main()
