"""How two trials asked the model for the same thing."""

from typing import Any

import pytest

from agentdyno.experiments.wirediff.diff import diff_trials
from agentdyno.experiments.wirediff.nouns import MessageDiff, TrialDiff
from agentdyno.tests.experiments.wires import SCHEMA, Request, ask, chat_tool, recorded, say

SYSTEM = "You are the researcher.\nName your sources.\nBe brief."
TASK = say("user", "Which share grew most?")


def diff(left: list[Request], right: list[Request]) -> TrialDiff:
    return diff_trials(recorded("lean", left), recorded("fat", right))


def one(left: dict[str, Any], right: dict[str, Any]) -> TrialDiff:
    return diff([("solo", left)], [("solo", right)])


def messages(found: TrialDiff) -> list[MessageDiff]:
    return [message for call in found.calls for message in call.messages]


def test_equal_requests_differ_in_nothing() -> None:
    body = ask(say("system", SYSTEM), TASK, tools=[chat_tool()], temperature=0)
    assert one(body, body).same


def test_a_system_prompt_is_shown_line_by_line_with_what_was_added() -> None:
    (found,) = messages(one(
        ask(say("system", SYSTEM), TASK),
        ask(say("system", SYSTEM.replace("the", "a careful") + "\nYour goal is: facts."), TASK),
    ))
    assert (found.kind, found.role_a, found.role_b) == ("changed", "system", "system")
    assert [line.kind for line in found.text] == ["changed", "same", "same", "added"]
    assert found.text[0].b == "You are a careful researcher."
    assert found.tokens_b > found.tokens_a


def test_an_instruction_that_a_framework_adds_is_an_added_message() -> None:
    added = say("system", "When you are done, call transfer_to_analyst.")
    (found,) = messages(one(ask(say("system", SYSTEM), TASK),
                            ask(say("system", SYSTEM), added, TASK)))
    assert (found.kind, found.at_b, found.role_b) == ("added", 2, "system")
    assert [line.b for line in found.text] == [added["content"]]


def test_another_role_or_name_for_the_same_text_is_a_change_without_text() -> None:
    (found,) = messages(one(
        ask(say("user", "The facts are these.", name="researcher")),
        ask(say("assistant", "The facts are these.")),
    ))
    assert (found.kind, found.text) == ("changed", ())
    assert (found.role_a, found.role_b) == ("user", "assistant")
    assert (found.name_a, found.name_b) == ("researcher", None)


def test_a_message_that_stands_elsewhere_has_moved() -> None:
    memory = say("user", "Remembered: the committee likes bonds.")
    found = messages(one(ask(memory, TASK), ask(TASK, memory)))
    assert [(m.kind, m.at_a, m.at_b) for m in found] == [("moved", 2, 1)]


def test_a_message_that_was_merged_into_another_one_says_where_its_text_went() -> None:
    facts = say("user", "AAPL grew by 40 %.\nIBM grew by 7 %.")
    found = messages(one(
        ask(say("system", SYSTEM), TASK, facts),
        ask(say("system", SYSTEM), say("user", f"{TASK['content']}\n{facts['content']}")),
    ))
    removed = [message for message in found if message.kind == "removed"]
    assert [message.stands_in for message in removed] == [2]


def test_a_wrapped_tool_result_and_spaces_in_json_are_another_form_of_the_same_content() -> None:
    def turn(arguments: str, result: str) -> dict[str, Any]:
        call = {"id": "1", "type": "function",
                "function": {"name": "search", "arguments": arguments}}
        return ask(TASK, {"role": "assistant", "content": None, "tool_calls": [call]},
                   say("tool", result, tool_call_id="1"))

    found = messages(one(
        turn('{"query":"a"}', '{"hits": 3}'),
        turn('{"query": "a"}', '[{"type": "text", "text": "{\\"hits\\": 3}"}]'),
    ))
    assert [(m.kind, m.role_a) for m in found] == [("form", "assistant"), ("form", "tool")]


def test_ids_of_tool_calls_make_no_difference() -> None:
    def turn(call_id: str) -> dict[str, Any]:
        call = {"id": call_id, "type": "function",
                "function": {"name": "search", "arguments": "{}"}}
        return ask(TASK, {"role": "assistant", "content": None, "tool_calls": [call]},
                   say("tool", "3", tool_call_id=call_id))

    assert one(turn("call_1"), turn("call_2")).same


