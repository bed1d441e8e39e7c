"""`agentdyno chaos`: the recovery matrix, what its cells say, and what it refuses."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from agentdyno.cli.chaostable import cell_text, print_matrix
from agentdyno.cli.main import main
from agentdyno.core.event import Fault, ToolCall
from agentdyno.core.fault import FaultPlan
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.chaos import RecoveryMatrix, recovery_matrix
from agentdyno.tests.cli.test_run import Command
from agentdyno.tests.experiments.trials import model_call, sealed

PLAN = FaultPlan.model_validate({"name": "p", "faults": [
    {"on": "model", "kind": "http_500", "call": 3},
    {"on": "model", "kind": "empty_content", "call": 3},
    {"on": "tool", "kind": "error", "call": 9},
]})
FILE = """\
name: small
faults:
- {on: model, kind: http_500, call: 3}
- {on: model, kind: refusal, call: 3}
- {on: tool, kind: error, call: 9}
"""
HIT = Fault(agent="solo", started_s=0, ended_s=0, channel="model", ordinal=2, fault="http_500")
MAIL = ToolCall(
    agent="solo", started_s=0, ended_s=0, ordinal=0, server="box", tool="send_mail",
    arguments={"to": "mira@example.org"}, is_error=False, result_text="",
)


def trial(fault: int | None, *events: Any, repeat: int = 0, **more: Any) -> Trial:
    """Return a trial under one fault of PLAN, or under none."""
    made = sealed("crewai", repeat, events=events, **more)
    faults = "" if fault is None else PLAN.singles()[fault].key
    return made.model_copy(update={"key": made.key.model_copy(update={"faults": faults}),
                                   "id": f"{faults}{repeat}"})


def matrix(*trials: Trial) -> RecoveryMatrix:
    return recovery_matrix(trials, PLAN, "s", "as-shipped")


def said(matrix: RecoveryMatrix, fault: str = "model_http_500") -> str:
    return cell_text(matrix.cells[fault, "crewai 1"]).plain


def test_a_cell_says_recovered_at_what_price_and_what_was_done_twice() -> None:
    plain = trial(None, MAIL)
    assert said(matrix(plain, trial(0, HIT, MAIL))) == "✓"
    assert said(matrix(plain, trial(0, HIT, MAIL, model_call(1)))) == "✓ +1 call"
    assert said(matrix(plain, trial(0, HIT, MAIL, MAIL))) == "✓ +1 tool send_mail twice!"


def test_a_cell_says_how_it_ended_without_recovery() -> None:
    fault = trial(0, HIT, outcome=Outcome.AGENT_FAULT, passed=False)
    assert said(matrix(trial(None), fault)) == "✗ agent_fault"
    assert said(matrix(trial(None), trial(0, HIT, passed=False))) == "✗ wrong result"


def test_what_says_nothing_is_never_counted_as_recovered() -> None:
    assert said(matrix(trial(None), trial(0))) == "n/a"
    assert said(matrix(trial(None, passed=False), trial(0, HIT))) == "no baseline"
    bench = trial(0, HIT, outcome=Outcome.HARNESS_FAULT, passed=False)
    assert said(matrix(trial(None), bench)) == "bench failed"
    assert said(matrix(trial(None), trial(0, HIT)), "tool_error") == "–"


def test_repeats_share_a_cell_and_are_paired_one_by_one() -> None:
    trials = [trial(None, repeat=n) for n in range(3)]
    trials += [trial(0, HIT, repeat=n, passed=n > 0) for n in range(3)]
    assert said(matrix(*trials)) == "✗ 2/3 wrong result"
    rows = matrix(*trials).rows()
    assert [(row["repeat"], row["status"]) for row in rows] == [
        (0, "failed"), (1, "recovered"), (2, "recovered")
    ]


def test_time_lost_is_told_of_warm_trials_alone() -> None:
    def lasting(made: Trial, seconds: float) -> Trial:
        return made.model_copy(update={"duration_s": seconds})

    late = lasting(trial(0, HIT), 2.5)
    assert said(matrix(trial(None), late)) == "✓ 1.5 s"
    assert said(matrix(trial(None, cold=True), late)) == "✓"


def test_the_matrix_names_its_retry_profile_and_explains_its_marks() -> None:
    out = StringIO()
    print_matrix(Console(file=out, width=120), matrix(trial(None), trial(0, HIT), trial(1, HIT)))
    text = out.getvalue()
    assert "retries as shipped" in text.splitlines()[0]
    assert "model http_500" in text
    assert "2/2" in text
    assert "n/a: no call that the fault could hit" in text


@pytest.mark.parametrize(("plan", "part"), [
    ("name: p\nfaults: []\n", "holds no faults"),
    ("name: p\nfaults:\n- {on: model, kind: http_501, call: 1}\n", "plan.yaml:3: faults.0.kind"),
])
def test_a_plan_of_no_use_is_refused(
    tmp_path: Path, plan: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(plan)
    assert main(["chaos", "order_mail", "--faults", str(path)]) == 4
    assert part in capsys.readouterr().err


async def test_chaos_runs_each_fault_beside_none_and_a_rerun_only_reads_it(
    database: str, tmp_path: Path
) -> None:
    command = Command(database)
    plan = tmp_path / "plan.yaml"
    plan.write_text(FILE)
    arguments = ("chaos", "order_mail", "-r", "pydantic_ai", "--faults", str(plan))
    code, out, err = await command(*arguments, "--json", str(tmp_path / "m.json"))
    assert code == 0, err
    assert "retries as shipped" in out
    report = json.loads((tmp_path / "m.json").read_text())
    found = {row["fault"]: (row["status"], row["extra_model_calls"]) for row in report["rows"]}
    assert found == {
        "model_http_500": ("recovered", 1), "model_refusal": ("failed", 0),
        "tool_error": ("not_reached", 0),
    }
    code, again, err = await command(*arguments)
    assert (code, again) == (0, out)
    assert "stored already: 4 of 4" in err


async def test_under_uniform_the_gateway_recovers_and_no_framework_makes_a_call_more(
    database: str, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(FILE)
    code, out, err = await Command(database)(
        "chaos", "order_mail", "-r", "pydantic_ai", "--faults", str(plan),
        "--retries", "uniform", "--json", "-",
    )
    assert code == 0, err
    (row,) = [row for row in json.loads(out)["rows"] if row["fault"] == "model_http_500"]
    assert (row["status"], row["extra_model_calls"], row["gateway_tries"]) == ("recovered", 0, 1)
