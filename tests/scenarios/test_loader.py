"""Loading: what is wrong is refused before anything runs, all of it at once, with file and line."""

import shutil
from pathlib import Path

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.scenarios.loader import LIBRARY, load_scenario

GOOD = """\
name: small
title: A small scenario
vars: {city: Oslo}
user: ["What is in {{ city }}?"]
agents:
  reader:
    extends: researcher
    tools: [docs.*]
pattern: {type: single, agent: reader}
mcpServers:
  docs: {command: python, args: [server.py]}
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "scenario.yaml").write_text(text)
    return folder


def problems(folder: Path, text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(InputError) as caught:
        load_scenario(write(folder, text))
    assert {Path(p.file).name for p in caught.value.problems} == {"scenario.yaml"}
    return [(p.line, p.key, p.message) for p in caught.value.problems]


def test_a_scenario_is_loaded_by_folder_and_by_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "small", GOOD)
    loaded = load_scenario(folder)
    assert load_scenario(str(folder / "scenario.yaml")) == loaded
    assert loaded.folder == folder
    assert loaded.user_turns == ("What is in Oslo?",)
    assert loaded.variables == {"city": "Oslo"}
    assert loaded.script_path is None
    assert [(a.name, a.role, a.tools) for a in loaded.agents] == [
        ("reader", "Researcher", ("docs.*",))
    ]


def test_agents_come_in_the_order_of_the_pattern(tmp_path: Path) -> None:
    text = GOOD.replace(
        "pattern: {type: single, agent: reader}",
        "  first: {extends: writer}\npattern: {type: pipeline, steps: [first, reader]}",
    )
    loaded = load_scenario(write(tmp_path, text))
    assert [agent.name for agent in loaded.agents] == ["first", "reader"]
    assert "of a team (first, reader)" in loaded.agents[0].instructions


def test_a_scenario_overrides_an_archetype_and_a_variant_overrides_the_scenario(
    tmp_path: Path,
) -> None:
    text = GOOD.replace(
        "tools: [docs.*]", "max_turns: 3\n    temperature: 0.5\n    append: Be brief."
    )
    folder = write(tmp_path, text)
    plain = load_scenario(folder)
    variant = load_scenario(
        folder, {"reader": AgentOverride(temperature=None, append="In {{ city }}.", max_turns=4)}
    )
    assert (plain.agents[0].max_turns, plain.agents[0].temperature) == (3, 0.5)
    assert (variant.agents[0].max_turns, variant.agents[0].temperature) == (4, None)
    assert variant.agents[0].instructions.endswith("Be brief.\n\nIn Oslo.")
    assert variant.digest != plain.digest


def test_a_variant_for_an_agent_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no agent 'raeder' .did you mean 'reader'"):
        load_scenario(write(tmp_path, GOOD), {"raeder": AgentOverride()})


def test_default_tools_of_servers_that_the_scenario_lacks_are_left_out(tmp_path: Path) -> None:
    loaded = load_scenario(write(tmp_path, GOOD.replace("    tools: [docs.*]\n", "")))
    assert loaded.agents[0].tools == ("docs.*",)


def test_the_digest_tells_content_and_nothing_else(tmp_path: Path) -> None:
    one = write(tmp_path / "one", GOOD)
    (one / "data").mkdir()
    (one / "data" / "a.txt").write_text("a")
    other = tmp_path / "other"
    shutil.copytree(one, other)
    digest = load_scenario(one).digest
    (other / "__pycache__").mkdir()
    (other / "__pycache__" / "x.pyc").write_text("x")
    (other / ".swap").write_text("x")
    assert load_scenario(other).digest == digest
    (other / "data" / "a.txt").write_text("b")
    changed = load_scenario(other).digest
    assert changed != digest
    (other / "data" / "a.txt").rename(other / "data" / "b.txt")
    assert load_scenario(other).digest not in (digest, changed)


def test_every_dangling_reference_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "good.py").write_text("def area(width, height):\n    return 1.0\n")
    found = problems(tmp_path, """\
name: small
title: Much is wrong
user: [hello, again]
agents:
  reader: {extends: reseacher, tools: [dosc.*]}
  idle: {extends: writer}
pattern: {type: pipeline, steps: [raeder, reader, reader]}
mcpServers:
  docs: {command: python, url: "http://x"}
  memory: {bundled: notes}
