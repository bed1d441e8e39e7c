"""What Kestrel Hosting owes its customer, from the records and the rules and not from the tools.

Minutes are counted from the two times of the record, hours one by one.
"""

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def _records() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((_FOLDER / "data" / "helpdesk.json").read_text("utf-8"))
    return data


def _one(records: list[dict[str, Any]], key: str, value: str) -> dict[str, Any]:
    [found] = [record for record in records if record[key] == value]
    return found


def charged_twice_eur(invoice: str) -> float:
    """Euros of all lines of `invoice` beyond the first of their item."""
    lines = _one(_records()["invoices"], "id", invoice)["lines"]
    times = Counter((line["item"], line["amount_eur"]) for line in lines)
    return float(sum(amount * (count - 1) for (_, amount), count in times.items()))


def outage_credit_eur(customer: str) -> float:
    """Euros that the service level gives `customer` for the outage of his shop."""
    rules = " ".join((_FOLDER / "docs" / "sla.md").read_text("utf-8").split())
    free, rate, most = (
        int(re.search(pattern, rules)[1])  # type: ignore[index]
        for pattern in (r"first (\d+) minutes", r"(\d+) % of the monthly fee is", r"up to (\d+) %")
    )
    records = _records()
    who = _one(records["customers"], "id", customer)
    site = _one(records["sites"], "domain", who["domain"])
    clock = datetime.fromisoformat(site["since"]) + timedelta(minutes=free)
    end = datetime.fromisoformat(site["checked_at"])
    per_cent = 0
    while (clock := clock + timedelta(hours=1)) <= end:
        per_cent += rate
    return round(float(who["monthly_fee_eur"]) * min(per_cent, most) / 100, 2)
