"""What a run was made of: settings, versions, prompts, faults, and every trial."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agentdyno.core.trial import Trial
from agentdyno.dashboards.report import words
from agentdyno.dashboards.report.arms import Cell
from agentdyno.dashboards.report.table import Table
from agentdyno.experiments.measured import measure
from agentdyno.experiments.recovery import Recovery, recovery

MOST_TRIALS = 5000
"""Trials that are listed one by one."""


def parity_table(cells: Sequence[Cell]) -> Table | None:
    """Return which settings a framework was not given as asked; None where all were."""
    found: dict[tuple[str, str, str, str, str], int] = Counter()
    for cell in cells:
        for trial in cell.trials:
            for setting in trial.report.parity:
                if setting.requested != setting.effective:
                    found[cell.name, setting.name, _json(setting.requested),
                          _json(setting.effective), setting.note] += 1
    if not found:
        return None
    return Table(
        caption="Settings that a framework was not given as asked",
        head=("arm", "setting", "requested", "effective", "why", "trials"),
        rows=tuple((*key, str(count)) for key, count in found.items()),
        texts=frozenset(range(5)),
    )


def versions_table(cells: Sequence[Cell]) -> Table:
    """Return what each runner was made of, by runner and set of versions."""
    found: dict[tuple[str, str], int] = Counter()
    for cell in cells:
        for trial in cell.trials:
            told = ", ".join(f"{name} {v}" for name, v in sorted(trial.report.versions.items()))
            found[cell.runner, told or "not told"] += 1
    return Table(
        caption="Versions", head=("runner", "made of", "trials"),
        rows=tuple((runner, told, str(count)) for (runner, told), count in found.items()),
        texts=frozenset({0, 1}),
    )


def prompts_table(cells: Sequence[Cell]) -> Table | None:
    """Return which prompt each agent was given; None where no trial says."""
    found: dict[tuple[str, ...], int] = Counter()
    for cell in cells:
        for trial in cell.trials:
            for use in trial.prompts:
                version = "–" if use.version is None else str(use.version)
                found[trial.key.variant, use.agent, use.name, version, use.source,
                      use.sha256[:12]] += 1
    if not found:
        return None
    return Table(
        caption="Prompts", head=("variant", "agent", "prompt", "version", "from", "SHA-256",
                                 "trials"),
        rows=tuple((*key, str(count)) for key, count in sorted(found.items())),
        texts=frozenset({0, 1, 2, 4, 5}),
    )


def faults_table(trials: Sequence[Trial]) -> Table | None:
    """Return what each fault did to each runner beside the same trial without it; None without
    faults."""
    siblings = {_identity(trial): trial for trial in trials if not trial.key.faults}
    found: dict[tuple[str, str, str], list[Recovery]] = {}
    for trial in trials:
        if not trial.key.faults:
            continue
        sibling = siblings.get(_identity(trial))
        cell = found.setdefault((
            trial.key.faults.partition(":")[0], trial.key.scenario,
            f"{trial.key.runner} {trial.key.runner_version}",
        ), [])
        if sibling is not None:
            cell.append(recovery(trial, sibling))
    if not found:
        return None
    return Table(
        caption="Faults that were injected, beside the same trial without them",
        head=("fault", "scenario", "runner", "recovered", "of", "did not count", "why not"),
        rows=tuple((*key, *_recovered(some)) for key, some in sorted(found.items())),
        note="recovered: completed, and passed every check that it passes without the fault. A "
             "trial does not count where the fault found no call to hit, where it fails without "
             "the fault too, where the bench failed, or where its fault-free sibling is missing.",
        texts=frozenset({0, 1, 2, 6}),
    )


def _recovered(some: Sequence[Recovery]) -> tuple[str, ...]:
    judged = [one for one in some if one.status in ("recovered", "failed")]
    good = sum(one.status == "recovered" for one in judged)
    reasons = dict.fromkeys(words.shorten(one.reason, 160) for one in some if one.reason)
    return str(good), str(len(judged)), str(len(some) - len(judged)), "\n".join(reasons)


def _identity(trial: Trial) -> str:
    return trial.key.model_copy(update={"faults": ""}).model_dump_json()


def trials_table(cells: Sequence[Cell]) -> Table:
    """Return every trial on a line."""
    every = [(cell, trial) for cell in cells for trial in cell.trials]
    more = len(every) - MOST_TRIALS
    return Table(
        caption="Every trial",
        head=("trial", "case", "arm", "repeat", "outcome", "checks passed", "model calls",
              "prompt tokens", "wall s"),
        rows=tuple(_trial(cell, trial) for cell, trial in every[:MOST_TRIALS]),
        note=f"{more} more: agentdyno list" if more > 0 else "",
        texts=frozenset({0, 1, 2, 4}),
    )


def _trial(cell: Cell, trial: Trial) -> tuple[str, ...]:
    seen = measure(trial)
    passed = sum(verdict.status == "pass" for verdict in trial.verdicts)
    return (
        trial.id[:10], trial.key.situation, cell.name, str(trial.key.repeat),
        trial.outcome.value, f"{passed}/{len(trial.verdicts)}", str(seen.model_calls),
        f"{seen.prompt_tokens:,}", f"{trial.duration_s:.3f}",
    )


def _json(value: Any) -> str:
    return words.shorten(json.dumps(value, ensure_ascii=False, default=str), 120)
