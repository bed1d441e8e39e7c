"""The part of the harness's own files that decides what a runner does."""

import ast
import hashlib
from importlib.util import find_spec
from pathlib import Path


def top_module(path: str) -> tuple[str, Path]:
    """Return the name and file of the top-level package of dotted `path`, without importing it.

    Raises:
        ModuleNotFoundError: it is not installed beside agentdyno.
    """
    top = path.partition(":")[0].partition(".")[0]
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{top} is not installed beside agentdyno", name=top)
    return top, Path(spec.origin)


def adapter_digest(path: str) -> str:
    """Return the SHA-256 over the adapter at dotted `path` and all that it imports beside it.

    Followed are imports of modules in the adapter's own package; of a folder below that package
    every file counts, whatever its kind. Nothing is executed.
    """
    module = path.partition(":")[0]
    _, top_file = top_module(path)
    package = module.rpartition(".")[0]
    home = top_file.parent.joinpath(*package.split(".")[1:]) if package else top_file.parent
    files: set[Path] = set()
    _collect(home / f"{module.rpartition('.')[2]}.py", package, home, files)
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(home).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _collect(file: Path, package: str, home: Path, files: set[Path]) -> None:
    if file in files or not file.is_file():
        return
    files.add(file)
    if file.suffix == ".py":
        for name in _imports(file):
            if name.startswith(f"{package}."):
                target = home.joinpath(*name.removeprefix(f"{package}.").split("."))
                for found in (target.with_suffix(".py"), target / "__init__.py"):
                    _collect(found, package, home, files)
    if file.parent != home:
        for beside in file.parent.iterdir():
            if beside.suffix != ".pyc":
                _collect(beside, package, home, files)


def _imports(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # The imported name may be a module of its own.
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
