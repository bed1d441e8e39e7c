"""What invoice 2207 comes to, read from the documents and computed apart from the tools."""

import re
from decimal import Decimal
from pathlib import Path

_DOCS = Path(__file__).parent / "docs"


def payable() -> float:
    """Return the net amount less the early-payment discount, in euros."""
    invoice = (_DOCS / "invoice-2207.md").read_text(encoding="utf-8")
    rules = (_DOCS / "payment_rules.md").read_text(encoding="utf-8")
    net = re.search(r"Net amount: ([\d.]+) euros", invoice)
    discount = re.search(r"discount of (\d+) percent", rules)
    assert net
    assert discount
    return float(Decimal(net[1]) * (100 - Decimal(discount[1])) / 100)
