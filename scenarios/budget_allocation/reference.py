"""The least that each department can take, read from its plan's lists and not from its sums."""

import re
from pathlib import Path

_DOCS = Path(__file__).parent / "docs"


def minimum(department: str, total: int) -> float:
    """Euros that `department` has signed for, and the reserve where it has to keep one."""
    plan = (_DOCS / department / f"{department}_plan.md").read_text("utf-8")
    signed = plan.partition("## Signed")[2].partition("## Wanted")[0]
    euros = sum(int(found.replace(",", "")) for found in re.findall(r": ([\d,]+) euros", signed))
    reserve = re.search(r"a reserve of (\d+) %", signed)
    return euros + (total * int(reserve[1]) / 100 if reserve else 0)
