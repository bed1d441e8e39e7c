"""A script is checked as a whole before anything runs."""

from collections.abc import Callable
from typing import Any

import pytest

from agentdyno.core.errors import InputError
from agentdyno.models.scriptfile import SCHEMA_FILE, schema_text

GOOD = "agents: {researcher: [{say: hi}], analyst: [{say: \"{{ vars.word }}\"}]}"


def problems_of(load: Callable[..., Any], text: str, **variables: Any) -> list[tuple[int, str]]:
    """Return line and "key: message" of each problem."""
    with pytest.raises(InputError) as caught:
        load(text, **variables)
    return [(problem.line, f"{problem.key}: {problem.message}") for problem in
            caught.value.problems]


def test_every_problem_of_a_file_is_told_at_once(script: Callable[..., Any]) -> None:
    found = problems_of(script, """agents:
  researcher:
    - when: not caled("x")
      say: "{{ 1 + }}"
    - handoff: analist
    - call: {tool: x, arguments: {to: "{{ vars.wrod }}"}}
    - sya: hi
    - say: a
      data: {}
    - {}
  wirter:
    - say: "{{ vars.word }}"
latency: {jitter: 2}
""", word="cats")
    text = "\n".join(f"{line} {message}" for line, message in found)
    for expected in (
        "3 agents.researcher.0.when: unknown name 'caled' (did you mean 'called'?)",
        "4 agents.researcher.0.say: not a Jinja template",
        "5 agents.researcher.1.handoff: the team has no agent 'analist' (did you mean 'analyst'?)",
        "6 agents.researcher.2.call.arguments.to: the scenario has no variable 'wrod' (did you",
        "7 agents.researcher.3.sya: unknown key (did you mean 'say'?)",
        "8 agents.researcher.4: say cannot stand beside data",
        "10 agents.researcher.5: a rule needs one of call, calls, say",
        "11 agents.wirter: the team has no agent 'wirter'",
        "1 agents: there are no rules for agent 'analyst'",
        "13 latency.jitter: ",
    ):
        assert expected in text


@pytest.mark.parametrize("text", ["agents: 3", "[]", "agents: {researcher: hi, analyst: [3]}"])
def test_a_file_of_another_shape_is_refused_without_a_crash(
    script: Callable[..., Any], text: str
) -> None:
    assert problems_of(script, text)


def test_a_whole_expression_keeps_its_json_type(script: Callable[..., Any]) -> None:
    loaded = script("""agents:
  researcher:
    - call:
        tool: x
        arguments:
          number: "{{ vars.n }}"
          list: ["{{ vars.n }}", "n={{ vars.n }}", "{{ vars.n }}{{ vars.n }}"]
          none: "{{ vars.none }}"
          text: plain
  analyst: [{say: hi}]
""", n=2.5, none=None)
    from agentdyno.models.template import context_of

    [(_, arguments)] = loaded.rules["researcher"][0].calls
    assert arguments(context_of({"vars": loaded.variables})) == {
        "number": 2.5, "list": [2.5, "n=2.5", "2.52.5"], "none": None, "text": "plain"}


def test_the_digest_follows_meaning_and_variables_but_not_comments(
    script: Callable[..., Any]
) -> None:
    digest = script(GOOD, word="a").digest
    assert script("# a comment\n" + GOOD, word="a").digest == digest
    assert script(GOOD, word="b").digest != digest
    assert script(GOOD.replace("hi", "ho"), word="a").digest != digest


def test_the_committed_schema_is_the_generated_one() -> None:
    assert SCHEMA_FILE.read_text() == schema_text()
