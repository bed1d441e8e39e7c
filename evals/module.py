"""Python files of a scenario's folder, loaded anew whenever their content changes."""

import hashlib
import importlib.util
from functools import lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = 256
"""Files that are kept loaded at once."""


def digest(path: Path) -> str:
    """Return the SHA-256 of the file's content; raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class _Uncached(SourceFileLoader):
    """Compiles the source each time.

    Python takes a compiled file for current by the second and the size of its source, which an
    edit may leave as they were; and a scenario's folder is not ours to write into.
    """

    def path_stats(self, path: Any) -> Any:
        """Raise OSError, which means that there is nothing to compare a compiled file with."""
        raise OSError("not cached")


@lru_cache(maxsize=MODULES)
def load(path: Path, content: str) -> ModuleType:
    """Run the file and return it as a module.

    Args:
        content: its `digest`: a file that was changed is another module.

    Raises:
        BaseException: whatever the file's code raises.
    """
    loader = _Uncached(f"_scenario_{content}", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
