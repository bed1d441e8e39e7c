"""Servers that nobody here wrote, and one trial behind the gateway that asks them."""

import asyncio
import importlib.util
import io
import os
import re
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import uvicorn

from agentdyno.cli.context import load_settings
from agentdyno.core.model import ModelChoice
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.experiments.bench import Server
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.providers import Catalogue, Providers, read_providers
from agentdyno.models.upstream import Upstream

ROOT = Path(__file__).parents[2]
LITELLM_KEY = "sk-litellm-0123456789abcdef"
TOKEN = "trial-token-0a1b2c3d4e5f"

LITELLM_CONFIG = f"""
model_list:
  - model_name: mocked
    litellm_params: {{model: openai/mocked, api_key: none, mock_response: The sum is 5.}}
  - model_name: always-429
    litellm_params: {{model: openai/x, api_key: none, mock_response: litellm.RateLimitError}}
router_settings: {{num_retries: 0}}
general_settings: {{master_key: {LITELLM_KEY}}}
"""


def _python(peer: str) -> Path:
    spec = importlib.util.spec_from_file_location("peers", ROOT / "benchmarks" / "peers.py")
    assert spec is not None
    assert spec.loader is not None
    peers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peers)
    found: Path = asyncio.run(peers.peer_python(peer, load_settings().cache))
    return found


def _serving(command: list[str | Path], folder: Path, **environ: str) -> Iterator[str]:
    """Run a server until it says where it listens; yields its address."""
    kept = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**kept, "HOME": str(folder), "PYTHONUNBUFFERED": "1", "COLUMNS": "200", **environ},
    )
    assert process.stdout is not None
    said: list[str] = []
    drain = None
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            pytest.fail("the server ended:\n" + "".join(said))
        # What it says later must not block it.
        drain = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
        yield found[1]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if drain is not None:
            drain.wait()


@pytest.fixture(scope="session")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Variables that lead to a LiteLLM proxy with mock responses."""
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(LITELLM_CONFIG)
    python = _python("litellm")
    for url in _serving(
        [python, python.with_name("litellm"), "--config", "config.yaml", "--host", "127.0.0.1",
         "--port", "0", "--telemetry", "False"],
        folder, LITELLM_LOCAL_MODEL_COST_MAP="True", DISABLE_ADMIN_UI="True", NO_DOCS="True",
    ):
        yield {"LITELLM_BASE_URL": f"{url}/v1", "LITELLM_API_KEY": LITELLM_KEY}


@pytest.fixture(scope="session")
def llmock_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an llmock server: it speaks several providers' protocols, and fails when told."""
    python = _python("llmock")
    yield from _serving(
        [python, python.with_name("llmock"), "serve", "--host", "127.0.0.1", "--port", "0"],
        tmp_path_factory.mktemp("llmock"),
    )


@dataclass(kw_only=True)
class Trial:
    """One open trial behind the gateway."""

    sink: Sink
    base: str
    http: aiohttp.ClientSession

    async def ask(
        self, body: bytes | dict[str, Any], path: str = "chat/completions"
    ) -> tuple[int, bytes, dict[str, str]]:
        """Send one request as a framework would; returns status, body and headers."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self.http.post(
            f"{self.base}/{path}", data=io.BytesIO(data),
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return response.status, await response.read(), lowered

    async def refused(self) -> int:
        """Ask for something that is not there: what was sent before it has been read by now."""
        async with self.http.get(self.base) as response:
            return response.status

    def everything(self) -> str:
        """Return all that the trial keeps: events, raw exchanges, the reason of its end."""
        events = [event.model_dump_json() for event in self.sink.events]
        return "\n".join([*events, repr(self.sink.wire), repr(self.sink.stop)])


@dataclass(kw_only=True)
class Sleeps:
    """Waits of the retry policy: noted, and over at once."""

    waits: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@dataclass(kw_only=True)
class Live:
    """The gateway, with live models behind it."""

    gateway: ModelGateway
    base: str
    http: aiohttp.ClientSession
    sleeps: Sleeps
    clock: list[float]
    opened: list[Providers]
    count: int = 0

    def catalogue(self, **variables: str) -> Catalogue:
        return read_providers(None, None, variables)

    async def open(
        self, choice: ModelChoice | str, catalogue: Catalogue, *,
        retries: Any = "uniform", wrap: Callable[[Sink, Upstream], Upstream] | None = None,
        providers: Providers | None = None, **limits: Any,
    ) -> Trial:
        """Open a trial whose one agent, `researcher`, speaks with `choice`."""
        if providers is None:
            providers = await self.providers(catalogue)
        if isinstance(choice, str):
            choice = ModelChoice.of(choice)
        self.count += 1
        sink = Sink(trial_id=f"t{self.count}", token=TOKEN, limits=Limits(**limits))
        spec = AgentSpec(name="researcher", role="r", goal="g", instructions="i")
        upstream = providers.upstream(
            sink, {"researcher": choice}, retries=retries,
            wrap=lambda inner: wrap(sink, inner) if wrap else inner,
        )
        self.gateway.open(sink, [spec], upstream, retries=retries)
        return Trial(sink=sink, base=f"{self.base}/t/{sink.trial_id}/researcher/v1",
                     http=self.http)

    async def providers(self, catalogue: Catalogue) -> Providers:
        made = Providers(catalogue, sleep=self.sleeps, clock=lambda: self.clock[0])
        self.opened.append(await made.__aenter__())
        return made


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    gateway = ModelGateway()
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(uvicorn.Config(
        gateway, http="httptools", lifespan="off", log_config=None, access_log=False,
        timeout_graceful_shutdown=1,
    ))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with aiohttp.ClientSession() as http:
        bench = Live(gateway=gateway, base=base, http=http, sleeps=Sleeps(), clock=[0.0], opened=[])
        yield bench
        for providers in bench.opened:
            await providers.__aexit__(None, None, None)
    server.should_exit = True
    await serving


@dataclass(kw_only=True)
class Raw:
    """A provider that answers with the very bytes it is told, and notes what it was sent."""

    base: str
    answers: list[list[bytes | asyncio.Event]] = field(default_factory=list)
    """Per request: the pieces of the raw HTTP response; an event is waited for."""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        """Answer the next request with `body`, all at once."""
        self.answers.append([self.head(
            status, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers
        ) + body])

    def stream(self, *pieces: bytes | asyncio.Event) -> None:
        """Answer the next request with pieces of an event stream that ends with the connection."""
        self.answers.append([self.head("200 OK", "Content-Type: text/event-stream"), *pieces])

    @staticmethod
    def head(status: str, *headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status}", *headers, "Connection: close", "", ""]
        return "\r\n".join(lines).encode()


@pytest.fixture
async def raw() -> AsyncIterator[Raw]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            body = await reader.readexactly(int(headers["content-length"]))
            provider.requests.append((headers, body))
            provider.arrived.set()
            for piece in provider.answers.pop(0):
                if isinstance(piece, asyncio.Event):
                    await piece.wait()
                else:
                    writer.write(piece)
                    await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider = Raw(base=f"http://127.0.0.1:{port}/v1")
    yield provider
    server.close()

