"""A pool hosts trials in a real process, and tells culprits from bystanders when it goes away."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message, Step
from agentdyno.core.trial import WorkerReport
from agentdyno.runners.pool import WorkerPool, WorkerReplaced
from agentdyno.tests.runners.fakes.support import ENGINE, TOKEN, fake_ref, order

MakePool = Callable[..., WorkerPool]


class Watched:
    """A trial in flight, whose first declared event can be waited for."""

    def __init__(self, pool: WorkerPool, turn: str, timeout_s: float = 60.0, **how: bool) -> None:
        self.begun = asyncio.Event()
        self.events: list[Message | Step] = []
        name = f"t{id(self)}"
        self.task = asyncio.create_task(pool.run(order(name, turn, timeout_s), self.see, **how))

    def see(self, event: Message | Step) -> None:
        self.events.append(event)
        self.begun.set()

    async def begin(self) -> "Watched":
        await asyncio.wait_for(self.begun.wait(), 30)
        return self


async def run(pool: WorkerPool, turn: str, **how: bool) -> WorkerReport:
    return await Watched(pool, turn, **how).task


def text(report: WorkerReport) -> str:
    assert report.answer is not None, report
    return report.answer.texts[0]


async def test_an_answer_comes_back_with_parity_versions_cpu_and_memory(make_pool: MakePool):
    report = await run(make_pool(), "burn 0.05")
    assert report.ended == "returned"
    assert [setting.name for setting in report.parity] == ["temperature"]
    assert report.versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(report.versions) == {"python", "pydantic"}
    assert 0.04 < report.cpu_s < 1.0
    assert 10 < report.peak_rss_mb < 500


async def test_cpu_of_trials_side_by_side_is_shared_and_not_counted_twice(make_pool: MakePool):
    pool = make_pool()
    before = float(text(await run(pool, "burn 0")))
    pair = await asyncio.gather(run(pool, "burn 0.1"), run(pool, "burn 0.1"))
    used = max(float(text(report)) for report in pair) - before
    assert sum(report.cpu_s for report in pair) == pytest.approx(used, abs=0.03)


async def test_events_declared_in_threads_reach_the_harness(make_pool: MakePool):
    trial = Watched(make_pool(), "emit planning")
    await trial.task
    assert [event.name for event in trial.events if isinstance(event, Step)] == ["planning"]


async def test_prints_and_reads_of_a_framework_do_not_touch_the_protocol(make_pool: MakePool):
    pool = make_pool()
    assert text(await run(pool, "print {not json")) == ""
    assert text(await run(pool, "say still here")) == "still here"
    assert "{not json" in pool.stderr_tail()


async def test_an_exception_is_reported_with_its_type_and_place(make_pool: MakePool):
    report = await run(make_pool(), "raise boom")
    assert (report.ended, report.error_type) == ("raised", "ValueError")
    assert report.error is not None
    assert report.error.startswith("boom")
    assert "fake_engine.py" in report.error
    assert report.parity


@pytest.mark.parametrize(
    ("turn", "error"), [("exit 3", "SystemExit"), ("abandon it", "CancelledError")]
)
async def test_what_a_framework_raises_ends_its_trial_and_not_the_worker(
    make_pool: MakePool, turn: str, error: str
):
    pool = make_pool()
    pid = text(await run(pool, "pid"))
    report = await run(pool, turn)
    assert (report.ended, report.error_type) == ("raised", error)
    assert text(await run(pool, "pid")) == pid


async def test_the_token_is_in_no_report_event_or_log(make_pool: MakePool):
    pool = make_pool()
    report = await run(pool, "raise sorry")
    await run(pool, "print hello")
    said = Watched(pool, f"emit {TOKEN}")
    answer = await said.task
    everything = f"{report!r} {said.events!r} {answer!r} {pool.stderr_tail(1000)}"
    assert "token <token>" in pool.stderr_tail()
    assert TOKEN not in everything


async def test_a_worker_that_dies_under_one_trial_is_replaced_for_the_next(make_pool: MakePool):
    pool = make_pool()
    report = await run(pool, "die 7")
    assert report.ended == "died"
    assert report.error is not None
    assert "exited with code 7" in report.error
    assert "segmentation fault" in report.error
    assert text(await run(pool, "say alive")) == "alive"


async def test_bystanders_of_a_death_are_to_be_run_again(make_pool: MakePool, tmp_path: Path):
    pool = make_pool()
    bystander = await Watched(pool, f"wait {tmp_path / 'never'}").begin()
    culprit = Watched(pool, "die 7")
    for trial in (bystander, culprit):
        with pytest.raises(WorkerReplaced):
            await trial.task
    assert (await run(pool, "die 7", last_attempt=True)).ended == "died"


async def test_a_last_attempt_runs_alone(make_pool: MakePool, tmp_path: Path):
    pool = make_pool()
    gate = tmp_path / "gate"
    first = await Watched(pool, f"wait {gate}").begin()
    last = Watched(pool, "die 7", last_attempt=True)
    behind = Watched(pool, "say after")
    gate.touch()
    assert text(await first.task) == "found"
    assert (await last.task).ended == "died"
    assert text(await behind.task) == "after"


async def test_an_overrun_is_cancelled_and_others_go_on(make_pool: MakePool, tmp_path: Path):
    pool = make_pool()
    gate = tmp_path / "gate"
    other = await Watched(pool, f"wait {gate}").begin()
    slow = Watched(pool, f"wait {tmp_path / 'never'}", timeout_s=0.05)
    report = await slow.task
    assert report.ended == "timeout"
    assert report.parity
    assert (tmp_path / "never.cancelled").exists()
    gate.touch()
    assert text(await other.task) == "found"


async def test_an_overrun_that_ignores_cancellation_is_killed_and_blamed(
    make_pool: MakePool, tmp_path: Path
):
    pool = make_pool()
    other = await Watched(pool, f"wait {tmp_path / 'never'}").begin()
    stubborn = Watched(pool, "ignore", timeout_s=0.05)
    assert (await stubborn.task).ended == "timeout"
    with pytest.raises(WorkerReplaced):
        await other.task
    assert text(await run(pool, "say fresh", last_attempt=True)) == "fresh"


async def test_a_blocked_event_loop_convicts_only_a_trial_that_was_alone(
    make_pool: MakePool, tmp_path: Path
):
    pool = make_pool()
    innocent = await Watched(pool, f"wait {tmp_path / 'never'}", timeout_s=0.5).begin()
    culprit = await Watched(pool, "block").begin()
    for trial in (innocent, culprit):
        with pytest.raises(WorkerReplaced):
            await trial.task
    alone = Watched(pool, "block", timeout_s=0.05, last_attempt=True)
    assert (await alone.task).ended == "timeout"


async def test_cancelling_the_run_cancels_the_trial_in_the_worker(
    make_pool: MakePool, tmp_path: Path
):
    pool = make_pool()
    trial = await Watched(pool, f"wait {tmp_path / 'never'}").begin()
    trial.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial.task
    assert (tmp_path / "never.cancelled").exists()
    assert text(await run(pool, "say next")) == "next"


async def test_closing_lets_the_runner_release_what_it_holds(make_pool: MakePool, tmp_path: Path):
    pool = make_pool()
    pid = int(text(await run(pool, "pid")))
    trial = await Watched(pool, f"wait {tmp_path / 'never'}").begin()
    process = pool._process
    await pool.close()
    assert (await trial.task).ended == "cancelled"
    assert process is not None
    assert "runner closed" in process.stderr_tail()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_worn_process_is_replaced_without_stopping_its_trials(
    make_pool: MakePool, tmp_path: Path
):
    pool = make_pool(recycle_after=2)
    gate = tmp_path / "gate"
    old = await Watched(pool, f"wait {gate}").begin()
    first = text(await run(pool, "pid"))
    second = text(await run(pool, "pid"))
    assert first != second
    gate.touch()
    assert text(await old.task) == "found"


async def test_the_clock_starts_once_the_process_is_there(make_pool: MakePool):
    pool, ticks = make_pool(), []
    await pool.run(order("t", "say x"), lambda _: None, started=lambda: ticks.append(pool._process))
    assert ticks == [pool._process]
    assert ticks[0] is not None


async def test_the_environment_of_a_worker_holds_the_switches_and_no_secret(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    pool = make_pool()
    names = (
        "OPENAI_API_KEY", "CREWAI_DISABLE_TELEMETRY", "OTEL_SDK_DISABLED", "PYTHONHASHSEED",
        "OPENAI_AGENTS_DISABLE_TRACING", "LANGSMITH_TRACING",
    )
    values = [text(await run(pool, f"env {name}")) for name in names]
    assert values == ["None", "true", "true", "0", "1", "false"]
    home = text(await run(pool, "env HOME"))
    assert home != os.environ["HOME"]
    assert Path(home).is_dir()
    assert text(await run(pool, "cwd")) == "[]"
    await pool.close()
    assert not Path(home).exists()


async def test_neither_the_repository_nor_its_folders_are_on_the_import_path(make_pool: MakePool):
    path = text(await run(make_pool(), "path"))
    assert str(ENGINE.parent) not in path
    assert f"{ENGINE.parents[3]}'" not in path
    assert "/runners'" not in path


async def test_a_missing_interpreter_is_an_environment_fault_with_the_next_command(
    make_pool: MakePool, tmp_path: Path
):
    pool = make_pool(ref=fake_ref(tmp_path, python=tmp_path / "bin" / "python"))
    with pytest.raises(EnvironmentFault, match="next: agentdyno env sync fake@1"):
        await run(pool, "say x")


async def test_a_runner_that_cannot_be_imported_says_why(make_pool: MakePool, tmp_path: Path):
    pool = make_pool(ref=fake_ref(tmp_path, path="missing_framework:Runner"))
    for _ in range(2):
        with pytest.raises(EnvironmentFault, match="No module named 'missing_framework'"):
            await run(pool, "say x")


async def test_an_adapter_that_does_not_fit_a_named_version_points_to_its_own(
    make_pool: MakePool, tmp_path: Path
):
    named = {"folder": tmp_path / "envs" / "x", "lock": tmp_path / "locks" / "x.txt"}
    pool = make_pool(ref=fake_ref(tmp_path, path="missing_framework:Runner", **named))
    with pytest.raises(EnvironmentFault, match="next: --runner fake, at the version that its"):
        await run(pool, "say x")


async def test_a_worker_that_is_never_ready_is_given_up(make_pool: MakePool, tmp_path: Path):
    stuck = tmp_path / "stuck_engine.py"
    stuck.write_text("import threading\nprint('so far', flush=True)\nthreading.Event().wait()\n")
    modules = {**fake_ref(tmp_path).modules, "stuck_engine": stuck}
    ref = fake_ref(tmp_path, path="stuck_engine:X", modules=modules)
    with pytest.raises(EnvironmentFault, match="did not get ready within 2 s"):
        await run(make_pool(ref=ref, start_timeout_s=2), "say x")
