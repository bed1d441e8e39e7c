"""Runs in a runner's own environment: what its class declares, and which names do not import.

    PYTHON -P _declares.py _boot.py DOTTED.PATH:Class NAME=FILE ... < {"names": [...]}
"""

import importlib
import json
import runpy
import sys
from typing import Any


def problem(path: str) -> str | None:
    """Return why `package.module.Name` cannot be imported; None when it can."""
    parts = path.split(".")
    for at in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:at]))
        except ModuleNotFoundError as error:
            if at > 1 and error.name == ".".join(parts[:at]):
                continue
            return str(error)
        for part in parts[at:]:
            if not hasattr(found, part):
                return f"{'.'.join(parts[:at])} has no {'.'.join(parts[at:])}"
            found = getattr(found, part)
        return None
    return f"{path!r} is not package.module.Name"


def main() -> None:
    boot, path, *modules = sys.argv[1:]
    register = runpy.run_path(boot)["register"]
    for argument in modules:
        name, _, file = argument.partition("=")
        register(name, file)
    from agentdyno.runners.registry import load_runner

    patterns = {
        name: [support.kind, support.how, list(support.classes)]
        for name, support in load_runner(path).patterns.items()
    }
    problems = {name: problem(name) for name in json.load(sys.stdin)["names"]}
    # What a framework prints while it is imported must not get into the answer.
    print("\n" + json.dumps({"patterns": patterns, "problems": problems}))


if __name__ == "__main__":
    main()
