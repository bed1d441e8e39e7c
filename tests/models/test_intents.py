"""Each intent takes the form that the framework's own offered tools and prompts ask for."""

import json
from collections.abc import Callable
from typing import Any

import pytest

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "out", "schema": SCHEMA}}
VERDICT = {"type": "object",
           "properties": {"approved": {"type": "boolean"}, "feedback": {"type": "string"}}}


async def reply(client: Any, *messages: Any, **keys: Any) -> Any:
    """Return the calls of a reply, or its text when there are none."""
    response = await client.chat(*(messages or ("go",)), **keys)
    if response.status_code != 200:
        return response.json()["error"]["message"]
    return client.calls(response) or client.asked(response)["content"]


async def test_data_is_text_where_response_format_asks_for_json(play: Callable[..., Any]) -> None:
    client = play("- data: {answer: \"{{ user }}\"}")
    for wanted in (FORMAT, {"type": "json_object"}):
        assert json.loads(await reply(client, response_format=wanted)) == {"answer": "go"}


async def test_data_is_a_call_of_the_offered_output_tool(play: Callable[..., Any]) -> None:
    client = play("- data: {answer: \"{{ user }}\"}")
    tools = [client.tool("search"), client.tool("final_result", "answer")]
    expected = [("final_result", {"answer": "go"})]
    assert await reply(client, tools=tools, tool_choice="required") == expected
    named = {"type": "function", "function": {"name": "report"}}
    tools = [client.tool("search"), client.tool("report", "answer")]
    assert await reply(client, tools=tools, tool_choice=named) == [("report", {"answer": "go"})]


async def test_data_is_text_where_a_prompt_speaks_of_json_and_a_gap_elsewhere(
    play: Callable[..., Any]
) -> None:
    assert json.loads(await reply(play("- data: [1, 2]"), "Answer in JSON.")) == [1, 2]
    assert "no response_format" in await reply(play("- data: [1, 2]"))


@pytest.mark.parametrize("name", ["transfer_to_analyst", "handoff_to_analyst",
                                  "transfer_to_Analyst"])
async def test_a_handoff_calls_the_offered_transfer_tool(
    play: Callable[..., Any], name: str
) -> None:
    client = play("- handoff: analyst\n  say: over to you")
    response = await client.chat("go", tools=[client.tool("transfer_to_x"), client.tool(name)])
    assert client.calls(response) == [(name, {})]
    assert client.asked(response)["content"] == "over to you"


async def test_a_handoff_is_a_bare_name_for_a_selector_and_a_gap_elsewhere(
    play: Callable[..., Any]
) -> None:
    prompt = "Select the next role from ['researcher', 'analyst']. Only return the role."
    assert await reply(play("- handoff: analyst"), prompt) == "analyst"
    assert "transfer_to_analyst is offered" in await reply(play("- handoff: analyst"))


CHOICE = {"type": "object", "required": ["why", "pick"], "$defs": {
    "Speaker": {"type": "string", "enum": ["researcher", "Analyst"]}},
    "properties": {"why": {"type": "string"}, "pick": {"$ref": "#/$defs/Speaker"}}}


async def test_a_selector_that_wants_a_structure_is_given_the_name_in_it(
    play: Callable[..., Any]
) -> None:
    client = play("- handoff: analyst\n  say: it is time")
    wanted = {"type": "json_schema", "json_schema": {"name": "choice", "schema": CHOICE}}
    named = {"why": "it is time", "pick": "Analyst"}
    assert json.loads(await reply(client, response_format=wanted)) == named
    tool = client.tool("final_result", "response", response={
        "anyOf": [{"const": "researcher"}, {"const": "analyst"}]})
    assert await reply(client, tools=[tool], tool_choice="required") == [
        ("final_result", {"response": "analyst"})]


async def test_a_selector_may_name_one_who_cannot_be_chosen(play: Callable[..., Any]) -> None:
    client = play("- handoff: analyst")
    tool = client.tool("final_result", next_speaker={"enum": ["researcher"]})
    assert await reply(client, tools=[tool], tool_choice="required") == [
        ("final_result", {"next_speaker": "analyst"})]


async def test_a_task_is_said_where_control_passes_without_arguments(
    play: Callable[..., Any]
) -> None:
    client = play("- delegate: {to: analyst, task: compute}")
    response = await client.chat("go", tools=[client.tool("transfer_to_analyst")])
    assert client.calls(response) == [("transfer_to_analyst", {})]
    assert client.asked(response)["content"] == "compute"


async def test_delegation_takes_the_form_of_each_framework(play: Callable[..., Any]) -> None:
    rules = "- delegate: {to: analyst, task: compute, context: of cats}"
    client = play(rules)
    crew = client.tool("delegate_work_to_coworker", "task", "context", "coworker",
                       description="Delegate to one of the following coworkers: Writer, Analyst")
    assert await reply(client, tools=[crew]) == [
        ("delegate_work_to_coworker",
         {"task": "compute", "context": "of cats", "coworker": "Analyst"})]
    whole = "compute\n\nof cats"
    for name, key in (("analyst", "task"), ("Analyst", "input"), ("ask_analyst", "query")):
        tools = [client.tool(name, key)]
        assert await reply(client, tools=tools) == [(name, {key: whole})]
    assert await reply(client, tools=[client.tool("transfer_to_analyst")]) == [
        ("transfer_to_analyst", {})]


async def test_delegation_without_a_way_to_name_the_colleague_is_a_gap(
    play: Callable[..., Any]
) -> None:
    client = play("- delegate: {to: analyst, task: compute}")
    crew = client.tool("delegate_work_to_coworker", "task", "coworker", description="to: Writer")
    assert "does not tell how to name 'analyst'" in await reply(client, tools=[crew])
    again = play("- delegate: {to: analyst, task: compute}")
    assert "no tool for that is offered" in await reply(again, tools=[again.tool("search")])


async def test_approval_fills_the_schema_or_says_the_word_of_the_prompt(
    play: Callable[..., Any]
) -> None:
    yes, no = play("- approve: true\n  say: fine"), play("- approve: user == 'x'\n  say: too long")
    wanted = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": VERDICT}}
    assert json.loads(await reply(yes, response_format=wanted)) == {
        "approved": True, "feedback": "fine"}
    assert json.loads(await reply(no, response_format=wanted)) == {
        "approved": False, "feedback": "too long"}
    prompt = "Say APPROVED when the text is good, else what to change."
    assert await reply(yes, prompt) == "APPROVED\n\nfine"
    assert await reply(no, prompt) == "too long"
    assert "asks for one" in await reply(yes, "hello")


async def test_calls_may_come_with_text(play: Callable[..., Any]) -> None:
    client = play("- say: looking\n  call: {tool: a}")
    response = await client.chat("go", tools=[client.tool("a")])
    assert client.asked(response)["content"] == "looking"
    assert client.calls(response) == [("a", {})]
