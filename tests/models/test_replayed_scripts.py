"""What scripts of recorded conversations need: verbatim texts, and places counted in calls."""

from collections.abc import Callable
from typing import Any

from agentdyno.models.scripted import ScriptedUpstream

SCRIPT = """
verbatim: true
agents:
  researcher:
  - when: turn == 1 and calls_now() == 0
    say: "{{ no }} {% if %}"
    call: {tool: findIt, arguments: {q: "{{ vars.word }}", n: [1.0, "{# x #}"]}}
  - when: turn == 1 and calls_now() == 1
    calls: [{tool: findIt, arguments: {}}, {tool: findIt, arguments: {}}]
  - when: turn == 1 and calls_now() == 3
    say: |2+
        done {{ 1 }}

  - {when: turn == 2 and calls_now() == 0, say: again}
  analyst: [{say: x}]
"""


async def test_verbatim_texts_and_arguments_are_no_templates(
    script: Callable[..., Any], bench: Any
) -> None:
    client = bench.open(ScriptedUpstream(script(SCRIPT), 0))
    tools = [client.tool("findIt")]
    first = await client.chat("go", tools=tools)
    assert client.asked(first)["content"] == "{{ no }} {% if %}"
    assert client.calls(first) == [("findIt", {"q": "{{ vars.word }}", "n": [1.0, "{# x #}"]})]


async def test_a_place_is_the_user_turn_and_the_calls_since(
    script: Callable[..., Any], bench: Any
) -> None:
    client = bench.open(ScriptedUpstream(script(SCRIPT), 0))
    tools, talk = [client.tool("findIt")], [{"role": "user", "content": "go"}]
    for results in (("Error: no",), ("a", "b")):
        message = client.asked(await client.chat(*talk, tools=tools))
        talk += [message, *client.answered(message, *results)]
    done = client.asked(await client.chat(*talk, tools=tools))
    assert done["content"] == "  done {{ 1 }}\n\n"
    talk += [done, {"role": "user", "content": "and?"}]
    assert client.asked(await client.chat(*talk, tools=tools))["content"] == "again"


async def test_a_tool_is_found_in_the_spelling_of_the_framework(
    script: Callable[..., Any], bench: Any
) -> None:
    client = bench.open(ScriptedUpstream(script(SCRIPT), 0))
    for name in ("find_it", "FindIt", "find-it"):
        (made,) = client.calls(await client.chat("go", tools=[client.tool(name)]))
        assert made[0] == name
    both = [client.tool("find_it"), client.tool("find-it")]
    refused = await client.chat("go", tools=both)
    assert "may mean any of find_it, find-it" in refused.json()["error"]["message"]
