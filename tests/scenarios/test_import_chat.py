"""Recorded chats become scenarios: what is read, what is noted, and what is refused and where."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.yamlfile import load_yaml
from agentdyno.models.script import load_script
from agentdyno.scenarios.importing import Imported, import_files
from agentdyno.scenarios.importing.writing import NO_ANSWER
from agentdyno.scenarios.loader import load_scenario

SYSTEM = {"role": "system", "content": "Be kind.\n"}
GO, DONE = {"role": "user", "content": "go"}, {"role": "assistant", "content": "done"}


def call(ident: str, tool: str = "find", arguments: Any = '{"q": 1}') -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": tool, "arguments": arguments}}


def asks(*calls: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    return {"role": "assistant", "content": text, "tool_calls": list(calls)}


def result(ident: str, text: Any = "found") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": ident, "content": text}


def imported(folder: Path, data: Any, name: str = "talk.json") -> tuple[Imported, ...]:
    file = folder / name
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return import_files([file], folder / "to").scenarios


def one(folder: Path, *messages: Any, **keys: Any) -> Imported:
    (made,) = imported(folder, {"messages": messages, **keys})
    return made


def problems(folder: Path, data: Any, name: str = "talk.json") -> list[str]:
    with pytest.raises(InputError) as caught:
        imported(folder, data, name)
    assert not (folder / "to").exists()
    return [f"{p.line} {p.key}: {p.message}" for p in caught.value.problems]


def test_a_conversation_becomes_the_files_of_an_ordinary_scenario(tmp_path: Path) -> None:
    made = one(tmp_path, SYSTEM, GO, asks(call("a"), text="Looking."), result("a"), DONE)
    assert (made.name, made.folder) == ("talk", tmp_path / "to" / "talk")
    loaded = load_scenario(made.folder)
    (agent,) = loaded.agents
    assert (loaded.user_turns, agent.instructions) == (("go",), "Be kind.\n")
    assert [check.id for check in loaded.scenario.checks] == [
        "same_tool_calls", "same_answers", "same_final_answer"
    ]
    assert loaded.script_path is not None
    rules = load_yaml(loaded.script_path).data["agents"]["assistant"]
    assert rules == [
        {"when": "turn == 1 and calls_now() == 0", "say": "Looking.",
         "call": {"tool": "find", "arguments": {"q": 1}}},
        {"when": "turn == 1 and calls_now() == 1", "say": "done"},
    ]
    load_script(loaded.script_path, ["assistant"], {})
    recorded = json.loads((made.folder / "recorded.json").read_text())
    assert recorded["calls"] == [{
        "turn": 1, "step": 1, "said": "Looking.", "tool": "find", "arguments": {"q": 1},
        "result": {"texts": ["found"], "is_error": False},
    }]
    for file, schema in (("scenario.yaml", "scenario"), ("script.yaml", "script")):
        head = (made.folder / file).read_text().splitlines()[0]
        path = made.folder / head.partition("$schema=")[2]
        assert path.resolve().name == f"{schema}.schema.json"
        assert path.is_file()


NASTY = [
    "{{ braces }} {% raw %} {# no comment #}", "  spaces around  ", "\n\nlines\n  in \n\n", "null",
    "on", "1e5", "0x1f", "- a\n- b", "# no comment", "tab\tand \u2028 \x85 \x07 \x00 end",
    "“日本” 😀 \\ \"q\" 'q'", "a: b", "@x", "%x", "`x`", "x" * 500, " \n", "trailing  \nspace",
    "\r\n", "---\n...",
]


def test_every_text_comes_out_as_it_went_in(tmp_path: Path) -> None:
    arguments = {str(number): text for number, text in enumerate(NASTY)}
    messages = [
        {"role": "system", "content": NASTY[0] + NASTY[2]}, GO,
        asks(call("a", arguments=json.dumps(arguments))), result("a"), DONE,
    ]
    for text in NASTY:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": text}]
    made = one(tmp_path, *messages)
    loaded = load_scenario(made.folder)
    assert loaded.user_turns == ("go", *NASTY)
    assert loaded.agents[0].instructions == NASTY[0] + NASTY[2]
    rules = load_yaml(made.folder / "script.yaml").data["agents"]["assistant"]
    assert rules[0]["call"]["arguments"] == arguments
    assert [rule["say"] for rule in rules[2:]] == NASTY
    script = load_script(made.folder / "script.yaml", ["assistant"], {})
    said = [rule.say for rule in script.rules["assistant"][2:]]
    assert [say(None) for say in said if say] == NASTY  # type: ignore[arg-type]


def test_numbers_keep_their_kind(tmp_path: Path) -> None:
    arguments = {"one": 1, "real": 1.0, "big": 2**70, "tiny": 1e-300, "list": [True, None, -0.5]}
    made = one(tmp_path, GO, asks(call("a", arguments=json.dumps(arguments))), result("a"), DONE)
    rules = load_yaml(made.folder / "script.yaml").data["agents"]["assistant"]
    assert repr(rules[0]["call"]["arguments"]) == repr(arguments)


@pytest.mark.parametrize("form", [
    lambda talk: talk, lambda talk: {"messages": talk}, lambda talk: [{"messages": talk}],
    lambda talk: [talk], lambda talk: {"request": {"messages": talk[:-1], "tools": []},
                                       "response": {"choices": [{"message": talk[-1]}]}},
    lambda talk: {"request": {"messages": talk}, "response": None},
    lambda talk: {"messages": talk[:-1], "response": {"body": {"choices": [{"message": DONE}]}}},
    lambda talk: {"messages": talk[:-1], "message": DONE},
], ids=["messages", "object", "list", "list of lists", "log", "half log", "body", "message"])
def test_the_forms_of_one_conversation(tmp_path: Path, form: Any) -> None:
    (made,) = imported(tmp_path, form([SYSTEM, GO, DONE]))
    (turn,) = made.conversation.turns
    assert (turn.text, turn.answer, made.conversation.instructions) == ("go", "done", "Be kind.\n")


def test_each_line_is_a_conversation_of_its_own(tmp_path: Path) -> None:
    line = json.dumps({"messages": [GO, DONE]})
    made = imported(tmp_path, f"{line}\n\n{line}\n", "Some talks.2024.jsonl")
    assert [each.name for each in made] == ["some_talks_2024_1", "some_talks_2024_2"]
    assert [each.conversation.source for each in made] == [
        "Some talks.2024.jsonl:1", "Some talks.2024.jsonl:3"
    ]


def test_logged_requests_that_a_later_one_repeats_are_left_out(tmp_path: Path) -> None:
    talk = [SYSTEM, GO, asks(call("a")), result("a"), DONE, {"role": "user", "content": "more"},
            {"role": "assistant", "content": "no more"}]
    lines = [
        {"request": {"messages": talk[:end]}, "response": {"choices": [{"message": talk[end]}]}}
        for end in (2, 4, 6)
    ]
    other = {"request": {"messages": [GO]}, "response": {"choices": [{"message": DONE}]}}
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in [lines[2], other, *lines[:2]]))
    result_of = import_files([file], tmp_path / "to")
    assert [len(each.conversation.turns) for each in result_of.scenarios] == [2, 1]
    assert "2 of 4 requests" in result_of.notes[0]


def test_the_older_function_calls_are_read(tmp_path: Path) -> None:
    made = one(
        tmp_path, GO, {"role": "assistant", "content": None,
                       "function_call": {"name": "find", "arguments": '{"q": 1}'}},
        {"role": "function", "name": "find", "content": "found"}, DONE,
        functions=[{"name": "find", "parameters": {"type": "object", "properties": {}}}],
    )
    (found,) = made.conversation.calls
    assert found.result is not None
    assert (found.tool, found.arguments, found.result.texts) == ("find", {"q": 1}, ("found",))
    assert not made.conversation.tools[0].inferred


def test_texts_in_parts_and_developer_messages_are_read(tmp_path: Path) -> None:
    made = one(
        tmp_path, {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]}, SYSTEM,
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        asks(call("x", arguments="")),
        result("x", [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]),
        {"role": "assistant", "content": None, "refusal": "I will not."},
    )
    talk = made.conversation
    assert (talk.instructions, talk.turns[0].text) == ("Be brief.\n\nBe kind.\n", "a\nb")
    assert talk.calls[0].result is not None
    assert (talk.calls[0].arguments, talk.calls[0].result.texts) == ({}, ("1", "2"))
    assert talk.turns[0].answer == "I will not."


NOTES: dict[str, tuple[list[Any], str]] = {
    "user at the end": ([GO, DONE, GO], "ends with a message of the user's that has no answer"),
    "tool at the end": ([GO, asks(call("a")), result("a")], "No final answer is recorded for user"),
    "call at the end": ([GO, asks(call("a")), result("a"), asks(call("b"))],
                        "ends before the result of the last call of find"),
    "no results": ([GO, asks(call("a")), DONE], "No tool results are recorded"),
    "inferred": ([GO, asks(call("a")), result("a"), DONE], "were inferred from their calls: find"),
    "no prompt": ([GO, DONE], "no system prompt; the instructions are agentdyno's"),
    "two of the user's": ([GO, GO, DONE], "Message 1 follows another one of the user's"),
    "two answers": ([GO, DONE, DONE], "Message 2 follows another one of the assistant's"),
    "a text, then a call": ([GO, DONE, asks(call("a")), result("a"), DONE], "both are one message"),
    "greeting": ([DONE, GO, DONE], "Message 0 is the assistant's, before the user"),
    "late rules": ([GO, DONE, SYSTEM, GO, DONE], "Message 2 is a system message in mid-conv"),
    "empty answer": ([GO, {"role": "assistant", "content": ""}], "user turn 1 is empty"),
    "odd name": ([GO, asks(call("a", "a.b")), result("a"), DONE], "refuse these tool names"),
}


@pytest.mark.parametrize("case", NOTES)
def test_what_is_not_repeated_or_was_guessed_is_noted_in_the_scenario(
    tmp_path: Path, case: str
) -> None:
    messages, note = NOTES[case]
    made = one(tmp_path, *messages)
    assert note in "\n".join(made.conversation.notes)
    assert note in load_scenario(made.folder).scenario.description


def test_a_turn_without_an_answer_is_played_to_its_end_and_not_checked(tmp_path: Path) -> None:
    made = one(tmp_path, GO, asks(call("a")), result("a"), GO, DONE, GO, asks(call("b")),
               result("b"))
    assert [turn.answer for turn in made.conversation.turns] == [None, "done", None]
    rules = load_yaml(made.folder / "script.yaml").data["agents"]["assistant"]
    assert [rule.get("say") for rule in rules] == [None, NO_ANSWER, "done", None, NO_ANSWER]
    recorded = json.loads((made.folder / "recorded.json").read_text())
    assert recorded["answers"] == [None, "done", None]
    checks = load_scenario(made.folder).scenario.checks
    assert [check.id for check in checks] == ["same_tool_calls", "same_answers"]


def test_a_schema_is_inferred_so_that_every_recorded_call_satisfies_it(tmp_path: Path) -> None:
    values = [{"q": "a", "n": 1, "o": {"x": [1]}, "m": None}, {"q": "b", "n": 1.5, "m": "t"}]
    messages = [GO]
    for number, value in enumerate(values):
        messages += [asks(call(f"c{number}", arguments=json.dumps(value))), result(f"c{number}")]
    (tool,) = one(tmp_path, *messages, DONE).conversation.tools
    assert tool.inferred
    assert "inferred from 2 calls" in tool.description
    assert tool.schema == {
        "type": "object", "required": ["q", "n", "m"], "properties": {
            "q": {"type": "string"}, "n": {"type": "number"},
            "o": {"type": "object", "required": ["x"],
                  "properties": {"x": {"type": "array", "items": {"type": "integer"}}}},
            "m": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
    }


def test_schemas_that_are_given_are_kept_and_calls_that_break_them_are_noted(
    tmp_path: Path
) -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    tools = [{"type": "function", "function": {"name": "find", "description": "Finds.",
                                               "parameters": schema}},
             {"name": "other", "inputSchema": {"type": "object"}}]
    made = one(tmp_path, SYSTEM, GO, asks(call("a")), result("a"), DONE, tools=tools)
    first, second = made.conversation.tools
    assert (first.schema, first.description, first.inferred) == (schema, "Finds.", False)
    assert (second.name, second.schema["type"]) == ("other", "object")
    (note,) = made.conversation.notes
    assert "called find with arguments that its schema forbids ($.q: 1 is not of type" in note


BAD: dict[str, tuple[list[Any], str]] = {
    "a result without a call": ([GO, result("x")], "messages.1: a tool result without a call: no "
                                "message before it made the call of tool_call_id 'x'"),
    "a result of another call": ([GO, asks(call("a")), result("x")],
                                 "'x'; calls without a result: a (find)"),
    "a call without a result": (
        [GO, asks(call("a"), call("b")), result("a"), DONE],
        "messages.1.tool_calls.1.function: a call without a result: no tool message has the "
        "tool_call_id 'b'"),
    "a late result": ([GO, asks(call("a"), call("b")), result("a"), GO, result("b")],
                      "stands after another message"),
    "two results": ([GO, asks(call("a")), result("a"), result("a"), DONE], "a second result of"),
    "result without id": ([GO, asks(call("a")), {"role": "tool", "content": "x"}],
                          "without tool_call_id"),
    "two equal ids": ([GO, asks(call("a"), call("a")), result("a"), DONE], "have the id 'a'"),
    "unknown role": ([GO, {"role": "asistant", "content": "x"}],
                     "messages.1.role: unknown role 'asistant' (did you mean 'assistant'?)"),
    "no role": ([{"content": "x"}], "messages.0: the message has no role"),
    "no message": ([3], "messages.0: a message is an object"),
    "picture": ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
                "messages.0.content.0: a part of type 'image_url' cannot be replayed"),
    "number": ([{"role": "user", "content": 5}], "messages.0.content: int content cannot"),
    "nothing": ([{"role": "user", "content": ""}, DONE], "the user says nothing"),
    "no answer": ([GO], "no message of the user's is answered"),
    "empty list": ([], "no message of the user's is answered"),
    "call before user": ([asks(call("a")), result("a"), GO, DONE], "before the user has said"),
    "broken arguments": ([GO, asks(call("a", arguments='{"q": '))],
                         "the arguments of find are not JSON"),
    "listed arguments": ([GO, asks(call("a", arguments="[1]"))], "are no object"),
    "NaN": ([GO, asks(call("a", arguments='{"q": NaN}'))], "hold NaN"),
    "no name": ([GO, asks({"id": "a", "function": {}})], "without the name of its function"),
    "no id": ([GO, asks({"function": {"name": "x"}})], "a tool call without an id"),
    "custom": ([GO, asks({"id": "a", "type": "custom", "custom": {}})], "of type 'custom'"),
    "surrogate": ([{"role": "user", "content": "\ud83d"}, DONE], "half a surrogate pair"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_broken_conversation_is_refused_with_the_place(tmp_path: Path, case: str) -> None:
    messages, part = BAD[case]
    found = problems(tmp_path, json.dumps({"messages": messages}, indent=1))
    assert part in "\n".join(found)


def test_the_line_of_a_problem_is_that_of_its_message(tmp_path: Path) -> None:
    text = '{"messages": [\n {"role": "user", "content": "a, \\"b\\" ]"},\n\n {"role": "x"},\n 7]}'
    assert [line.partition(" ")[0] for line in problems(tmp_path, text)] == ["4", "5"]


FILES: dict[str, tuple[str, str, str]] = {
    "empty": ("a.json", " \n ", "1 : the file is empty"),
    "no JSON": ("a.json", '{"messages": [\n{"role": }]}', "2 : not JSON: Expecting value"),
    "a bad line": ("a.jsonl", '{"messages": []}\n{"x": \n', "2 : not JSON"),
    "a bad line, other suffix": ("a.txt", '{"messages": []}\nhello\n', "2 : not JSON"),
    "a number": ("a.json", "5", "1 : no conversation: this is int"),
    "another object": ("a.json", '{"input": "x"}', "1 : no conversation: keys here: input"),
    "another line": ("a.jsonl", '{"messages": []}\n{"input": "x"}', "2 : no conversation"),
    "NaN": ("a.json", '{"messages": [NaN]}', "1 : not JSON: NaN is no JSON number"),
    "deep": ("a.json", "[" * 100_000, "1 : the values are nested too deeply"),
    "bad tools": ("a.json", '{"messages": [{"role": "user", "content": "a"},\n{"role": "assistant",'
                  '"content": "b"}],\n"tools": [{}]}', "3 tools.0: a tool needs a name"),
    "bad schema": ("a.json", '{"messages": [{"role": "user", "content": "a"},{"role": "assistant",'
                   '"content": "b"}],"tools": [{"name": "x", "parameters": {"type": "objekt"}}]}',
                   "1 tools.0: the schema of tool 'x' is of type 'objekt'"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_holds_no_conversation_is_refused(tmp_path: Path, case: str) -> None:
    name, text, part = FILES[case]
    assert part in "\n".join(problems(tmp_path, text, name))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b'{"messages":\n\xff')
    with pytest.raises(InputError, match=r"a\.json:2: is not UTF-8"):
        import_files([file], tmp_path / "to")


def test_problems_of_all_files_are_told_together_and_nothing_is_written(tmp_path: Path) -> None:
    good, bad, worse = (tmp_path / f"{name}.json" for name in ("good", "bad", "worse"))
    good.write_text(json.dumps([GO, DONE]))
    bad.write_text(json.dumps([GO]))
    worse.write_text("")
    with pytest.raises(InputError) as caught:
        import_files([good, bad, worse], tmp_path / "to")
    assert [Path(p.file).name for p in caught.value.problems] == ["bad.json", "worse.json"]
    assert not (tmp_path / "to").exists()


def test_names_are_made_of_files_and_never_collide(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("x/42.json", "y/42.json", "Überraschung!.json")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps([GO, DONE]))
    made = import_files(files, tmp_path / "to").scenarios
    assert [each.name for each in made] == ["chat_42_1", "chat_42_2", "berraschung"]
    named = import_files(files, tmp_path / "to", name="mine").scenarios
    assert [each.name for each in named] == ["mine_1", "mine_2", "mine_3"]
    with pytest.raises(UsageError, match="is no name of a scenario"):
        import_files(files, tmp_path / "to", name="My Scenario")


def test_what_is_there_is_only_overwritten_by_force(tmp_path: Path) -> None:
    file = tmp_path / "talk.json"
    file.write_text(json.dumps([GO, DONE]))
    import_files([file], tmp_path / "to")
    script = tmp_path / "to" / "talk" / "script.yaml"
    script.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        import_files([file], tmp_path / "to")
    assert script.read_text() == "mine"
    import_files([file], tmp_path / "to", force=True)
    assert "done" in script.read_text()


def test_a_recording_of_twenty_megabytes_is_imported(tmp_path: Path) -> None:
    big = "All work and no play. " * 45_000
    messages: list[Any] = [SYSTEM]
    for number in range(10):
        ident = f"c{number}"
        messages += [GO, asks(call(ident)), result(ident, big), {"role": "assistant",
                                                                 "content": f"{number} {big}"}]
    made = one(tmp_path, *messages)
    assert (tmp_path / "talk.json").stat().st_size > 19_000_000
    assert load_scenario(made.folder).user_turns == ("go",) * 10
    assert made.conversation.turns[9].answer == f"9 {big}"
