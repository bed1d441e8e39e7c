"""agentdyno: a dynamometer for agent frameworks."""

from typing import Any

__version__ = "0.1.0"

_PUBLIC = {"check": "agentdyno.evals.custom", "Finding": "agentdyno.evals.finding"}
"""What users write checks with, by the module that has it: imported when it is first used."""


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PUBLIC[name]), name)
