"""The work of `agentdyno bless`."""

from dataclasses import dataclass
from pathlib import Path

from agentdyno.cli.gaterun import SuiteRun, run_suite
from agentdyno.cli.progress import RunView
from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.experiments.gate.baseline import Baseline, merged, read_baseline, write_baseline
from agentdyno.experiments.gate.coverage import passes
from agentdyno.experiments.gate.observe import observe
from agentdyno.experiments.gate.suites import LoadedSuite
from agentdyno.scenarios.paths import shown


@dataclass(frozen=True, kw_only=True)
class Blessing:
    """How to bless."""

    force: bool
    """Whether failures may be blessed."""
    part: bool
    """Whether the file keeps what was not run."""
    path: Path
    """The baseline's file."""


async def bless_suite(
    settings: Settings, loaded: LoadedSuite, options: RunOptions, how: Blessing, view: RunView
) -> str | None:
    """Run a suite and write its baseline; returns what to say, or None when it was interrupted.

    Raises:
        HarnessFault: a trial does not count, so that the baseline would have a hole.
        UsageError: nothing passes, and that is not to be forced.
    """
    suite = loaded.suite
    done = await run_suite(settings, options, view)
    if done.report.interrupted:
        return None
    found = observe(suite, done.ran)
    _refuse(found, done, how)
    if how.part and how.path.is_file():
        found = merged(read_baseline(how.path, shown(how.path)), found)
    write_baseline(found, how.path, shown(how.path))
    trials = [trial for cell in found.cells for trial in cell.trials]
    return (
        f"{shown(how.path)}: {len(found.cells)} cells, {len(trials)} trials, "
        f"{sum(map(passes, trials))} of them pass; commit it"
    )


def _refuse(found: Baseline, done: SuiteRun, how: Blessing) -> None:
    lost = [
        (cell, trial) for cell in found.cells for trial in cell.trials if not trial.counted
    ]
    if done.skipped or done.report.missing or lost:
        why = [*done.skipped, *(f"{cell.name}: {trial.outcome}" for cell, trial in lost[:3])]
        raise HarnessFault(
            f"nothing was blessed, since not every trial counts: {'; '.join(why) or 'stopped'}.",
            f"agentdyno show {lost[0][1].id[:10]}" if lost else "agentdyno doctor",
        )
    trials = [trial for cell in found.cells for trial in cell.trials]
    if not how.force and not any(map(passes, trials)):
        raise UsageError(
            f"none of {len(trials)} trials passes: such a baseline defends nothing.",
            f"agentdyno show {trials[0].id[:10]}, or --force" if trials else "add scenarios",
        )
