"""The work of `agentdyno gate`."""

from pathlib import Path

from agentdyno.cli.gaterun import run_suite
from agentdyno.cli.gitbaseline import baseline_at
from agentdyno.cli.judgemarks import judge_lines
from agentdyno.cli.progress import RunView
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.experiments.gate.baseline import read_baseline
from agentdyno.experiments.gate.gate import GateReport, check_baseline, gate
from agentdyno.experiments.gate.observe import observe
from agentdyno.experiments.gate.suites import LoadedSuite
from agentdyno.scenarios.paths import shown


async def gate_suite(
    settings: Settings, loaded: LoadedSuite, options: RunOptions, path: Path, ref: str | None,
    view: RunView,
) -> GateReport | None:
    """Run a suite and hold it against its baseline; None when it was interrupted.

    The baseline is read first: without one that fits, nothing runs.

    Args:
        path: the baseline's file.
        ref: git revision to read it from; None for the file as it lies there.
    """
    before = (
        read_baseline(path, shown(path)) if ref is None
        else await baseline_at(ref, path, shown(path))
    )
    check_baseline(loaded.suite, before)
    done = await run_suite(settings, options, view)
    if done.report.interrupted:
        return None
    for why in done.skipped:
        view.note(f"skipped {why}")
    if done.report.reused:
        view.note(f"stored already: {len(done.report.reused)} of {len(done.report.planned)}; "
                  "--fresh runs them again")
    if done.report.stopped:
        view.note(f"stopped: {done.report.stopped}")
    report = gate(loaded.suite, before, observe(loaded.suite, done.ran))
    marks = judge_lines(trial for trial, _ in done.ran.trials)
    return report.model_copy(update={"notes": (*report.notes, *marks)})
