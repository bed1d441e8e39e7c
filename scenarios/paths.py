"""Paths as users would type them."""

from pathlib import Path


def shown(path: Path) -> str:
    """Return `path` as a user would type it: short where it lies below the working folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
