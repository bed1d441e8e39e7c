"""Moments on a page: UTC, as everywhere in the house, and as text that sorts."""

from datetime import UTC, datetime


def utc(at: datetime) -> str:
    """Return a moment to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def clock(at: datetime) -> str:
    """Return the time of day in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S} UTC"
