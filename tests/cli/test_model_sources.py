"""`agentdyno run --model ...` from outside: a provider, recordings, budgets, and who watches.

The provider is a model gateway of another process's kind: it plays the scenario's script behind
the HTTP of a real provider, with a key of its own.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from agentdyno.core.sink import Sink
from agentdyno.experiments.bench import Server
from agentdyno.experiments.request import load_scripted
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.scenarios.loader import LIBRARY

KEY = "sk-secret-of-the-provider-0123456789"
RUNNER = "pydantic_ai"


class Provider:
    """An OpenAI-compatible provider that can be switched off."""

    def __init__(self) -> None:
        loaded, script = load_scripted("docs_question")
        self.sink = Sink(trial_id="provider", token=KEY)
        gateway = ModelGateway()
        gateway.open(self.sink, loaded.agents, ScriptedUpstream(script, 0))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}/t/provider/guide/v1"
        self._server = Server(uvicorn.Config(
            gateway, http="httptools", lifespan="off", log_config=None, access_log=False,
        ))

    @property
    def calls(self) -> int:
        """Requests so far."""
        return self.sink.calls("model")

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        await self._server.listening.wait()

    async def stop(self) -> None:
        self._server.should_exit = True
        await self._task
        self._socket.close()


class Bench:
    """Runs commands in a folder of its own, with the provider named in a file."""

    def __init__(self, folder: Path, database: str, provider: Provider) -> None:
        self.folder = folder
        self.provider = provider
        self.environ = {**os.environ, "AGENTDYNO_DATABASE_URL": database, "NO_COLOR": "1"}
        (folder / "providers.yaml").write_text(
            f"providers:\n  mine: {{base_url: {provider.base}, key_env: MINE_KEY}}\n"
        )

    async def __call__(self, *arguments: str, key: str | None = KEY) -> tuple[int, str, str]:
        extra = {"MINE_KEY": key} if key else {}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "agentdyno", *arguments, env={**self.environ, **extra},
            cwd=self.folder, stdin=DEVNULL, stdout=PIPE, stderr=PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def run(
        self, *arguments: str, scenario: str = "docs_question", key: str | None = KEY
    ) -> tuple[int, Any, str]:
        code, out, err = await self(
            "run", scenario, "-r", RUNNER, "-n", "1", "--json", "-", *arguments, key=key
        )
        return code, await self._trial(json.loads(out)) if out else None, err

    async def _trial(self, report: Any) -> Any:
        [trial] = report["trials"]
        code, out, err = await self("show", trial["id"], "--json")
        assert code == 0, err
        return json.loads(out)

    def live(self, source: str) -> tuple[str, ...]:
        return "--model", source, "--llm", "mine:guide", "--providers", "providers.yaml"


@pytest.fixture
async def bench(tmp_path: Path, database: str) -> AsyncIterator[Bench]:
    provider = Provider()
    await provider.start()
    yield Bench(tmp_path, database, provider)
    await provider.stop()


def _calls(trial: Any) -> list[dict[str, Any]]:
    return [event for event in trial["events"] if event["kind"] == "model_call"]


async def test_what_is_recorded_live_replays_without_provider_key_and_tool_servers(
    bench: Bench, database: str
) -> None:
    code, recorded, err = await bench.run(*bench.live("record"))
    assert code == 0, err
    assert {call["source"] for call in _calls(recorded)} == {"live"}
    assert {call["provider"] for call in _calls(recorded)} == {"mine"}
    [cassette] = (bench.folder / "cassettes").rglob("*.yaml")
    assert KEY not in cassette.read_text() + json.dumps(recorded) + err
    asked = bench.provider.calls
    code, replayed, err = await bench.run("--model", "replay", "--tools", "replay", key=None)
    assert code == 0, err
    assert bench.provider.calls == asked
    assert {call["source"] for call in _calls(replayed)} == {"recorded"}
    assert replayed["answers"] == recorded["answers"]

    code, forked, err = await bench.run(*bench.live("replay"), "--fork-at", "2")
    assert code == 0, err
    sources = [call["source"] for call in _calls(forked)]
    assert sources == ["recorded"] * 2 + ["live"] * (len(sources) - 2)
    assert bench.provider.calls == asked + len(sources) - 2

    shutil.copytree(LIBRARY / "docs_question", bench.folder / "changed")
    file = bench.folder / "changed" / "scenario.yaml"
    file.write_text(file.read_text().replace("The answer first", "The page first"))
    code, _, err = await bench.run("--model", "replay", scenario="changed", key=None)
    assert code == 3
    assert "messages[0].content" in err
    assert "The page first" in err
    code, trial, err = await bench.run(
        *bench.live("replay"), "--on-miss", "live", scenario="changed"
    )
    assert code == 0, err
    assert "live" in {call["source"] for call in _calls(trial)}


async def test_a_recording_lost_is_made_again_from_the_store(bench: Bench) -> None:
    assert (await bench.run(*bench.live("record")))[0] == 0
    [cassette] = (bench.folder / "cassettes").rglob("*.yaml")
    text, asked = cassette.read_text(), bench.provider.calls
    cassette.unlink()
    assert (await bench.run(*bench.live("record")))[0] == 0
    assert (cassette.read_text(), bench.provider.calls) == (text, asked)


@pytest.mark.parametrize(("arguments", "told"), [
    (("--model", "live"), "--llm"),
    (("--model", "nonsense"), "--model nonsense"),
    (("--model", "replay"), "--model record"),
    (("--model", "live", "--llm", "mine:guide", "--providers", "providers.yaml"), "MINE_KEY"),
    (("--fork-at", "1"), "--model replay"),
    (("--budget", "usd=x"), "--budget usd=2.50"),
    (("--model", "live", "--llm", "mine:x", "--providers", "providers.yaml", "--budget", "usd=1"),
     "MINE_KEY"),
])
async def test_what_cannot_work_is_refused_before_anything_runs(
    bench: Bench, arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = await bench.run(*arguments, key=None)
    assert code == 4, err
    assert told in err
    assert "next:" in err
    assert bench.provider.calls == 0


async def test_a_budget_stops_the_run_and_what_it_stopped_runs_again_without_it(
    bench: Bench
) -> None:
    code, trial, err = await bench.run(*bench.live("live"), "--budget", "calls=3")
    assert code == 1, err
    assert trial["outcome"] == "limit"
    assert bench.provider.calls == 3
    assert "stopped" in err
    code, trial, err = await bench.run(*bench.live("live"))
    assert code == 0, err
    assert trial["outcome"] == "completed"
    code, out, err = await bench("spend")
    assert code == 0, err
    assert "guide" in out


async def test_who_watches_sees_texts_and_tools_as_they_happen(bench: Bench) -> None:
    code, trial, err = await bench.run("--watch", "--stream")
    assert code == 0, err
    assert "45 minutes" in err
    assert "search" in err
    assert trial["outcome"] == "completed"
