"""Checks that users write: functions with `@agentdyno.check`.

    import agentdyno

    @agentdyno.check
    def polite(trial, *, words=("please",)):
        return any(word in trial.answers[-1] for word in words)

A scenario asks for it with `{id: polite, type: python, function: checks.py:polite}` where checks.py
lies in its folder, or with `function: polite` where an installed package names it in its entry
point group `agentdyno.checks`.
"""

import inspect
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar, overload

from agentdyno.core.checkworld import PythonCheck
from agentdyno.core.trial import Trial
from agentdyno.core.yamlproblem import nearest
from agentdyno.evals.finding import Finding, failed, passed
from agentdyno.evals.module import digest, load
from agentdyno.scenarios.checkrefs import CHECKS_GROUP

_MARK = "agentdyno_check"

Function = TypeVar("Function", bound=Callable[..., Any])


class UserCheckFault(Exception):
    """A user's check cannot be found, raised, or answered neither yes nor no."""


@overload
def check(function: Function) -> Function: ...
@overload
def check(*, name: str) -> Callable[[Function], Function]: ...


def check(function: Any = None, *, name: str = "") -> Any:
    """Mark a function as a check, by its own name or by `name`.

    The function is given the sealed `Trial`, and `args` of the scenario's check as keyword
    arguments. It returns whether the trial passes: a bool, or a `Finding(ok, reason)`, which any
    pair of a bool and a text stands for. It must be pure: a stored trial is graded again later.

    Raises:
        TypeError: it is no plain function; a check cannot wait for anything.
    """
    def mark(marked: Any) -> Any:
        if not inspect.isfunction(marked) or inspect.iscoroutinefunction(marked):
            raise TypeError("@agentdyno.check stands over a plain function, not an async one")
        setattr(marked, _MARK, name or marked.__name__)
        return marked

    return mark if function is None else mark(function)


def check_name(value: Any) -> str | None:
    """Return the name under which `value` is a check; None when it is none."""
    return getattr(value, _MARK, None) if inspect.isfunction(value) else None


@cache
def installed() -> Mapping[str, metadata.EntryPoint]:
    """Return the checks that installed packages offer, by name; none of them is imported."""
    return {point.name: point for point in metadata.entry_points(group=CHECKS_GROUP)}


def checks_in(path: Path) -> dict[str, Callable[..., Any]]:
    """Return the checks of a Python file, by name.

    Raises:
        UserCheckFault: the file cannot be read, or its code raises.
    """
    try:
        module = load(path, digest(path))
    except OSError as error:
        raise UserCheckFault(f"{path.name} cannot be read: {error.strerror}") from error
    except (Exception, SystemExit) as error:
        raise UserCheckFault(_raised(error, path.name)) from error
    found = ((check_name(value), value) for value in vars(module).values())
    return {name: value for name, value in found if name is not None}


def find(function: str, folder: Path) -> Callable[..., Any]:
    """Return the check that `function` names: `file.py:name` in `folder`, or an installed one.

    Raises:
        UserCheckFault: there is none, or its module cannot be imported.
    """
    file, colon, name = function.rpartition(":")
    if colon:
        there = checks_in(folder / file)
        if name not in there:
            raise UserCheckFault(
                f"{file} has no function {name!r} with @agentdyno.check{nearest(name, there)}"
            )
        return there[name]
    if name not in installed():
        raise UserCheckFault(
            f"no installed package offers a check {name!r}{nearest(name, installed())}"
        )
    try:
        loaded: Any = installed()[name].load()
    except (Exception, SystemExit) as error:
        raise UserCheckFault(_raised(error, name)) from error
    if check_name(loaded) is None:
        raise UserCheckFault(f"{installed()[name].value} is not marked with @agentdyno.check")
    return loaded  # type: ignore[no-any-return]


def python(trial: Trial, check: PythonCheck, folder: Path) -> Finding:
    """Ask the user's function, with a copy of the trial that it may do anything to.

    Raises:
        UserCheckFault: see the class.
    """
    function = find(check.function, folder)
    try:
        answer = function(trial.model_copy(deep=True), **check.args)
    except (Exception, SystemExit) as error:
        raise UserCheckFault(_raised(error, check.function)) from error
    match answer:
        case bool():
            return (passed if answer else failed)(f"{check.function} returned {answer}")
        case (bool() as ok, str() as reason):
            return (passed if ok else failed)(reason or f"{check.function} returned {ok}")
    raise UserCheckFault(f"{check.function} returned {answer!r}, neither bool nor Finding")


def _raised(error: BaseException, what: str) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f", {Path(frame.filename).name} line {frame.lineno}" for frame in last)
    return f"{what} raised {type(error).__name__}: {error}{where}"
