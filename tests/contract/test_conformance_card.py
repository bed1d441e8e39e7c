"""`agentdyno conformance`: the card of another package's runner, kept and not kept."""

import json
import sys
from pathlib import Path

import pytest

from agentdyno.cli import conformance as command
from agentdyno.cli.main import main
from agentdyno.experiments.conformance import wrappers
from agentdyno.experiments.conformance.card import REASONS
from agentdyno.runners.ref import RunnerRef
from agentdyno.tests.contract.fakes.acme_dyno import CARELESS, TEAMWORK

ROOT = Path(__file__).parents[2]
ACME = Path(__file__).parent / "fakes" / "acme_dyno.py"
PLAYED = ("single", "parallel")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have the names `acme` and `careless` resolve to runners on the tests' own Python."""

    def ref(name: str) -> RunnerRef:
        runner = "AcmeRunner" if name == "acme" else "CarelessRunner"
        return RunnerRef(
            name=name, version="1", digest="0" * 64, path=f"acme_dyno:{runner}", package="httpx2",
            lock=tmp_path / "acme.txt", folder=tmp_path / "env", python=Path(sys.executable),
            modules={"agentdyno": ROOT / "__init__.py", "acme_dyno": ACME},
            teamwork=TEAMWORK if name == "acme" else CARELESS,
        )

    async def resolve(name: str, cache: Path) -> RunnerRef:
        return ref(name)

    monkeypatch.setattr(command.envs, "resolve", resolve)
    monkeypatch.setattr(command, "ensure_all", lambda names: None)
    monkeypatch.setattr(wrappers, "MEETING_S", 0.2)


def card(name: str, capsys: pytest.CaptureFixture[str], *patterns: str) -> tuple[int, dict]:
    chosen = [part for pattern in patterns for part in ("--pattern", pattern)]
    code = main(["conformance", name, *chosen, "--json"])
    return code, json.loads(capsys.readouterr().out)


def statuses(told: dict, status: str) -> dict[str, set[str]]:
    """Return the requirements of `status` by pattern."""
    return {
        column["pattern"]: {
            cell["requirement"] for cell in column["cells"] if cell["status"] == status
        }
        for column in told["patterns"]
    }


@pytest.mark.usefixtures("installed")
def test_a_runner_that_keeps_to_what_it_declares_passes(capsys: pytest.CaptureFixture[str]):
    code, told = card("acme", capsys, *PLAYED, "selector")
    wrong = [cell for column in told["patterns"] for cell in column["cells"] if cell["wrong"]]
    assert (code, wrong) == (0, [])
    assert list(told["requirements"]) == list(REASONS)
    passed = statuses(told, "pass")
    assert {"declared", "answer", "calls", "messages", "together"} <= passed["parallel"]
    assert passed["selector"] == {"declared"}
    (selector,) = [c for c in told["patterns"] if c["pattern"] == "selector"]
    assert (selector["kind"], selector["how"]) == (
        "unsupported", "the runner does not declare it")
    (parallel,) = [c for c in told["patterns"] if c["pattern"] == "parallel"]
    assert parallel["sight"]["joiner"] == ["east", "north", "task", "west"]


@pytest.mark.usefixtures("installed")
def test_what_a_careless_runner_does_not_keep_is_told_and_fails(
    capsys: pytest.CaptureFixture[str]
):
    code, told = card("careless", capsys, *PLAYED)
    assert code == 1
    failed = statuses(told, "fail")
    assert failed["single"] >= {"declared", "outcome", "answer", "settings", "apart"}
    assert failed["parallel"] >= {"settings", "usage", "together", "sees"}
    lines = [line for c in told["patterns"] for cell in c["cells"] for line in cell["wrong"]]
    for said in (
        "httpx2.NoSuchClient cannot be imported: httpx2 has no NoSuchClient",
        "parallel.answer: west sees east",
        "parallel.answer: a call of west asks for temperature 1.0, not 0.1",
    ):
        assert said in lines


@pytest.mark.usefixtures("installed")
def test_the_card_is_a_table_with_every_fault_below_it(capsys: pytest.CaptureFixture[str]):
    assert main(["conformance", "careless", "--pattern", "parallel", "--verbose"]) == 1
    out = capsys.readouterr().out
    assert "careless@1" in out
    assert "FAIL" in out
    assert "parallel: composed, loops side by side, then one more" in out
    assert "  west sees east, task" in out
    assert "not kept" in out.splitlines()[-1]


def test_a_program_of_the_users_own_has_no_card(capsys: pytest.CaptureFixture[str]):
    assert main(["conformance", "command:true"]) == 4
    assert "is a program of your own" in capsys.readouterr().err
