"""The three kinds of users in a scenario's file, and what is refused with file, line and key."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import InputError
from agentdyno.scenarios.loader import LoadedScenario, load_scenario

HEAD = """\
name: talk
title: A conversation
vars: {city: Oslo}
agents:
  solo: {role: r, goal: g, instructions: i}
pattern: {type: single, agent: solo}
"""
SIMULATED = """\
user:
  simulate:
    persona: You live in {{ city }}.
    goal: Learn what {bread} costs in {{ city }}.
    stop:
      when: "'crowns' in answer or turn > 3"
"""


def load(folder: Path, user: str, head: str = HEAD) -> LoadedScenario:
    (folder / "scenario.yaml").write_text(head + user)
    return load_scenario(folder)


def problem(folder: Path, user: str, head: str = HEAD) -> tuple[int, str, str]:
    with pytest.raises(InputError) as caught:
        load(folder, user, head)
    (found,) = caught.value.problems
    return found.line, found.key, found.message


def test_a_simulated_user_is_one_more_caller_and_none_of_the_team(tmp_path: Path) -> None:
    loaded = load(tmp_path, SIMULATED)
    assert loaded.user is not None
    assert loaded.user_turns == ()
    assert [agent.name for agent in loaded.agents] == ["solo"]
    assert [agent.name for agent in loaded.callers] == ["solo", "user_simulator"]
    assert "You live in Oslo." in loaded.user.agent.instructions
    assert "Learn what {bread} costs in Oslo." in loaded.user.agent.instructions
    assert "end_conversation" in loaded.user.agent.instructions
    assert (loaded.user.max_turns, loaded.user.agent.model) == (8, "default")


def test_who_the_user_is_belongs_to_what_the_scenario_is(tmp_path: Path) -> None:
    digests = {
        load(tmp_path, SIMULATED.replace("Oslo", city).replace("{{ city }}", city)).digest
        for city in ("Oslo", "Rome")
    }
    assert len(digests) == 2


def test_a_first_turn_is_known_beforehand(tmp_path: Path) -> None:
    given = SIMULATED.replace("    goal:", "    first: Hello from {{ city }}\n    goal:")
    assert load(tmp_path, given).user_turns == ("Hello from Oslo",)


@pytest.mark.parametrize("wrap", [lambda messages: messages, lambda messages: {
    "id": 3, "messages": messages, "reward": 1.0,
}])
def test_a_replayed_user_says_what_the_recorded_one_said(tmp_path: Path, wrap: Any) -> None:
    messages = [
        {"role": "system", "content": "Be nice"},
        {"role": "user", "content": "Hi {{ not }} a template"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "{}", "tool_call_id": "1"},
        {"role": "user", "content": [{"type": "text", "text": "two "},
                                     {"type": "text", "text": "parts"}]},
    ]
    (tmp_path / "talk.json").write_text(json.dumps(wrap(messages)))
    loaded = load(tmp_path, "user: {replay: talk.json}\n")
    assert loaded.user_turns == ("Hi {{ not }} a template", "two parts")
    assert loaded.user is None


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        ("{", "talk.json: Expecting property name"),
        ("7", "neither a list of messages nor an object with `messages`"),
        ('[{"content": "a"}]', "messages[0] has no `role`"),
        ('[{"role": "assistant", "content": "a"}]', "there is no message of a user"),
        ('[{"role": "user", "content": null}]', "messages[0].content is not text"),
        ('[{"role": "user", "content": [{"type": "image_url"}]}]', "is not text"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_recording_that_is_none_is_refused(tmp_path: Path, recorded: str, message: str) -> None:
    (tmp_path / "talk.json").write_text(recorded)
    line, key, said = problem(tmp_path, "user:\n  replay: talk.json\n")
    assert (line, key) == (8, "user.replay")
    assert message in said


def test_a_recording_elsewhere_or_nowhere_is_refused(tmp_path: Path) -> None:
    assert "No such file" in problem(tmp_path, "user: {replay: none.json}\n")[2]
    outside = problem(tmp_path, "user: {replay: ../none.json}\n")
    assert outside[2] == "the file must lie in the scenario's folder"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    goal: Learn what {bread} costs in {{ city }}.\n", "",
         (8, "user.simulate.goal", "this key is required")),
        ("persona: You live in {{ city }}.", "persona: You live in {{ town }}.",
         (9, "user.simulate.persona", "'town' is undefined (variables: city)")),
        ("persona:", "person:", (9, "user.simulate.person", "unknown key")),
        ("turn > 3", "turns > 3",
         (12, "user.simulate.stop.when", "'turns' is none of answer, answers, turn, vars")),
        ("turn > 3", "vars.citi", (12, "user.simulate.stop.when", "`vars` has no 'citi'")),
        ("turn > 3", "turn >", (12, "user.simulate.stop.when", "not a Jinja expression")),
        ("    stop:\n", "    stop:\n      max_turns: 0\n",
         (12, "user.simulate.stop.max_turns", "greater than or equal to 1")),
    ],
)
def test_mistakes_in_a_simulated_user_are_told_where_they_stand(
    tmp_path: Path, old: str, new: str, expected: tuple[int, str, str]
) -> None:
    assert old in SIMULATED
    with pytest.raises(InputError) as caught:
        load(tmp_path, SIMULATED.replace(old, new))
    found = [(p.line, p.key) for p in caught.value.problems]
    assert (expected[0], expected[1]) in found
    assert any(expected[2] in p.message for p in caught.value.problems)


@pytest.mark.parametrize(
    ("user", "message"),
    [("user: [a, b]\n", "the scenario has 2 user turns"),
     ("user: {replay: talk.json}\n", "the recording has 2 user turns"),
     (SIMULATED.replace("stop:", "stop:\n      max_turns: 2"),
      "the simulated user has at most 2 turns")],
)
def test_a_check_of_a_turn_that_never_comes_is_refused(
    tmp_path: Path, user: str, message: str
) -> None:
    (tmp_path / "talk.json").write_text(json.dumps([{"role": "user", "content": "a"}] * 2))
    check = "checks: [{id: third, type: contains, text: x, turn: 3}]\n"
    assert problem(tmp_path, user, HEAD + check) == (7, "checks.0.turn", message)
    assert load(tmp_path, user, HEAD + check.replace("3}", "2}")).scenario.checks[0].id == "third"


@pytest.mark.parametrize("user", ["user: Hello\n", "user: {play: a.json}\n", "user: 3\n"])
def test_another_kind_of_user_is_refused(tmp_path: Path, user: str) -> None:
    assert problem(tmp_path, user) == (
        7, "user", "must be a list of texts, {replay: FILE}, or {simulate: {...}}"
    )


def test_no_agent_may_have_the_name_of_the_simulated_user(tmp_path: Path) -> None:
    head = HEAD.replace("solo", "user_simulator")
    line, key, message = problem(tmp_path, "user: [Hi]\n", head)
    assert (line, key) == (5, "agents.user_simulator")
    assert message == "this is the name of the simulated user"