script: gone.yaml
checks:
- {id: a, type: tools_called, agent: raeder, tools: [dosc.search]}
- {id: a, type: mail_sent, server: mail, to: x@y}
- {id: b, type: json_schema, answer_schema: {type: objekt}}
- {id: c, type: numeric, find: (1), expected: {python: "gone.py:f"}}
- {id: d, type: numeric, find: (1), expected: {python: "broken.py:f"}}
- {id: e, type: numeric, find: (1), expected: {python: "good.py:araa"}}
- {id: f, type: numeric, find: (1), expected: {python: "good.py:area", args: {widht: 1}}}
- {id: g, type: contains, text: x, turn: 3}
- {id: h, type: memory_used, operation: search, agent: raeder}
- {id: i, type: tools_called, calls: [{tool: dosc.read}], forbidden: [nots.*]}
""")
    assert [(line, key) for line, key, _ in found] == [
        (3, "user.1"),
        (5, "agents.reader.extends"), (5, "agents.reader.tools.0"),
        (6, "agents.idle"),
        (7, "pattern.steps.0"), (7, "pattern.steps.2"),
        (9, "mcpServers.docs"), (10, "mcpServers.memory"),
        (11, "script"),
        (13, "checks.0.agent"), (13, "checks.0.tools.0"),
        (14, "checks.1.id"), (14, "checks.1.server"),
        (15, "checks.2.answer_schema.type"),
        (16, "checks.3.expected.python"), (17, "checks.4.expected.python"),
        (18, "checks.5.expected.python"), (19, "checks.6.expected.args.widht"),
        (20, "checks.7.turn"), (21, "checks.8.agent"),
        (22, "checks.9.calls.0.tool"), (22, "checks.9.forbidden.0"),
    ]
    messages = "\n".join(message for _, _, message in found)
    for guess in ("researcher", "docs", "reader", "area", "width"):
        assert f"did you mean '{guess}'" in messages


def test_a_fault_names_agents_and_servers_of_the_scenario(tmp_path: Path) -> None:
    faults = """\
faults:
- {on: model, kind: refusal, call: 1, agent: raeder}
- {on: tool, kind: error, call: 1, tool: memory.memory_write}
- {on: tool, kind: error, call: 1, tool: dcos.read}
"""
    with pytest.raises(InputError) as caught:
        load_scenario(write(tmp_path, GOOD + faults))
    assert [(p.key, "did you mean" in p.message) for p in caught.value.problems] == [
        ("faults.0.agent", True), ("faults.2.tool", True),
    ]


def test_a_spelling_mistake_does_not_hide_a_dangling_reference(tmp_path: Path) -> None:
    text = GOOD.replace("title:", "titel:").replace("agent: reader", "agent: raeder")
    keys = {key for _, key, _ in problems(tmp_path, text)}
    assert keys == {"titel", "title", "agents.reader", "pattern.agent"}


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "part"),
    [
        ("{{ city }}?", "{{ ctiy }}?", 4, "user.0", "'ctiy' is undefined (variables: city)"),
        ("{{ city }}?", "{{ city ?", 4, "user.0", "template line 1"),
        ("{{ city }}?", "{{ ''.__class__.__mro__ }}?", 4, "user.0", "unsafe"),
        ("{{ city }}?", "{{ 1 / 0 }}?", 4, "user.0", "ZeroDivisionError"),
        ("extends: researcher", "role: A reader", 6, "agents.reader", "has no goal"),
        ("tools: [docs.*]", "append: '{{ x }}'", 6, "agents.reader", "'x' is undefined"),
        ("  docs: {command: python, args: [server.py]}", "  docs: {}", 11, "mcpServers.docs",
         "exactly one of command, url, bundled; it has none of them"),
        ("name: small", "name: Small", 1, "name", "pattern"),
        ("city: Oslo", "city: Oslo, city: Rome", 3, "vars.city", "line 3"),
        ("tools: [docs.*]", "tools: [docs]", 8, "agents.reader.tools.0", "pattern"),
    ],
)
def test_what_cannot_be_resolved_is_refused_with_its_place(
    old: str, new: str, line: int, key: str, part: str, tmp_path: Path
) -> None:
    assert old in GOOD
    [(at, where, message)] = problems(tmp_path, GOOD.replace(old, new))
    assert (at, where) == (line, key) or where.startswith(f"{key}.")
    assert part in message


def test_a_name_with_a_typo_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'investment_analysis'") as caught:
        load_scenario("invesment_analysis")
    assert caught.value.hint == "agentdyno list"


def test_a_folder_without_a_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no scenario\.yaml"):
        load_scenario(tmp_path)


def test_files_are_shown_as_a_user_would_type_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine", "name: [")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load_scenario("mine")
    assert caught.value.problems[0].file == "mine/scenario.yaml"


def test_every_yaml_file_names_a_schema_that_is_there() -> None:
    root = LIBRARY.parent
    files = [path for folder in ("agents", "scenarios") for path in (root / folder).rglob("*.yaml")]
    assert len(files) >= 10
    prefix = "# yaml-language-server: $schema="
    for path in files:
        first = path.read_text().splitlines()[0]
        assert first.startswith(prefix), path
        assert (path.parent / first.removeprefix(prefix)).is_file(), path
