"""The JSON report of a run: what the table shows, and every trial behind it."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from agentdyno import __version__
from agentdyno.core.trial import Trial
from agentdyno.evals.confidence import confidence
from agentdyno.evals.signals import signals
from agentdyno.experiments.session import Report
from agentdyno.experiments.summary import Row, measure, reconcile

FORMAT = 1


def _row(row: Row) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    condition = dataclasses.asdict(row.condition)
    return values | {
        "condition": condition,
        "passed": row.passed and row.passed.model_dump(),
        "meter_difference": row.meter_difference and dataclasses.asdict(row.meter_difference),
    }


def _trial(trial: Trial) -> dict[str, Any]:
    """Return a trial without its events, and what is worked out of them."""
    sealed = trial.model_dump(mode="json", exclude={"events", "agents"})
    measured, meter, found = measure(trial), reconcile(trial), signals(trial)
    return sealed | {
        "meter": meter and {**dataclasses.asdict(meter), "mismatch": meter.mismatch},
        "cost_usd": "unknown" if measured.billed and measured.cost_usd is None
        else measured.cost_usd,
        "gateway_retries": measured.gateway_retries,
        "fallbacks": measured.fallbacks,
        "swallowed": measured.swallowed,
        "signals": dataclasses.asdict(found),
        "confidence": confidence(trial, found),
    }


def report_json(report: Report, rows: Sequence[Row], trials: Sequence[Trial]) -> str:
    """Return the report as indented JSON; times are in seconds, memory in MiB."""
    return json.dumps({
        "format": FORMAT,
        "agentdyno": __version__,
        "interrupted": report.interrupted,
        "reused": len(report.reused),
        "missing": report.missing,
        "not_supported": [dataclasses.asdict(cell) for cell in report.not_supported],
        "skipped": {label: str(fault) for label, fault in report.skipped.items()},
        "rows": [_row(row) for row in rows],
        "trials": [_trial(trial) for trial in trials],
    }, indent=2, ensure_ascii=False)
