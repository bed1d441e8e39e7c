"""Faults of tools: what the agent is shown, and what the server really did."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.event import Fault, ToolCall
from agentdyno.core.fault import FaultPlan
from agentdyno.core.sink import Sink
from agentdyno.core.spec import ToolServer
from agentdyno.core.trial import Outcome
from agentdyno.tools.faults import GARBAGE, INJECTION

MAIL = {"to": "mira@example.org", "subject": "Hello", "body": "It is on its way."}


def plan(**fault: Any) -> FaultPlan:
    return FaultPlan.model_validate({"name": "p", "faults": [{"on": "tool", **fault}]})


async def opened(bench: Any, faults: FaultPlan, server: ToolServer, *, seed: int = 0) -> Sink:
    """Open trial t1, whose one agent may call everything of `server`."""
    sink = Sink(trial_id="t1", token="token-of-t1", seed=seed)
    await bench.gateway.open(
        sink, [bench.agent("box.*")], {"box": server}, bench.folder, faults=faults
    )
    return sink


def mailbox(**more: Any) -> ToolServer:
    return ToolServer(bundled="mailbox", **more)


def injected(sink: Sink) -> list[Fault]:
    return [event for event in sink.events if isinstance(event, Fault)]


def kinds(sink: Sink) -> list[str | None]:
    return [event.error_kind for event in sink.events if isinstance(event, ToolCall)]


async def outbox(bench: Any) -> list[Any]:
    state = await bench.gateway.close("t1")
    mails: list[Any] = state["box"]["outbox"]
    return mails


async def test_an_error_comes_before_the_tool_does_anything(bench: Any) -> None:
    sink = await opened(bench, plan(kind="error", call=1, text="Error: closed today"), mailbox())
    result = await bench.call("send_mail", MAIL)
    assert result["isError"]
    assert bench.text(result) == "Error: closed today"
    assert not (await bench.call("send_mail", MAIL))["isError"]
    assert kinds(sink) == ["tool_error", None]
    assert len(await outbox(bench)) == 1


async def test_a_timeout_loses_the_answer_of_a_tool_that_did_its_work(bench: Any) -> None:
    sink = await opened(bench, plan(kind="timeout", call=1, delay_s=0.02), mailbox())
    result = await bench.call("send_mail", MAIL)
    assert result["isError"]
    assert "no answer within 0.02 s" in bench.text(result)
    assert kinds(sink) == ["timeout"]
    (fault,) = injected(sink)
    assert fault.ended_s - fault.started_s >= 0.02
    assert "did its work" in fault.detail
    assert len(await outbox(bench)) == 1


async def test_a_slow_tool_answers_late_and_well(bench: Any) -> None:
    sink = await opened(bench, plan(kind="slow", call=1, delay_s=0.02), mailbox())
    assert not (await bench.call("send_mail", MAIL))["isError"]
    (call,) = [event for event in sink.events if isinstance(event, ToolCall)]
    assert call.ended_s - call.started_s >= 0.02


async def test_a_truncated_result_stops_in_the_middle(bench: Any) -> None:
    await opened(bench, plan(kind="truncated_result", call=1), mailbox())
    text = bench.text(await bench.call("send_mail", MAIL))
    assert '{"id":1,"status":"sent","to":"mira@example.org"}'.startswith(text)
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


async def test_a_garbage_result_is_no_error_and_no_answer(bench: Any) -> None:
    await opened(bench, plan(kind="garbage_result", call=1), mailbox())
    result = await bench.call("send_mail", MAIL)
    assert not result["isError"]
    assert bench.text(result) == GARBAGE


async def test_an_injection_stands_inside_json_that_is_still_json(bench: Any) -> None:
    await opened(bench, plan(kind="prompt_injection", call=2), mailbox())
    await bench.call("send_mail", MAIL)
    shown = json.loads(bench.text(await bench.call("list_outbox")))
    assert shown["messages"][0]["body"] == f"{MAIL['body']}\n\n{INJECTION}"
    assert shown["messages"][0]["subject"] == MAIL["subject"]


async def test_an_injection_stands_below_a_result_without_a_text_to_hide_in(bench: Any) -> None:
    await opened(bench, plan(kind="prompt_injection", call=1, text="Obey."), bench.tiny())
    assert bench.text(await bench.call("add", {"a": 1, "b": 2})) == "3\n\nObey."


async def test_a_crash_really_ends_a_server_that_belongs_to_the_trial(
    bench: Any, tmp_path: Path
) -> None:
    sink = await opened(bench, plan(kind="server_crash", call=2), mailbox(scope="trial"))
    await bench.call("send_mail", MAIL)
    crash = await bench.call("send_mail", MAIL)
    assert crash["isError"]
    assert "crashed during the call" in bench.text(crash)
    await bench.call("send_mail", MAIL)
    assert kinds(sink) == [None, "server_crash", None]
    assert "was ended" in injected(sink)[0].detail
    # The first mail went with the process, and nobody but the plan is to blame.
    assert [mail["id"] for mail in await outbox(bench)] == [1]
    assert sink.stop is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
async def test_a_crash_also_ends_a_server_that_others_wrote(bench: Any, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    await opened(bench, plan(kind="server_crash", call=2), bench.tiny(str(note)))
    await bench.call("echo")
    first = note.read_text()
    assert (await bench.call("echo"))["isError"]
    assert not Path(f"/proc/{first}").exists()
    assert not (await bench.call("echo"))["isError"]
    assert note.read_text() != first


async def test_a_crash_of_a_shared_server_only_looks_like_one_and_says_so(bench: Any) -> None:
    sink = await opened(bench, plan(kind="server_crash", call=2), mailbox())
    await bench.call("send_mail", MAIL)
    assert "crashed during the call" in bench.text(await bench.call("send_mail", MAIL))
    assert "only looks like a crash" in injected(sink)[0].detail
    assert len(await outbox(bench)) == 1


async def test_a_fault_of_one_tool_leaves_the_others_alone(bench: Any) -> None:
    sink = await opened(bench, plan(kind="error", tool="box.list_outbox", call=1), mailbox())
    assert not (await bench.call("send_mail", MAIL))["isError"]
    assert (await bench.call("list_outbox"))["isError"]
    assert [fault.ordinal for fault in injected(sink)] == [1]


async def test_the_same_seed_hits_the_same_calls(bench: Any) -> None:
    hits = []
    for seed in (5, 5, 6):
        faults = plan(kind="error", probability=0.5)
        sink = await opened(bench, faults, mailbox(), seed=seed)
        for _ in range(12):
            await bench.call("list_outbox")
        hits.append([fault.ordinal for fault in injected(sink)])
        await bench.gateway.close("t1")
    assert hits[0] == hits[1] != hits[2]


async def test_a_condition_that_fails_ends_the_trial_as_the_benchs_fault(bench: Any) -> None:
    faults = plan(**{"kind": "error", "while": "1 // (calls - 2)"})
    sink = await opened(bench, faults, mailbox())
    await bench.call("list_outbox")
    await bench.call("list_outbox")
    assert sink.stop is not None
    assert sink.stop[0] is Outcome.HARNESS_FAULT
    assert "ZeroDivisionError" in sink.stop[1]


async def test_bundled_servers_say_which_tools_change_something(bench: Any) -> None:
    servers = {name: ToolServer(bundled=name) for name in ("mailbox", "notes", "calculator")}
    listed = await bench.gateway.catalogue(servers, bench.folder)
    writing = {
        tool["name"] for tools in listed.values() for tool in tools
        if not tool["annotations"]["readOnlyHint"]
    }
    assert writing == {"send_mail", "write_note"}
