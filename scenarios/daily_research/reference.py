"""What the digest's figures must be, read from the archive and not through the tools."""

import re
from pathlib import Path

_ARCHIVE = Path(__file__).parent / "archive"


def _figure(document: str, pattern: str) -> float:
    found = re.search(pattern, (_ARCHIVE / document).read_text(encoding="utf-8"))
    assert found
    return float(found[1].replace(",", ""))


def dredged() -> float:
    """Return the cubic metres that are dredged at quay 7."""
    return _figure("quay7_dredging.md", r"([\d,]+) of 60,000 cubic metres")


def price_from_april() -> float:
    """Return what a kilowatt hour at berth costs from April, in euros."""
    return _figure("tariffs_2026.md", r"berth: ([\d.]+) euros per kWh")


def replanted() -> float:
    """Return the hectares of eelgrass that were replanted."""
    return _figure("habitats.md", r"([\d.]+) hectares were replanted")
