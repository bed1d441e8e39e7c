"""Suites and baselines made by hand."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentdyno.core.suite import Suite
from agentdyno.experiments.gate.baseline import Baseline, Cell, Definition, KeptTrial
from agentdyno.experiments.gate.wireprint import WirePrint, print_wire
from agentdyno.tests.experiments.wires import Request, ask, recorded, say

QUIET = "same"
"""Name of the one print that all trials have unless they say otherwise."""


def suite(**changes: Any) -> Suite:
    """Return a suite named `s` of three trials."""
    return Suite.model_validate({
        "name": "s", "scenarios": ["q"], "trials": 3, "model": "scripted", **changes
    })


def kept(repeat: int = 0, *, passed: bool = True, wire: str = QUIET, **changes: Any) -> KeptTrial:
    """Return one trial; it has a value of `passed` and one check."""
    values = {"passed": float(passed), **changes.pop("values", {})}
    counted = changes.get("outcome", "completed") == "completed"
    told: dict[str, Any] = {
        "id": f"t{repeat}", "repeat": repeat, "outcome": "completed", "wire": wire,
        "values": values if counted else {},
        "verdicts": {"c": "pass" if passed else "fail"}, **changes,
    }
    return KeptTrial.model_validate(told)


def state(
    trials: Mapping[str, Sequence[KeptTrial]], *, runner: str = "crewai", name: str = "s",
    wires: Mapping[str, WirePrint] | None = None, families: Mapping[str, str] | None = None,
    harness: str = "1", version: str = "1", digest: str = "d", **definition: Any,
) -> Baseline:
    """Return a state of the suite: trials by situation, of one runner."""
    about = Definition.model_validate({
        "situations": tuple(trials), "runners": (runner,), "model": "scripted", "tools": "live",
        "retries": "uniform", "stream": False, **definition,
    })
    cells = tuple(
        Cell(situation=situation, runner=runner, version=version, scenario_digest=digest,
             harness=harness, families=dict(families or {"c": "text"}), trials=tuple(some))
        for situation, some in trials.items()
    )
    known = {QUIET: WirePrint(), **(wires or {})}
    return Baseline(suite=name, digest=about.digest, harness=harness, definition=about,
                    cells=cells, wires=known)


def cases(
    count: int, of: Callable[[int, int], KeptTrial], trials: int = 3
) -> dict[str, list[KeptTrial]]:
    """Return trials of `count` situations, made from case and repeat."""
    return {f"q{case:02}": [of(case, at) for at in range(trials)] for case in range(count)}


def noisy(case: int, repeat: int, mark: str = "") -> str:
    """Return a print's name that no other trial has: nothing is exact then."""
    return f"w{mark}{case}-{repeat}"


def noisy_wires(count: int, trials: int = 3, mark: str = "") -> dict[str, WirePrint]:
    """Return the prints that `noisy` names."""
    return {
        noisy(case, at, mark): WirePrint(answers=(f"{mark}{case}-{at}",))
        for case in range(count) for at in range(trials)
    }


def printed(*requests: Request) -> WirePrint:
    """Return the print of a trial that sent `requests`."""
    return print_wire(*recorded("crewai", requests))


HELLO = ask(say("system", "Be brief."), say("user", "Hello"), temperature=0.0)
