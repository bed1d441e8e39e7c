"""Checks of reports and approvals are refused where nobody can report or decide."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError
from agentdyno.scenarios.loader import load_scenario

BASE = """\
name: small
title: t
user: [Go.]
agents:
  solo: {role: r, goal: g, instructions: i, tools: [calculator.*]}
pattern: {type: single, agent: solo}
mcpServers: {calculator: {bundled: calculator}}
"""


def load(folder: Path, more: str) -> list[str]:
    """Return the problems of the scenario with these lines added."""
    path = folder / "scenario.yaml"
    path.write_text(BASE + more)
    try:
        load_scenario(path)
    except InputError as error:
        return [f"{problem.key}: {problem.message}" for problem in error.problems]
    return []


GAP = "checks:\n- {id: gap, type: gap_reported, agent: solo}\n"
DECIDED = "checks:\n- {id: a, type: approval, tool: calculator.evaluate, decision: approved}\n"


def test_every_agent_may_report_where_the_scenario_says_so(tmp_path: Path) -> None:
    assert load(tmp_path, f"report_missing_tools: true\n{GAP}") == []
    [agent] = load_scenario(tmp_path).agents
    assert agent.report_missing_tools


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (GAP, "checks.0.type: no agent can report; say report_missing_tools: true"),
        (DECIDED, "checks.0.type: nobody decides about calls; say who under approvals"),
        ("report_missing_tools: true\nchecks:\n- {id: gap, type: gap_reported, agent: sola}\n",
         "there is no agent 'sola' (did you mean 'solo'?)"),
        ("approvals: {}\nchecks:\n- {id: a, type: approval, tool: calculater.x, "
         "decision: approved}\n", "there is no tool server 'calculater'"),
        ("approvals: {}\nchecks:\n- {id: a, type: approval, tool: calculator.x, "
         "decision: approve}\n", "decision"),
    ],
)
def test_what_can_never_be_is_refused(more: str, said: str, tmp_path: Path) -> None:
    assert said in "\n".join(load(tmp_path, more))


def test_approvals_by_the_defaults_are_approvals(tmp_path: Path) -> None:
    assert load(tmp_path, f"approvals: {{}}\n{DECIDED}") == []


def test_a_server_cannot_take_the_name_of_the_reports(tmp_path: Path) -> None:
    more = BASE.replace("calculator: {bundled", "gaps: {bundled").replace("calculator.*", "gaps.*")
    path = tmp_path / "scenario.yaml"
    path.write_text(more)
    with pytest.raises(InputError) as error:
        load_scenario(path)
    assert "taken by agentdyno's own tool report_missing_tool" in str(error.value)


def test_calls_of_the_report_can_be_asked_for(tmp_path: Path) -> None:
    more = "checks:\n- {id: c, type: tools_called, tools: [gaps.report_missing_tool]}\n"
    assert load(tmp_path, f"report_missing_tools: true\n{more}") == []
