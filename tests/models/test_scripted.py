"""The scripted model is led by the state of the conversation, and refuses what it does not know."""

from collections.abc import Callable
from typing import Any

from agentdyno.core.trial import Outcome

SEARCH = """
- when: failed("search") and count("search") < 2
  call: {tool: search, arguments: {query: again}}
- when: failed("search")
  say: "Sorry: {{ error('search') }}"
- when: not called("search")
  call: {tool: search, arguments: {query: "{{ vars.word }}", n: "{{ vars.number }}"}}
- say: "{{ result('search').total }} for {{ vars.word }}"
"""


def say(text: str, role: str = "user", **keys: Any) -> dict[str, Any]:
    return {"role": role, "content": text, **keys}


async def test_a_rule_is_chosen_by_the_conversation_and_not_by_a_counter(
    play: Callable[..., Any]
) -> None:
    client = play(SEARCH, word="cats", number=3)
    tools = [client.tool("search", "query")]
    first = await client.chat("go", tools=tools)
    assert client.calls(first) == [("search", {"query": "cats", "n": 3})]
    repeated = await client.chat("go", tools=tools)
    assert client.calls(repeated) == client.calls(first)
    message = client.asked(repeated)
    done = await client.chat("go", message, *client.answered(message, '{"total": 5}'), tools=tools)
    assert client.asked(done)["content"] == "5 for cats"


async def test_a_tool_error_leads_to_the_rules_for_it(play: Callable[..., Any]) -> None:
    client = play(SEARCH, word="cats", number=3)
    tools, talk = [client.tool("search", "query")], [say("go")]
    for expected in ({"query": "cats", "n": 3}, {"query": "again"}):
        message = client.asked(response := await client.chat(*talk, tools=tools))
        assert client.calls(response) == [("search", expected)]
        talk += [message, *client.answered(message, "Error: no index")]
    sorry = client.asked(await client.chat(*talk, tools=tools))["content"]
    assert sorry == "Sorry: Error: no index"
    message = client.asked(await client.chat(*talk[:3], tools=tools))
    talk = [*talk[:3], message, *client.answered(message, '{"total": 1}')]
    assert client.asked(await client.chat(*talk, tools=tools))["content"] == "1 for cats"


async def test_what_is_not_visible_in_the_request_cannot_be_said(play: Callable[..., Any]) -> None:
    client = play(SEARCH, word="cats", number=3)
    tools = [client.tool("search", "query")]
    message = client.asked(await client.chat("go", tools=tools))
    lost = await client.chat("go", message, tools=tools)
    assert lost.status_code == 400
    assert "no result -1 of search" in lost.json()["error"]["message"]


async def test_a_state_without_a_rule_names_the_agent_and_shows_the_conversation(
    play: Callable[..., Any]
) -> None:
    client = play("- when: called('x')\n  say: never")
    response = await client.chat(say("Be good.", "system"), "what now?")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "script_gap")
    for part in ("'researcher'", "script.yaml", "[user] what now?", "tools offered: none"):
        assert part in error["message"]
    assert client.sink.stop[0] is Outcome.HARNESS_FAULT
    assert "what now?" in client.sink.stop[1]
    assert client.sink.events[0].error == error["message"]


async def test_a_tool_that_is_not_offered_is_a_gap_unless_it_is_called_anyway(
    play: Callable[..., Any]
) -> None:
    gap = play("- call: {tool: fly}")
    response = await gap.chat("go", tools=[gap.tool("walk"), gap.tool("run")])
    message = response.json()["error"]["message"]
    assert "'fly', which is not offered" in message
    assert "tools offered: walk, run" in message
    anyway = play("- call: {tool: fly, anyway: true}")
    assert anyway.calls(await anyway.chat("go", tools=[anyway.tool("walk")])) == [("fly", {})]


