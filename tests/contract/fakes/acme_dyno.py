"""Another package's runner: agents that are loops over HTTP; and what a careless author makes."""

import asyncio
import json
from typing import Any, ClassVar

import httpx2

from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners.base import Emit
from agentdyno.runners.parity import parity_rows
from agentdyno.runners.support import TeamWork, composed, native
from agentdyno.runners.turns import Turns

TEAMWORK = TeamWork(
    patterns={
        "single": native("a loop over HTTP", "httpx2.AsyncClient"),
        "parallel": composed("loops side by side, then one more", "asyncio.gather"),
    },
    hook="",
)
CARELESS = TeamWork(
    patterns={**TEAMWORK.patterns, "single": native("a loop over HTTP", "httpx2.NoSuchClient")},
    hook="",
)


class Overran(Exception):
    """An agent needs more turns than it has."""


class Agent:
    """One agent of one trial, who remembers what was said."""

    def __init__(self, assignment: Assignment, name: str, http: httpx2.AsyncClient) -> None:
        self.spec = assignment.agent(name)
        self.endpoint = assignment.endpoints[name]
        self.headers = {"Authorization": f"Bearer {assignment.token}"}
        self.http = http
        self.stream = assignment.stream
        self.temperature = self.spec.temperature
        self.prompt, self.completion = 0, 0
        self.messages: list[dict[str, Any]] = [
            {"role": "system", "content": self.spec.instructions}
        ]

    async def ask(self, text: str) -> str:
        self.messages.append({"role": "user", "content": text})
        tools = await self._mcp("tools/list", {}) if self.endpoint.mcp_url else {"tools": []}
        offered = [
            {"type": "function", "function": {
                "name": t["name"], "description": t["description"], "parameters": t["inputSchema"],
            }} for t in tools["tools"]
        ]
        for _ in range(self.spec.max_turns):
            message = await self._model(offered)
            self.messages.append(message)
            if not message.get("tool_calls"):
                return str(message["content"])
            for call in message["tool_calls"]:
                arguments = json.loads(call["function"]["arguments"])
                result = await self._mcp(
                    "tools/call", {"name": call["function"]["name"], "arguments": arguments}
                )
                content = result["content"][0]["text"]
                self.messages.append(
                    {"role": "tool", "tool_call_id": call["id"], "content": content}
                )
        raise Overran

    async def _model(self, offered: list[dict[str, Any]]) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.spec.model, "messages": self.messages, "temperature": self.temperature,
            **({"tools": offered} if offered else {}),
        }
        url = f"{self.endpoint.model_base_url}/chat/completions"
        response = await self.http.post(url, json=body, headers=self.headers)
        response.raise_for_status()
        answered = response.json()
        self.prompt += answered["usage"]["prompt_tokens"]
        self.completion += answered["usage"]["completion_tokens"]
        message: dict[str, Any] = answered["choices"][0]["message"]
        return message

    async def _mcp(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {**self.headers, "Accept": "application/json, text/event-stream"}
        response = await self.http.post(str(self.endpoint.mcp_url), json=body, headers=headers)
        result: dict[str, Any] = response.json()["result"]
        return result


class AcmeRunner:
    """Keeps to what it declares."""

    name: ClassVar[str] = "acme"
    packages: ClassVar[tuple[str, ...]] = ("httpx2",)
    patterns: ClassVar[Any] = TEAMWORK.patterns

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        return parity_rows(assignment)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        async with httpx2.AsyncClient(timeout=60) as http:
            team = {spec.name: Agent(assignment, spec.name, http) for spec in assignment.agents}
            note = ""
            try:
                async for turn in turns:
                    turns.answered(await self.turn(assignment, team, turn))
            except Overran:
                note = "max_turns"
            usage = Usage(
                prompt_tokens=sum(agent.prompt for agent in team.values()),
                completion_tokens=sum(agent.completion for agent in team.values()),
            )
            return Answer(
                texts=turns.answers, usage=usage, stopped_by_limit=bool(note), note=note
            )

    async def turn(self, assignment: Assignment, team: dict[str, Agent], turn: str) -> str:
        pattern = assignment.pattern
        if pattern.type == "single":
            return await team[pattern.agent].ask(turn)
        assert pattern.type == "parallel"
        said = await asyncio.gather(*(team[name].ask(turn) for name in pattern.agents))
        return await team[pattern.synthesizer].ask("\n".join((turn, *said)))

    async def close(self) -> None:
        pass


class CarelessRunner(AcmeRunner):
    """Works one after the other, lets everybody hear everybody, and forgets what it was told."""

    async def turn(self, assignment: Assignment, team: dict[str, Agent], turn: str) -> str:
        for agent in team.values():
            agent.temperature = 1.0
            agent.completion = 1000
        pattern = assignment.pattern
        if pattern.type == "single":
            agent = team[pattern.agent]
            agent.messages = agent.messages[:1]
            return f"Answer: {await agent.ask(turn)}"
        assert pattern.type == "parallel"
        heard = turn
        for name in pattern.agents:
            heard += "\n" + await team[name].ask(heard)
        return await team[pattern.synthesizer].ask(heard)
