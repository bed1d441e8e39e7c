"""The JSON report of a run: what the table shows, and every trial behind it."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from agentdyno import __version__
from agentdyno.core.trial import Trial
from agentdyno.experiments.session import Report
from agentdyno.experiments.summary import Row

FORMAT = 1


def _row(row: Row) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return values | {"passed": row.passed and row.passed.model_dump()}


def report_json(report: Report, rows: Sequence[Row], trials: Sequence[Trial]) -> str:
    """Return the report as indented JSON; times are in seconds, memory in MiB."""
    return json.dumps({
        "format": FORMAT,
        "agentdyno": __version__,
        "interrupted": report.interrupted,
        "reused": len(report.reused),
        "missing": report.missing,
        "skipped": {label: str(fault) for label, fault in report.skipped.items()},
        "rows": [_row(row) for row in rows],
        "trials": [
            trial.model_dump(mode="json", exclude={"events", "agents"}) for trial in trials
        ],
    }, indent=2, ensure_ascii=False)