async def test_a_tool_is_found_under_the_prefix_that_a_framework_gave_it(
    play: Callable[..., Any]
) -> None:
    client = play("""
- when: not called("market.returns")
  call: {tool: market.returns}
- say: "{{ result('returns') }}"
""")
    tools = [client.tool("market__returns"), client.tool("other")]
    message = client.asked(response := await client.chat("go", tools=tools))
    assert client.calls(response) == [("market__returns", {})]
    done = await client.chat("go", message, *client.answered(message, "7"), tools=tools)
    assert client.asked(done)["content"] == "7"


async def test_a_name_that_may_mean_two_tools_is_a_gap(play: Callable[..., Any]) -> None:
    client = play("- call: {tool: get}")
    response = await client.chat("go", tools=[client.tool("a__get"), client.tool("b__get")])
    assert "a__get, b__get" in response.json()["error"]["message"]


async def test_calls_go_out_one_by_one_where_parallel_calls_are_forbidden(
    play: Callable[..., Any]
) -> None:
    client = play("""
- when: not called("a")
  calls: [{tool: a, arguments: {n: 1}}, {tool: a, arguments: {n: 2}}, {tool: b}]
- say: "{{ results('a') }} {{ result('b') }}"
""")
    tools, talk, made = [client.tool("a"), client.tool("b")], [say("go")], []
    for value in ("10", "20", "30"):
        message = client.asked(
            response := await client.chat(*talk, tools=tools, parallel_tool_calls=False))
        made += client.calls(response)
        talk += [message, *client.answered(message, value)]
    assert made == [("a", {"n": 1}), ("a", {"n": 2}), ("b", {})]
    done = await client.chat(*talk, tools=tools, parallel_tool_calls=False)
    assert client.asked(done)["content"] == "[10, 20] 30"


async def test_no_tool_is_there_when_tool_choice_is_none(play: Callable[..., Any]) -> None:
    client = play("- when: has_tool('a')\n  call: {tool: a}\n- say: no tools")
    tools = [client.tool("a")]
    assert client.calls(await client.chat("go", tools=tools)) == [("a", {})]
    none = await client.chat("go", tools=tools, tool_choice="none")
    assert client.asked(none)["content"] == "no tools"


async def test_text_where_a_tool_call_is_required_is_a_gap(play: Callable[..., Any]) -> None:
    client = play("- say: no")
    response = await client.chat("go", tools=[client.tool("a")], tool_choice="required")
    assert "tool_choice is 'required'" in response.json()["error"]["message"]


