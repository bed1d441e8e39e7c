"""A real uvicorn server on a loopback port, and the requests that a framework would send."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.core.trial import Retries
from agentdyno.experiments.bench import Server
from agentdyno.models.conversation import Reply
from agentdyno.models.embeddings import Embeddings, hash_ngrams
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.script import Script, load_script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest, Upstream

TEAM = ("researcher", "analyst")


@dataclass
class Client:
    """Speaks for the agents of one trial."""

    http: httpx2.AsyncClient
    base: str
    sink: Sink

    def url(self, endpoint: str, agent: str = "researcher") -> str:
        return f"{self.base}/t/{self.sink.trial_id}/{agent}/v1/{endpoint}"

    async def post(
        self, endpoint: str, body: Any, *, agent: str = "researcher", token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        return await self.http.post(
            self.url(endpoint, agent), json=body,
            headers={"Authorization": f"Bearer {token or self.sink.token}", **(headers or {})},
        )

    async def chat(self, *messages: Any, agent: str = "researcher", **keys: Any) -> httpx2.Response:
        spoken = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
        body = {"model": "default", "messages": spoken, **keys}
        return await self.post("chat/completions", body, agent=agent)

    @staticmethod
    def tool(name: str, *required: str, description: str = "", **properties: Any) -> dict[str, Any]:
        """Return a chat tool object whose parameters are strings unless told otherwise."""
        texts = {key: {"type": "string"} for key in required}
        schema = {"type": "object", "required": list(required), "properties": texts | properties}
        function = {"name": name, "description": description, "parameters": schema}
        return {"type": "function", "function": function}

    @staticmethod
    def asked(response: httpx2.Response) -> dict[str, Any]:
        """Return the assistant message of a chat response, as it would be sent back."""
        assert response.status_code == 200, response.text
        message: dict[str, Any] = response.json()["choices"][0]["message"]
        return message

    @staticmethod
    def calls(response: httpx2.Response) -> list[tuple[str, Any]]:
        """Return names and arguments of the tools that a chat response asks for."""
        found = Client.asked(response).get("tool_calls", [])
        return [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in found]

    @staticmethod
    def answered(message: Mapping[str, Any], *contents: Any) -> list[dict[str, Any]]:
        """Return the tool messages that answer the calls of `message`, in order."""
        return [
            {"role": "tool", "tool_call_id": call["id"], "content": content}
            for call, content in zip(message["tool_calls"], contents, strict=True)
        ]


@dataclass
class Bench:
    """The gateway under test and what opens trials on it."""

    gateway: ModelGateway
    http: httpx2.AsyncClient
    base: str
    opened: int = field(default=0)

    def open(
        self, upstream: Upstream, *, limits: Limits | None = None, retries: Retries = "uniform"
    ) -> Client:
        self.opened += 1
        sink = Sink(trial_id=f"trial{self.opened}", token=f"secret-{self.opened}",
                    limits=limits or Limits())
        self.gateway.open(sink, [spec(name) for name in TEAM], upstream, retries=retries)
        return Client(http=self.http, base=self.base, sink=sink)


@dataclass
class Waiting:
    """An upstream that answers when it is told to."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: ModelRequest) -> Reply | Embeddings:
        if request.api == "embeddings":
            return hash_ngrams(request.embedding.texts)
        assert request.conversation.messages
        self.arrived.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Reply(text="at last")


def spec(name: str, role: str | None = None) -> AgentSpec:
    return AgentSpec(name=name, role=role or name.title(), goal="help", instructions="Help.")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    gateway = ModelGateway()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(gateway, http="httptools", lifespan="off", log_config=None,
                            access_log=False, timeout_graceful_shutdown=1)
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx2.AsyncClient(timeout=20, verify=False, trust_env=False) as http:
        yield Bench(gateway=gateway, http=http, base=base)
    server.should_exit = True
    await serving
    listener.close()


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., Script]:
    def load(text: str, agents: tuple[str, ...] = TEAM, **variables: Any) -> Script:
        path = tmp_path / "script.yaml"
        path.write_text(text)
        return load_script(path, agents, variables)

    return load


@pytest.fixture
def play(bench: Bench, script: Callable[..., Script]) -> Callable[..., Client]:
    """Open a trial whose researcher plays the given rules."""

    def start(rules: str, *, seed: int = 0, more: str = "", **variables: Any) -> Client:
        lines = "\n".join("    " + line for line in rules.strip("\n").splitlines())
        text = f"agents:\n  researcher:\n{lines}\n  analyst:\n    - say: done\n{more}"
        return bench.open(ScriptedUpstream(script(text, **variables), seed))

    return start


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()
