"""What exporting to MLflow costs: `python benchmarks/mlflow_export.py [--trials N]`.

Stores sealed trials of 20 spans each in an embedded server of its own, and exports them by the
process that a run leaves behind: its start, MLflow's import and the making of MLflow's tables
included. Seconds are wall; CPU is the process tree's plus the server's. Then the foreground of a
run of 60 trials: the line in the queue, and the start of that process.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import psutil
from figures import target

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import Event, ModelCall, TokenCount, ToolCall, WireRecord
from agentdyno.core.pattern import Single
from agentdyno.core.settings import Settings, read_settings
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.experiments.companion import ensure_companion
from agentdyno.experiments.exporting import announce
from agentdyno.experiments.exportqueue import work_off
from agentdyno.experiments.traces.build import spans_of
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.exports import ExportQueue
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server, server_status
from agentdyno.store.trials import TrialStore

EXPORT_S, FOREGROUND_S = 30.0, 0.5
CALLS = 9
TEXT = "A sentence such as a tool or a model may return, of some length, in every call. " * 6
Stored = tuple[Trial, tuple[WireRecord, ...]]


def _trial(n: int) -> Stored:
    """Return a trial of 20 spans: itself, its agent, and a model and a tool call in turn."""
    key = TrialKey(
        scenario="benchmark", scenario_digest="5" * 64, runner=("langgraph", "crewai")[n % 2],
        runner_version="1", runner_digest="6" * 64, model_digest="7" * 64, repeat=n // 2,
    )
    trial_id = content_hash(key.model_dump(mode="json"))[:20]
    events: list[Event] = []
    wire: list[WireRecord] = []
    for k in range(CALLS):
        last = k == CALLS - 1
        events.append(ModelCall(
            agent="analyst", started_s=k * 0.1, ended_s=k * 0.1 + 0.05, ordinal=k, api="chat",
            model="default", stream=False, status=200,
            finish_reason="stop" if last else "tool_calls",
            tokens=TokenCount(prompt=900, prompt_tools=400, completion=30),
            tools_called=() if last else ("returns",),
        ))
        events.append(ToolCall(
            agent="analyst", started_s=k * 0.1 + 0.06, ended_s=k * 0.1 + 0.07, ordinal=k,
            server="market", tool="returns", arguments={"symbol": "MSFT", "k": k}, is_error=False,
            result_text=TEXT,
        ))
    checks = tuple(
        Verdict(check=f"check_{k}", status="fail" if (n + k) % 7 == 0 else "pass", reason=TEXT[:80])
        for k in range(5)
    )
    return Trial(
        id=trial_id, key=key, outcome=Outcome.COMPLETED, answers=("Hold.",),
        user_turns=("What now?",), pattern=Single(type="single", agent="analyst"),
        agents=(AgentSpec(name="analyst", role="r", goal="g", instructions="i"),),
        started_at="2026-11-21T10:00:00+00:00", duration_s=1.5, events=tuple(events),
        report=WorkerReport(ended="returned", cpu_s=0.02 + n % 5 / 100, peak_rss_mb=91.5),
        verdicts=checks,
    ), tuple(wire)


async def _cpu_s(server: int) -> float:
    """Return CPU seconds of this process, of children that have ended, and of the server."""
    times = os.times()
    spent = times.user + times.system + times.children_user + times.children_system
    postmaster = psutil.Process(server)
    for process in (postmaster, *postmaster.children()):
        mine = process.cpu_times()
        spent += mine.user + mine.system
    return spent


async def _stored(pool: Pool, settings: Settings, count: int) -> tuple[str, list[str]]:
    trials = [_trial(n) for n in range(count)]
    store = TrialStore(pool)
    matrix = await store.create_matrix("benchmark", {})
    await store.save(matrix, trials)
    await store.finish_matrix(matrix, "finished")
    return matrix, [trial.id for trial, _ in trials]


async def _export(pool: Pool, settings: Settings, count: int, server: int) -> None:
    matrix, ids = await _stored(pool, settings, count)
    await ExportQueue(pool).add(matrix, ["mlflow"], ids)
    for name in ("first export", "once more, nothing changed"):
        start, cpu = time.perf_counter(), await _cpu_s(server)
        assert await work_off(settings, pool, "mlflow")
        seconds, cpu = time.perf_counter() - start, await _cpu_s(server) - cpu
        [row] = await ExportQueue(pool).list()
        assert row.state == "done", row.error
        assert row.exported == count
        met = target(seconds < EXPORT_S, f"under {EXPORT_S:g} s for 1,000 trials")
        print(f"  {name:28} {seconds:6.2f} s wall, {cpu:6.2f} s CPU; {met}")
        await ExportQueue(pool).again("mlflow", [matrix])


async def _foreground(pool: Pool, settings: Settings) -> None:
    matrix, ids = await _stored(pool, settings, 60)
    start = time.perf_counter()
    await announce(pool, settings, matrix, ids)
    seconds = time.perf_counter() - start
    met = target(seconds < FOREGROUND_S, f"under {FOREGROUND_S:g} s")
    print(f"  foreground of 60 trials      {seconds:6.3f} s wall; {met}")
    # The process is left to itself, but its server is about to go.
    while any(row.state != "done" for row in await ExportQueue(pool).list()):  # noqa: ASYNC110
        await asyncio.sleep(0.5)


async def _bench(count: int, cache: Path) -> None:
    dsn = await ensure_server(cache)
    await migrate(dsn)
    settings = read_settings({
        **os.environ, "AGENTDYNO_CACHE": str(cache), "AGENTDYNO_DATABASE_URL": dsn,
        "AGENTDYNO_MLFLOW": "on", "MLFLOW_TRACKING_URI": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    })
    server = (await server_status(cache)).pid
    assert server is not None
    spans = len(spans_of(*_trial(0)))
    print(f"{count} stored trials of {spans} spans and 5 verdicts")
    pool = await open_pool(dsn)
    await _export(pool, settings, count, server)
    await _foreground(pool, settings)
    await pool.close()


def _with_companion(cache: Path) -> None:
    """Lend `cache` the machine's MLflow: it is installed once, which is not what is measured."""
    kept = read_settings(os.environ).cache
    asyncio.run(ensure_companion(kept))
    cache.mkdir(parents=True)
    (cache / "companion").symlink_to(kept / "companion", target_is_directory=True)


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentdyno-bench-") as name:
        cache = Path(name) / "cache"
        try:
            _with_companion(cache)
            asyncio.run(_bench(options.trials, cache))
        finally:
            asyncio.run(remove_server(cache))


if __name__ == "__main__":
    main()
