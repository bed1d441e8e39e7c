"""A script may stand on another: an arrangement of a scenario says only what is new in it."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError
from agentdyno.models.script import Script, load_script

BASE = "agents: {researcher: [{say: base}], analyst: [{when: turn == 2, say: two}, {say: one}]}"
TEAM = ("researcher", "analyst", "boss")


def load(folder: Path, text: str, base: str = BASE) -> Script:
    (folder / "script.yaml").write_text(base)
    (folder / "more.yaml").write_text(text)
    return load_script(folder / "more.yaml", TEAM, {})


def test_own_rules_come_before_those_of_the_script_below(tmp_path: Path) -> None:
    script = load(tmp_path, """extends: script.yaml
agents: {analyst: [{when: turn == 3, say: x}], boss: [{say: go}]}
""")
    said = {name: [rule.rule.say for rule in rules] for name, rules in script.rules.items()}
    assert said == {"researcher": ["base"], "analyst": ["x", "two", "one"], "boss": ["go"]}
    assert [(Path(rule.file).name, rule.number) for rule in script.rules["analyst"]] == [
        ("more.yaml", 1), ("script.yaml", 1), ("script.yaml", 2)
    ]


def test_the_digest_follows_the_script_below(tmp_path: Path) -> None:
    text = "extends: script.yaml\nagents: {boss: [{say: go}]}"
    digest = load(tmp_path, text).digest
    assert load(tmp_path, text).digest == digest
    assert load(tmp_path, text, BASE.replace("one", "uno")).digest != digest


@pytest.mark.parametrize(("text", "base", "problem"), [
    ("extends: gone.yaml", BASE, "there is no file 'gone.yaml' beside it"),
    ("extends: script.yaml", "extends: a.yaml\n" + BASE, "extends another script itself"),
    ("extends: script.yaml", BASE.replace("say: one", "sya: one"), "unknown key"),
    ("extends: script.yaml", BASE[:-1] + ", bos: [{say: x}]}", "the team has no agent 'bos'"),
    ("extends: script.yaml", "agents: {analyst: [{say: hi}]}", "no rules for agent 'researcher'"),
])
def test_a_script_below_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, base: str, problem: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text + "\nagents: {boss: [{say: go}]}", base)
    assert problem in str(caught.value.problems)
