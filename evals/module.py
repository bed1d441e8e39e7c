"""Python files of a scenario's folder, loaded anew whenever their content changes."""

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from types import ModuleType

MODULES = 256
"""Files that are kept loaded at once."""


def digest(path: Path) -> str:
    """Return the SHA-256 of the file's content; raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=MODULES)
def load(path: Path, content: str) -> ModuleType:
    """Run the file and return it as a module.

    Args:
        content: its `digest`: a file that was changed is another module.

    Raises:
        BaseException: whatever the file's code raises.
    """
    spec = importlib.util.spec_from_file_location(f"_scenario_{content}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
