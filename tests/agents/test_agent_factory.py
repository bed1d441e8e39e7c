"""Agents: the library of archetypes, and how they are made and changed."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agentdyno.agents.factory import AgentFactory, AgentFault
from agentdyno.agents.library import BUILT_IN, AgentLibrary
from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.override import AgentOverride

NAMES = ("analyst", "coordinator", "critic", "researcher", "reviewer", "writer")


def test_the_library_holds_the_six_archetypes() -> None:
    assert AgentLibrary().names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_archetype_makes_an_agent_without_further_ado(name: str) -> None:
    agent = AgentFactory().create(name)
    assert agent.name == name
    assert agent.role.lower() == name
    assert agent.goal in agent.instructions
    assert "{{" not in agent.instructions
    assert "{%" not in agent.instructions
    assert len(agent.instructions) > 500


def test_an_agent_is_made_in_a_few_lines() -> None:
    agent = AgentFactory().create(
        "researcher", name="scout", tools=["market.*"], max_turns=3,
        append="You look at {{ market }} only.", vars={"market": "shares"},
    )
    assert (agent.name, agent.tools, agent.max_turns) == ("scout", ("market.*",), 3)
    assert agent.instructions.endswith("You look at shares only.")


def test_an_agent_needs_no_archetype() -> None:
    agent = AgentFactory().create(
        name="poet", role="Poet of {{ city }}", goal="Rhyme.", instructions="You are {{ role }}.",
        vars={"city": "Oslo"},
    )
    assert (agent.role, agent.instructions) == ("Poet of Oslo", "You are Poet of Oslo.")
    assert (agent.tools, agent.memory) == ((), "none")


def test_overrides_apply_in_order_and_absent_keys_change_nothing() -> None:
    agent = AgentFactory().resolve(
        "a",
        [
            AgentOverride(extends="writer", role="Author", append="One."),
            AgentOverride(goal="Write {{ n }} lines.", temperature=None, append="Two."),
            AgentOverride(tools=()),
        ],
        vars={"n": 3}, team=("a", "b"),
    )
    assert (agent.role, agent.goal, agent.temperature) == ("Author", "Write 3 lines.", None)
    assert agent.tools == ()
    assert agent.max_turns == 6
    assert agent.instructions.startswith("You are the author of a team (a, b). Write 3 lines.")
    assert agent.instructions.endswith("One.\n\nTwo.")


def test_a_prompt_speaks_of_memory_only_when_there_is_memory() -> None:
    factory = AgentFactory()
    assert "memory" in factory.create("analyst").instructions
    reading = factory.create("analyst", memory="read").instructions
    assert "Write your finding to memory" not in reading
    assert "memory" not in factory.create("analyst", memory="none").instructions


def test_criteria_and_audience_reach_the_prompt() -> None:
    factory = AgentFactory()
    reviewer = factory.create("reviewer", vars={"criteria": ["It is short.", "It is true."]})
    assert "- It is short.\n- It is true." in reviewer.instructions
    assert "for children" in factory.create("writer", vars={"audience": "children"}).instructions


def test_an_unknown_archetype_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'researcher'") as caught:
        AgentFactory().create("reseacher")
    assert caught.value.hint == "agentdyno agent list"


@pytest.mark.parametrize(
    ("changes", "part", "message"),
    [
        ({"goal": "g", "instructions": "i"}, "role", "has no role"),
        ({"role": "r", "goal": "g"}, "instructions", "has no instructions"),
        ({"role": "{{ x }}", "goal": "g", "instructions": "i"}, "role", "'x' is undefined"),
    ],
)
def test_what_is_missing_in_an_agent_is_named(
    changes: dict[str, Any], part: str, message: str
) -> None:
    with pytest.raises(AgentFault, match=message) as caught:
        AgentFactory().create(name="a", **changes)
    assert caught.value.part == part


def test_an_agent_without_a_name_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a name"):
        AgentFactory().create(role="r", goal="g", instructions="i")


def test_a_key_that_no_agent_has_is_refused() -> None:
    with pytest.raises(ValidationError, match="max_turn"):
        AgentFactory().create("writer", max_turn=3)


def test_an_archetype_with_problems_shows_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("title: x\nrole: y\ngaol: z\n")
    with pytest.raises(InputError) as caught:
        AgentLibrary(tmp_path).get("broken")
    assert [(p.line, p.key) for p in caught.value.problems] == [
        (1, ""), (1, "goal"), (3, "gaol"),
    ]
    assert "broken.md is not beside it" in caught.value.problems[0].message


def test_the_folder_does_not_hide_the_package_of_the_openai_agents_sdk() -> None:
    assert not (BUILT_IN.parent / "__init__.py").exists()
    code = "import importlib.util as u; s = u.find_spec('agents'); print(s and s.origin)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=BUILT_IN.parent.parent, capture_output=True, text=True,
        check=True,
    )
    # A folder without __init__.py is found only when no installed package has the name.
    assert found.stdout.strip() == "None" or "site-packages" in found.stdout