def test_what_an_earlier_call_told_is_only_counted_afterwards() -> None:
    def talk(system: str) -> list[Request]:
        first = [say("system", system), TASK]
        return [("solo", ask(*first)),
                ("solo", ask(*first, say("assistant", "AAPL."), say("user", "Sure?")))]

    found = diff(talk(SYSTEM), talk(SYSTEM + "\nNever guess."))
    assert [(len(call.messages), call.repeated) for call in found.calls] == [(1, 0), (0, 1)]


def test_a_rewritten_schema_names_each_key_that_was_added_removed_or_changed() -> None:
    strict = {
        "type": "object", "required": ["limit", "query"], "additionalProperties": False,
        "properties": {"query": {"type": "string", "title": "Query"},
                       "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    }
    (tool,) = one(ask(TASK, tools=[chat_tool()]),
                  ask(TASK, tools=[chat_tool(parameters=strict, strict=True)])).tools
    assert {(change.path, change.kind) for change in tool.changes} == {
        ("parameters.properties.query.title", "added"),
        ("parameters.properties.limit.type", "removed"),
        ("parameters.properties.limit.anyOf", "added"),
        ("parameters.required", "changed"),
        ("parameters.additionalProperties", "added"),
        ("strict", "added"),
    }
    assert tool.description == ()
    assert tool.tokens_b > tool.tokens_a


def test_arguments_in_another_order_are_told_and_the_order_of_required_is_not() -> None:
    turned = {**SCHEMA, "properties": dict(reversed(SCHEMA["properties"].items()))}
    two = {**SCHEMA, "required": ["query", "limit"]}
    (tool,) = one(ask(TASK, tools=[chat_tool()]),
                  ask(TASK, tools=[chat_tool(parameters=turned)])).tools
    assert [(c.path, c.kind) for c in tool.changes] == [("parameters.properties", "reordered")]
    assert one(ask(TASK, tools=[chat_tool(parameters=two)]), ask(TASK, tools=[
        chat_tool(parameters={**two, "required": ["limit", "query"]})])).same


def test_a_changed_description_is_a_text_diff() -> None:
    (tool,) = one(ask(TASK, tools=[chat_tool()]), ask(TASK, tools=[
        chat_tool(description="Tool Name: search\nFinds documents by their words.")])).tools
    assert [line.kind for line in tool.description] == ["added", "same"]
    assert tool.changes == ()


def test_a_renamed_tool_is_one_tool_and_a_new_one_another() -> None:
    handoff = chat_tool("transfer_to_analyst", "Hand over.", {"type": "object"})
    found = one(ask(TASK, tools=[chat_tool()]),
                ask(TASK, tools=[chat_tool("docs_search"), handoff]))
    assert [(tool.a, tool.b, tool.changes) for tool in found.tools] == [
        ("search", "docs_search", ()), (None, "transfer_to_analyst", ()),
    ]
    assert found.order == ()


def test_tools_in_another_order_are_told_once_with_all_their_calls() -> None:
    tools = [chat_tool(), chat_tool("read", "Reads one."), chat_tool("mail", "Sends a mail.")]
    body, turned = ask(TASK, tools=tools), ask(TASK, tools=tools[::-1])
    found = diff([("solo", body), ("other", body)], [("solo", turned), ("other", turned)])
    (order,) = found.order
    assert order.b == ("mail", "read", "search")
    assert order.where == {"solo": (1,), "other": (1,)}


def test_parameters_that_differ_name_both_values_and_their_calls() -> None:
    found = one(
        ask(TASK, temperature=0, stream=False, tool_choice="auto"),
        ask(TASK, temperature=0.0, stream=True, parallel_tool_calls=False),
    )
    assert {(p.change.path, p.change.a, p.change.b) for p in found.parameters} == {
        ("stream", False, True), ("tool_choice", "auto", None),
        ("parallel_tool_calls", None, False),
    }
    assert all(p.where == {"solo": (1,)} for p in found.parameters)


def test_both_dialects_are_compared_in_one_form() -> None:
    function = chat_tool()["function"]
    answer = {"type": "object", "properties": {"share": {"type": "string"}}}
    chat = ask(
        say("developer", SYSTEM), TASK, tools=[chat_tool()], max_completion_tokens=50,
        tool_choice={"type": "function", "function": {"name": "search"}},
        response_format={"type": "json_schema", "json_schema": {
            "name": "answer", "schema": answer, "strict": True}},
    )
    responses = {
        "model": "default", "instructions": SYSTEM, "input": [TASK], "max_output_tokens": 50,
        "tools": [{"type": "function", **function}],
        "tool_choice": {"type": "function", "name": "search"},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": answer,
                            "strict": True}},
    }
    found = one(chat, responses)
    assert [(p.change.path, p.change.b) for p in found.parameters] == [("api", "responses")]
    assert messages(found) == []
    assert found.tools == ()
    (call,) = found.calls
    assert call.a
    assert call.b
    left, right = call.a.tokens, call.b.tokens
    # The definition is wrapped in one object more in Chat Completions.
    assert left.model_copy(update={"tool_schemas": 0}) == right.model_copy(
        update={"tool_schemas": 0})


