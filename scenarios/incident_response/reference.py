"""What the post-mortem's figures must be, read from the file and not through the tools."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "data" / "incident.json"


def _incident() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return data


def minutes_of_errors(service: str) -> int:
    """Return the whole minutes from the first error in the log to the action that ended them."""
    data = _incident()
    errors = [e["at"] for e in data["logs"] if e["service"] == service and e["level"] == "error"]
    first, acted = (datetime.fromisoformat(at) for at in (min(errors), data["acted_at"]))
    return int((acted - first.replace(second=0)).total_seconds() // 60)


def worst_error_rate(service: str) -> float:
    """Return the highest error rate before anybody acted, in per cent of requests."""
    points = _incident()["metrics"][service]["error_rate"]["points"]
    return float(max(value for _, value in points))


def error_rate_after() -> float:
    """Return the error rate once the cause is gone, in per cent of requests."""
    return float(_incident()["cure"]["value"])
