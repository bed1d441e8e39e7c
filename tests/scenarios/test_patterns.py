"""Patterns in scenario files: what each refuses, and scenarios with several arrangements."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.pattern import Reflection, pattern_agents
from agentdyno.scenarios.loader import load_cases, load_scenario

AGENT = "{role: A hand, goal: Help., instructions: Help.}"


def write(folder: Path, pattern: str, *, agents: str = "abc", user: str = "[Go.]",
          more: str = "") -> Path:
    """Write a scenario of one-letter agents and return its folder."""
    (folder / "scenario.yaml").write_text(
        f"name: tiny\ntitle: A tiny one\nuser: {user}\nagents:\n"
        + "".join(f"  {name}: {AGENT}\n" for name in agents)
        + "pattern:\n" + indent(dedent(pattern).strip(), "  ") + "\n" + dedent(more),
        encoding="utf-8",
    )
    return folder


@pytest.mark.parametrize(("pattern", "key", "words"), [
    ("{type: handoff, start: a, handoffs: {a: [b, zed], b: [c]}}",
     "pattern.handoffs.a.1", "no agent 'zed'"),
    ("{type: handoff, start: a, handoffs: {a: [b], b: [b], c: [a]}}",
     "pattern.handoffs.b.0", "cannot pass control to itself"),
    ("{type: handoff, start: a, handoffs: {a: [b], c: [a]}}",
     "pattern.handoffs.c", "control never comes to 'c'"),
    ("{type: selector, agents: [a, b], selector: a, stop: {text: END}}",
     "pattern.selector", "chooses and cannot be chosen"),
    ("{type: round_robin, agents: [a, b, c], stop: {text: END, by: [z]}}",
     "pattern.stop.by.0", "no agent 'z'"),
    ("{type: supervisor, manager: a, workers: [b, c, a]}",
     "pattern.manager", "cannot be a worker"),
    ("{type: reflection, writer: a, critic: a}", "pattern.critic", "another agent"),
    ("{type: parallel, agents: [a, b, c], synthesizer: c}",
     "pattern.synthesizer", "cannot be one of them"),
    ("{type: dag, start: a, edges: [{source: a, target: b}, {source: b, target: a}]}",
     "pattern.edges.1", "has no limit"),
    ("{type: dag, start: a, edges: [{source: a, target: b}, {source: c, target: b}]}",
     "pattern.edges.1", "cannot be reached"),
    ("{type: dag, start: a, edges: [{source: a, target: b}, {source: b, target: x}]}",
     "pattern.edges.1.target", "no agent 'x'"),
])
def test_a_pattern_that_cannot_work_is_refused_with_line_and_key(
    tmp_path: Path, pattern: str, key: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, pattern))
    found = {problem.key: problem for problem in caught.value.problems}
    assert words in found[key].message
    assert found[key].line == 9


def test_only_single_and_handoff_hear_the_user_twice(tmp_path: Path) -> None:
    twice = "[Go., And then?]"
    with pytest.raises(InputError, match="takes one user turn"):
        load_scenario(write(
            tmp_path, "{type: reflection, writer: a, critic: b}", agents="ab", user=twice
        ))
    loaded = load_scenario(write(
        tmp_path, "{type: handoff, start: a, handoffs: {a: [b]}}", agents="ab", user=twice
    ))
    assert loaded.user_turns == ("Go.", "And then?")


ARRANGED = """
    checks:
    - {id: says_so, type: contains, text: so}
    - {id: says_more, type: contains, text: more}
    arrangements:
      reviewed:
        pattern: {type: reflection, writer: a, critic: c}
        agents:
          c: {role: A critic, goal: Criticise., instructions: Criticise.}
          a: {append: Take criticism.}
        without_checks: [says_so]
        checks:
        - {id: says_more, type: contains, text: much more}
        - {id: brief, type: limits, model_calls: 6}
"""


def test_an_arrangement_changes_pattern_agents_and_checks_and_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path, "{type: pipeline, steps: [a, b]}", agents="ab", more=ARRANGED)
    plain, other = load_scenario(folder), load_scenario(f"{folder}.reviewed")
    assert plain.scenario.name == "tiny"
    assert other.scenario.name == "tiny.reviewed"
    assert isinstance(other.scenario.pattern, Reflection)
    assert [agent.name for agent in other.agents] == ["a", "c"]
    assert other.agents[0].instructions.endswith("Take criticism.")
    assert [check.id for check in other.scenario.checks] == ["says_more", "brief"]
    assert other.user_turns == plain.user_turns
    assert other.digest != plain.digest
    assert pattern_agents(plain.scenario.pattern) == ("a", "b")


def test_an_arrangement_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    folder = write(tmp_path, "{type: pipeline, steps: [a, b]}", agents="ab", more=ARRANGED)
    with pytest.raises(UsageError, match="did you mean 'reviewed'"):
        load_scenario(f"{folder}.revewed")


def test_what_is_wrong_in_an_arrangement_is_told_with_its_place(tmp_path: Path) -> None:
    broken = ARRANGED.replace("critic: c}", "critic: d}").replace("[says_so]", "[says_what]")
    folder = write(tmp_path, "{type: pipeline, steps: [a, b]}", agents="ab", more=broken)
    with pytest.raises(InputError) as caught:
        load_scenario(folder)
    assert {problem.key for problem in caught.value.problems} == {
        "arrangements.reviewed.pattern.critic", "arrangements.reviewed.agents.c",
        "arrangements.reviewed.without_checks.0",
    }


CASES = """
    vars: {town: Lisbon, hours: 1}
    difficulty: easy
    tags: [time]
    checks:
    - {id: says_so, type: contains, text: Lisbon}
    cases:
      lisbon: {}
      tokyo:
        vars: {town: Tokyo}
        difficulty: hard
        tags: [far]
        checks: [{id: says_so, type: contains, text: Tokyo}]
"""


def test_each_case_is_the_scenario_with_facts_of_its_own(tmp_path: Path) -> None:
    folder = write(
        tmp_path, "{type: single, agent: a}", agents="a", more=CASES,
        user='["What time is it in {{ town }}?"]',
    )
    lisbon, tokyo = load_cases(folder)
    assert (lisbon.situation, tokyo.situation) == ("tiny:lisbon", "tiny:tokyo")
    assert tokyo.user_turns == ("What time is it in Tokyo?",)
    assert tokyo.variables == {"town": "Tokyo", "hours": 1}
    assert (tokyo.scenario.difficulty, tokyo.scenario.tags) == ("hard", ("time", "far"))
    assert [check.text for check in tokyo.scenario.checks] == ["Tokyo"]  # type: ignore[union-attr]
    assert lisbon.digest != tokyo.digest
    assert load_scenario(folder).case == ""


def test_one_case_is_named_after_a_colon(tmp_path: Path) -> None:
    folder = write(tmp_path, "{type: single, agent: a}", agents="a", more=CASES)
    (only,) = load_cases(f"{folder}:tokyo")
    assert only.situation == "tiny:tokyo"
    with pytest.raises(UsageError, match="did you mean 'tokyo'"):
        load_cases(f"{folder}:tokio")
