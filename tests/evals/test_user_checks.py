"""Checks that users write: in the scenario's folder or in a package; never a wrong pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentdyno
from agentdyno.core.check import PythonCheck
from agentdyno.core.event import ToolCall
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate
from agentdyno.evals.custom import installed

FILE = '''
import agentdyno
from agentdyno import Finding, check

@check
def says(trial, *, word="tea"):
    return word in trial.answers[-1]

@agentdyno.check(name="told.why")
def why(trial):
    return Finding(False, f"{len(trial.events)} events")

@check
def empty(trial):
    return True, ""

@check
def spoils(trial):
    trial.events[0].arguments.clear()
    return True

@check
def raises(trial):
    return trial.answers[7]

@check
def leaves(trial):
    raise SystemExit(0)

@check
def nothing(trial):
    pass

@check
def one(trial):
    return 1

def unmarked(trial):
    return True
'''


def verdict(folder: Path, function: str, **args: Any) -> Verdict:
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    call = ToolCall(agent="solo", started_s=0, ended_s=0, ordinal=0, server="s", tool="x",
                    arguments={"a": 1}, is_error=False, result_text="")
    trial = Trial(id="t", key=key, outcome=Outcome.COMPLETED, started_at="", duration_s=1,
                  answers=("green tea",), events=(call,), report=WorkerReport(ended="returned"))
    check = PythonCheck(id="c", type="python", function=function, args=args)
    found = evaluate(trial, [check], folder)[0]
    assert call.arguments == {"a": 1}
    return found


@pytest.mark.parametrize(("function", "args", "status", "reason"), [
    ("says", {}, "pass", "checks.py:says returned True"),
    ("says", {"word": "coffee"}, "fail", "checks.py:says returned False"),
    ("told.why", {}, "fail", "1 events"),
    ("empty", {}, "pass", "checks.py:empty returned True"),
    ("spoils", {}, "pass", "returned True"),
    ("raises", {}, "error", "raised IndexError: tuple index out of range, checks.py line 24"),
    ("leaves", {}, "error", "raised SystemExit: 0"),
    ("nothing", {}, "error", "returned None, neither bool nor Finding"),
    ("one", {}, "error", "returned 1, neither bool nor Finding"),
    ("says", {"letter": "x"}, "error", "unexpected keyword argument 'letter'"),
    ("unmarked", {}, "error", "no function 'unmarked' with @agentdyno.check"),
    ("say", {}, "error", "(did you mean 'says'?)"),
])
def test_a_function_of_the_scenarios_folder_is_asked(
    function: str, args: dict[str, Any], status: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "checks.py").write_text(FILE)
    found = verdict(tmp_path, f"checks.py:{function}", **args)
    assert (found.status, reason in found.reason) == (status, True), found


def test_a_file_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    assert "cannot be read" in verdict(tmp_path, "checks.py:x").reason
    (tmp_path / "checks.py").write_text("import nowhere_at_all\n")
    found = verdict(tmp_path, "checks.py:x")
    assert (found.status, "No module named 'nowhere_at_all'" in found.reason) == ("error", True)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package that offers two checks, of which one is none."""
    info = tmp_path / "acme_dyno-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-dyno\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[agentdyno.checks]\nsays = acme_dyno_checks:says\nbare = acme_dyno_checks:unmarked\n"
    )
    (tmp_path / "acme_dyno_checks.py").write_text(FILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()


def test_an_installed_package_offers_checks_by_name(package: Path) -> None:
    assert verdict(Path(), "says").status == "pass"
    assert verdict(Path(), "says", word="coffee").status == "fail"
    bare = verdict(Path(), "bare")
    assert (bare.status, "is not marked with" in bare.reason) == ("error", True)
    gone = verdict(Path(), "sayz")
    assert (gone.status, "(did you mean 'says'?)" in gone.reason) == ("error", True)


def test_only_plain_functions_are_checks() -> None:
    async def later(trial: Trial) -> bool:
        return True

    with pytest.raises(TypeError, match="not an async one"):
        agentdyno.check(later)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = agentdyno.nothing