async def test_turns_are_what_the_user_said_and_not_what_a_framework_added(
    play: Callable[..., Any]
) -> None:
    client = play("- say: \"{{ turn }}|{{ user }}|{{ users|length }}|{{ called_now('a') }}\"")
    call = {"id": "x", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    talk = [
        say("first"), {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "x", "content": "1"},
        say("Analyze the tool result. If requirements are met, provide the Final Answer."),
        say("found 1", "assistant"), say("from a colleague", name="writer"),
        say("Validation feedback:\nmore please"), say("The others said:\n\nwriter: more please"),
    ]
    assert client.asked(await client.chat(*talk))["content"] == "1|first|1|True"
    talk.append(say("second"))
    assert client.asked(await client.chat(*talk))["content"] == "2|second|2|False"


async def test_what_the_user_says_after_a_colleague_spoke_is_a_turn_of_its_own(
    play: Callable[..., Any]
) -> None:
    client = play('- say: "{{ turn }}|{{ user }}"')
    talk = [say("first", name="user"), say("from a colleague", name="triage"), say("second")]
    assert client.asked(await client.chat(*talk))["content"] == "2|second"


async def test_an_agent_tells_its_own_calls_from_those_of_its_colleagues(
    play: Callable[..., Any], bench: Any
) -> None:
    client = play("- when: not called('a')\n  call: {tool: a}\n- say: done")
    tools = [client.tool("a")]
    message = client.asked(await client.chat("go", tools=tools))
    foreign = {**message, "tool_calls": [
        {**message["tool_calls"][0], "id": "call_00000000_0_0"}]}
    response = await client.chat("go", foreign, *client.answered(foreign, "1"), tools=tools)
    assert client.calls(response) == [("a", {})]


async def test_a_call_that_a_framework_made_up_for_a_colleague_is_not_the_agents(
    play: Callable[..., Any]
) -> None:
    client = play('- say: "{{ calls_now() }}"')
    made_up = {"id": "x1", "type": "function", "function": {
        "name": "transfer_back_to_manager", "arguments": "{}"}}
    talk = [
        say("go"), {"role": "assistant", "name": "worker", "content": "", "tool_calls": [made_up]},
        {"role": "tool", "tool_call_id": "x1", "content": "Successfully transferred back"},
    ]
    assert client.asked(await client.chat(*talk))["content"] == "0"
    talk[1]["name"] = "researcher"
    assert client.asked(await client.chat(*talk))["content"] == "1"


async def test_find_and_block_read_the_newest_visible_message(play: Callable[..., Any]) -> None:
    client = play("""
- when: not find("total.\\\\s(\\\\d+)")
  say: nothing
- say: |
    {{ find("total.\\\\s(\\\\d+)") }} {{ block('figures').rate }}
""")
    assert client.asked(await client.chat("go"))["content"] == "nothing"
    old = 'total: 1\n```json figures\n{"rate": 1.5}\n```'
    new = 'total: 2\n```json figures\n{"rate": 2.5}\n```'
    response = await client.chat(say(old, "system"), old, say("ok", "assistant"), new)
    assert client.asked(response)["content"] == "2 2.5"
    # A group chat that a framework shows as one message.
    told = await client.chat(f"total: 4\n{old}\n\n{new}")
    assert client.asked(told)["content"] == "4 2.5"
    prompt_only = await client.chat(say(old, "system"), "total: 3")
    assert prompt_only.status_code == 400


async def test_what_one_template_sets_the_next_one_does_not_see(play: Callable[..., Any]) -> None:
    client = play("""
- when: user == "x" and result("a")
  say: never
- say: "{% set user = 'changed' %}{{ user }}"
""")
    assert [client.asked(await client.chat("go"))["content"] for _ in range(2)] == ["changed"] * 2


async def test_chance_is_seeded_and_a_retry_draws_anew(play: Callable[..., Any]) -> None:
    rules = """
- when: chance(0.5)
  http_error: {status: 503, message: busy}
- say: ok
"""

    async def statuses(seed: int) -> list[int]:
        client = play(rules, seed=seed)
        return [(await client.chat("go")).status_code for _ in range(12)]

    first = await statuses(1)
    assert set(first) == {200, 503}
    assert await statuses(1) == first
    assert await statuses(2) != first


async def test_an_http_error_looks_like_a_providers_and_is_no_harness_fault(
    play: Callable[..., Any]
) -> None:
    client = play("- http_error: {status: 429, message: \"slow down, {{ user }}\"}")
    response = await client.chat("go")
    assert (response.status_code, response.headers["x-should-retry"]) == (429, "false")
    assert response.json()["error"]["message"] == "slow down, go"
    assert response.json()["error"]["type"] == "rate_limit_error"
    assert client.sink.stop is None


async def test_malformed_arguments_are_put_on_the_wire(play: Callable[..., Any]) -> None:
    client = play("- call: {tool: a, arguments: {n: 1}, malformed: true}")
    message = client.asked(await client.chat("go", tools=[client.tool("a")]))
    assert message["tool_calls"][0]["function"]["arguments"] == '{"n":1'


async def test_latency_is_seeded_and_shows_in_the_event(play: Callable[..., Any]) -> None:
    client = play("- say: one two three",
                  more="latency: {first_token_s: 0.02, tokens_per_s: 200, jitter: 0.5}")
    await client.chat("go", stream=True)
    await client.chat("go")
    streamed, whole = client.sink.events
    assert streamed.first_token_s - streamed.started_s >= 0.01
    assert streamed.ended_s > streamed.first_token_s
    assert whole.ended_s - whole.started_s >= 0.01
