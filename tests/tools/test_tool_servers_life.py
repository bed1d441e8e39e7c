"""Life and death of the servers behind the gateway."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.event import ToolCall
from agentdyno.core.spec import ToolServer

# Processes are watched through /proc and pidfd_open.
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")


def kinds(sink: Any) -> list[str | None]:
    return [event.error_kind for event in sink.events if isinstance(event, ToolCall)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


async def gone(pid: int) -> None:
    """Wait until the process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(30):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


async def test_a_call_that_takes_too_long_becomes_an_error_that_the_model_sees(
    bench: Any,
) -> None:
    servers = {"tiny": bench.tiny(timeout_s=0.05)}
    sink = await bench.open(bench.agent("tiny.*"), servers=servers)
    result = await bench.call("block")
    assert result["isError"]
    assert "no answer within 0.05 s" in bench.text(result)
    assert kinds(sink) == ["timeout"]
    assert bench.text(await bench.call("cancelled")) == "1"


async def test_a_crash_becomes_a_tool_error_and_the_server_is_started_again(bench: Any) -> None:
    sink = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    crashed = await bench.call("crash")
    assert crashed["isError"]
    assert "crashed during the call" in bench.text(crashed)
    assert bench.text(await bench.call("echo", {"x": 1})) == '{"x": 1}'
    assert kinds(sink) == ["server_crash", None]
    assert sink.stop is None


async def test_all_calls_in_flight_learn_of_a_crash(bench: Any) -> None:
    sink = await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny()})
    blocked = await bench.blocked(sink)
    await bench.call("crash")
    assert (await blocked)[1]["result"]["isError"]
    assert kinds(sink) == [None, "server_crash", "server_crash"]


async def test_a_server_that_exits_at_start_shows_its_last_words_without_secrets(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENCE_FOR_TEST", "s3cr3t-value")
    server = bench.tiny("exit", env={"LICENCE": "${env:LICENCE_FOR_TEST}"})
    with pytest.raises(HarnessFault) as caught:
        await bench.open(bench.agent("shop.echo"), servers={"shop": server})
    assert "tool server 'shop' could not be started" in caught.value.message
    assert "no licence *** found" in caught.value.message
    assert "s3cr3t-value" not in str(caught.value)
    assert "tiny_server.py exit" in caught.value.hint


async def test_a_program_that_does_not_exist_is_a_harness_fault(bench: Any) -> None:
    server = ToolServer(command="no-such-program-anywhere")
    with pytest.raises(HarnessFault, match="no-such-program-anywhere"):
        await bench.open(bench.agent("x.*"), servers={"x": server})


async def test_an_address_where_nobody_answers_is_a_harness_fault(bench: Any) -> None:
    server = ToolServer(url="http://127.0.0.1:9/mcp")
    with pytest.raises(HarnessFault, match=r"127\.0\.0\.1:9"):
        await bench.open(bench.agent("x.*"), servers={"x": server})


async def test_when_one_server_fails_to_start_the_others_of_the_trial_are_stopped(
    bench: Any, tmp_path: Path
) -> None:
    servers = {"good": bench.tiny(str(tmp_path / "pid")), "bad": bench.tiny("exit")}
    with pytest.raises(HarnessFault):
        await bench.open(bench.agent("good.*", "bad.*"), servers=servers)
    if (tmp_path / "pid").exists():
        await gone(int((tmp_path / "pid").read_text()))


async def test_a_server_of_a_trial_ends_with_it_and_one_of_a_run_does_not(
    bench: Any, tmp_path: Path
) -> None:
    servers = {
        "own": bench.tiny(str(tmp_path / "own")),
        "shared": bench.tiny(str(tmp_path / "shared"), scope="run"),
    }
    for trial in ("t1", "t2"):
        await bench.open(bench.agent("own.*", "shared.*"), servers=servers, trial=trial)
        await bench.gateway.close(trial)
        assert not alive(int((tmp_path / "own").read_text()))
        if trial == "t1":
            first = int((tmp_path / "shared").read_text())
    assert first == int((tmp_path / "shared").read_text())
    assert alive(first)
    await bench.gateway.stop()
    assert not alive(first)


async def test_only_servers_that_an_agent_names_are_started(bench: Any) -> None:
    servers = {"tiny": bench.tiny(), "never": bench.tiny("exit")}
    await bench.open(bench.agent("tiny.echo"), servers=servers)


async def test_a_server_sees_what_is_declared_and_no_secret_of_the_harness(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY_FOR_TEST", "hidden")
    monkeypatch.setenv("OTHER_FOR_TEST", "given")
    env = {"NEEDED": "${env:OTHER_FOR_TEST}", "WHERE": "${scenario}/data"}
    await bench.open(bench.agent("tiny.*"), servers={"tiny": bench.tiny(env=env)})
    seen = json.loads(bench.text(await bench.call("environment")))
    assert (seen["NEEDED"], seen["WHERE"]) == ("given", f"{bench.folder.resolve()}/data")
    assert "API_KEY_FOR_TEST" not in seen


@pytest.mark.parametrize(("server", "message"), [
    ({"command": "x", "args": ["${env:NOT_SET_ANYWHERE}"]}, "NOT_SET_ANYWHERE"),
    ({"command": "x", "args": ["${pyhton}"]}, "pyhton"),
    ({"command": "x", "url": "http://127.0.0.1/"}, "command and url"),
    ({}, "none of command, url and bundled"),
])
async def test_an_entry_that_cannot_be_resolved_is_refused(
    bench: Any, server: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        await bench.open(bench.agent("x.*"), servers={"x": ToolServer(**server)})


async def test_every_dangling_tool_is_reported_with_the_nearest_name(bench: Any) -> None:
    agent = bench.agent("tiny.ecko", "tinny.echo", "tiny", "tiny.add")
    with pytest.raises(UsageError) as caught:
        await bench.gateway.check([agent], {"tiny": bench.tiny()}, bench.folder)
    said = caught.value.message
    assert "no tool 'ecko'; did you mean 'echo'?" in said
    assert "no tool server 'tinny'; did you mean 'tiny'?" in said
    assert "'tiny' is not of the form server.tool" in said
    assert len(said.splitlines()) == 3


async def test_the_catalogue_shows_every_tool_by_server(bench: Any) -> None:
    servers = {"tiny": bench.tiny(), "calc": ToolServer(bundled="calculator")}
    found = await bench.gateway.catalogue(servers, bench.folder)
    assert [tool["name"] for tool in found["calc"]] == ["evaluate"]
    assert "echo" in {tool["name"] for tool in found["tiny"]}


@pytest.mark.parametrize("server", ["tiny", "mailbox"])
async def test_servers_die_with_a_harness_that_is_killed(tmp_path: Path, server: str) -> None:
    tiny = Path(__file__).with_name("tiny_server.py")
    entry = (
        f"ToolServer(command='${{python}}', args=({str(tiny)!r},))" if server == "tiny"
        else "ToolServer(bundled='mailbox')"
    )
    code = f"""
import asyncio, os
from pathlib import Path
from agentdyno.core.spec import ToolServer
from agentdyno.tools.pool import UpstreamPool
async def main():
    await UpstreamPool().acquire({{"x": {entry}}}, Path({str(tmp_path)!r}))
    me = str(os.getpid())
    stats = [p.read_text().rpartition(")") for p in Path("/proc").glob("[0-9]*/stat")]
    print(next(s[0].split()[0] for s in stats if s[2].split()[1] == me), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    harness = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert harness.stdout
    child = int(await harness.stdout.readline())
    assert alive(child)
    harness.kill()
    await harness.wait()
    await gone(child)
