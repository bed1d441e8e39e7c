"""First file of a worker: `PYTHON -P _boot.py DOTTED.PATH:Class NAME=FILE ...`.

Each NAME=FILE makes one top-level package importable straight from the harness's files. Putting
their folders on `sys.path` instead would let `runners/langgraph.py` stand in for the framework
`langgraph`, the `agents/` folder for the SDK of that name, and the harness's own site-packages for
the runner's locked ones.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import BinaryIO


def private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the protocol's two pipes, hidden from every print and read that follows.

    From then on file descriptor 0 reads nothing and 1 leads to the log.
    """
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return source, sink


def register(name: str, file: str) -> None:
    """Make the package (or module) `name` importable from `file` and from its folder alone.

    Raises:
        ImportError: `file` is no Python source file.
    """
    folder, _, base = file.rpartition("/")
    locations = [folder] if base == "__init__.py" else None
    spec = spec_from_file_location(name, file, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python source file", name=name, path=file)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    pipes = private_pipes()
    for argument in sys.argv[2:]:
        name, _, file = argument.partition("=")
        register(name, file)
    from agentdyno.runners.worker import main

    main(sys.argv[1], *pipes)