def test_an_extra_call_stands_alone_beside_the_one_it_came_before() -> None:
    plan = ask(say("system", "Make a plan first, as numbered steps."),
               say("user", "Plan how you would go about it."))
    work = ask(say("system", SYSTEM), TASK, tools=[chat_tool()])
    more = ask(say("system", SYSTEM), TASK, say("assistant", "AAPL."), say("user", "Sure?"),
               tools=[chat_tool()])
    found = diff([("solo", work), ("solo", more)],
                 [("solo", plan), ("solo", work), ("solo", more)])
    assert [(call.a and call.a.ordinal, call.b and call.b.ordinal) for call in found.calls] == [
        (None, 0), (0, 1), (1, 2),
    ]
    assert messages(found) == []
    assert not found.same


def test_an_agent_that_only_one_trial_knows_has_calls_on_that_side_alone() -> None:
    body = ask(say("system", SYSTEM), TASK)
    found = diff([("solo", body)], [("solo", body), ("manager", body)])
    assert [(call.agent, call.a is None) for call in found.calls] == [
        ("solo", False), ("manager", True)]


def test_tokens_of_each_part_add_up_to_what_the_gateway_counts() -> None:
    from agentdyno.models.chat import parse_chat
    from agentdyno.models.conversation import Reply
    from agentdyno.models.tokens import count_call

    body = ask(
        say("system", SYSTEM), TASK, say("assistant", "One moment."),
        say("tool", "AAPL 40.53", tool_call_id="1"), tools=[chat_tool()],
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}},
    )
    found = one(body, body)
    parts = found.a.tokens
    assert min(parts.system, parts.user, parts.assistant, parts.tool_results,
               parts.tool_schemas, parts.output_schema) > 0
    assert parts.prompt == count_call(parse_chat(body), Reply()).prompt
    assert parts.completion == 7


def test_a_request_that_cannot_be_read_is_named_and_its_parameters_are_compared() -> None:
    strange = ask(TASK, tools=[{"type": "web_search"}], temperature=1)
    found = one(strange, ask(TASK, temperature=0))
    (call,) = found.calls
    assert call.a
    assert call.a.unreadable
    assert [p.change.path for p in found.parameters] == ["temperature"]
    assert "not compared" in found.notes[0]


@pytest.mark.parametrize("count", [400])
def test_long_conversations_are_compared_in_a_moment(count: int) -> None:
    import time

    def talk(mark: str) -> dict[str, Any]:
        return ask(*(say("user", f"{mark} says number {at} of many") for at in range(count)))

    began = time.process_time()
    found = one(talk("Ann"), talk("Bob"))
    assert len(messages(found)) == count
    assert time.process_time() - began < 5


def test_long_texts_are_compared_in_a_moment() -> None:
    import time

    lines = [f"Line {at} of a long document, as it was read." for at in range(20_000)]
    other = [line.replace("read", "written") if at % 40 == 0 else line
             for at, line in enumerate(lines)]
    began = time.process_time()
    (found,) = messages(one(ask(say("user", "\n".join(lines))),
                            ask(say("user", "\n".join(other)))))
    assert sum(line.kind == "changed" for line in found.text) == 500
    assert time.process_time() - began < 5


def test_a_request_that_the_gateway_could_not_read_is_told_and_not_compared() -> None:
    trial, wire = recorded("crewai", [("solo", ask(say("user", "odd \ud800")))], status=400)
    found = diff_trials((trial, wire), (trial, wire))
    assert found.calls[0].a is not None
    assert "no JSON" in (found.calls[0].a.unreadable or "")
