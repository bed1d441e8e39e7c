"""Who watches a trial sees a tool call begin, before its event tells how it ended."""

from typing import Any

from agentdyno.core.sink import ToolStarted


async def test_a_call_is_shown_when_it_begins_and_when_it_ends(bench: Any) -> None:
    agent = bench.agent("tiny.*")
    sink = await bench.open(agent, servers={"tiny": bench.tiny()})
    seen: list[Any] = []
    sink.watch = seen.append
    await bench.call("add", {"a": 2, "b": 3})
    started, ended = seen
    assert started == ToolStarted(
        agent="worker", server="tiny", tool="add", arguments={"a": 2, "b": 3})
    assert (ended.kind, ended.tool) == ("tool_call", "add")


async def test_a_call_that_is_still_running_has_begun_for_who_watches(bench: Any) -> None:
    sink = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    seen: list[Any] = []
    sink.watch = seen.append
    call = await bench.blocked(sink)
    assert [item.tool for item in seen if isinstance(item, ToolStarted)] == ["block", "echo"]
    call.cancel()
