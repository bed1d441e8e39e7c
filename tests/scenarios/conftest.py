"""The leanest team there is: plays a scenario with the real scripted model and the real tools.

No framework, no gateway, no process: what passes or fails here is the scenario itself.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import pytest

from agentdyno.core.event import Event, MemoryAccess, ModelCall, TokenCount, ToolCall
from agentdyno.core.pattern import Pipeline
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.models.conversation import Reply
from agentdyno.models.script import Script, load_script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest
from agentdyno.scenarios.loader import LoadedScenario, load_scenario
from agentdyno.scenarios.users import END_TOOL
from agentdyno.tools.servers import calculator, mailbox, market
from agentdyno.tools.servers.arguments import checked
from agentdyno.tools.servers.base import Tool, ToolError
from agentdyno.tools.servers.docs import Library

Json = dict[str, Any]
Play = Callable[..., Any]


def _memory_tools(seed: list[str]) -> tuple[Tool, ...]:
    """Stand in for the memory server, whose own tests need a database."""
    items = list(seed)

    def search(_: Json, arguments: Json) -> Json:
        words = arguments["query"].lower().split()
        return {"hits": [{"text": t} for t in items if all(w in t.lower() for w in words)]}

    def write(_: Json, arguments: Json) -> Json:
        items.append(arguments["text"])
        return {"id": str(len(items))}

    text = {"type": "string"}
    return (
        Tool(name="memory_search", description="", run=search, parameters={"query": text}),
        Tool(name="memory_write", description="", run=write, parameters={"text": text}),
    )


@dataclass
class Table:
    """One trial being played."""

    loaded: LoadedScenario
    broken: Mapping[str, str]
    """Error text by the name of a tool that fails."""
    parallel: bool
    model: ScriptedUpstream
    states: dict[str, Json] = field(default_factory=lambda: {"mailbox": {"outbox": []}})
    events: list[Event] = field(default_factory=list)
    servers: dict[str, tuple[Tool, ...]] = field(init=False)

    def __post_init__(self) -> None:
        seed = [item.text for item in self.loaded.scenario.memory.seed]
        self.servers = {
            "market": market.TOOLS, "calculator": calculator.TOOLS, "mailbox": mailbox.TOOLS,
            "docs": Library(self.loaded.folder / "docs").tools(), "memory": _memory_tools(seed),
        }

    def tools(self, agent: AgentSpec) -> dict[str, tuple[str, Tool]]:
        """Return what `agent` may call, by wire name."""
        allowed = set(agent.tools)
        if agent.memory == "read_write":
            allowed.add("memory.*")
        return {
            tool.name: (server, tool)
            for server, tools in self.servers.items() for tool in tools
            if {f"{server}.{tool.name}", f"{server}.*"} & allowed
        }

    async def turn(self, agent: AgentSpec, messages: list[Json]) -> str:
        """Let `agent` work until it answers; `messages` grows."""
        tools = self.tools(agent)
        offers = [{"type": "function", "function": {
            "name": name, "parameters": tool.wire()["inputSchema"],
        }} for name, (_, tool) in tools.items()]
        for ordinal in range(agent.max_turns):
            body = {"model": "m", "messages": messages, "tools": offers,
                    "parallel_tool_calls": self.parallel}
            reply = await self.model.answer(ModelRequest(
                agent=agent.name, agents={a.name: a for a in self.loaded.agents},
                ordinal=len(self.events) + ordinal, api="chat", body=b"", json=body,
            ))
            assert isinstance(reply, Reply)
            self.events.append(ModelCall(
                agent=agent.name, started_s=0, ended_s=0, ordinal=ordinal, api="chat", model="m",
                stream=False, status=200,
                tokens=TokenCount(prompt=len(str(body)) // 4, prompt_tools=0, completion=1),
            ))
            messages.append({"role": "assistant", "content": reply.text, "tool_calls": [
                {"id": use.id, "type": "function",
                 "function": {"name": use.name, "arguments": use.arguments}}
                for use in reply.calls
            ]} if reply.calls else {"role": "assistant", "content": reply.text})
            if not reply.calls:
                return reply.text
            for use in reply.calls:
                server, tool = tools[use.name]
                text = self._call(agent, server, tool, json.loads(use.arguments))
                messages.append({"role": "tool", "tool_call_id": use.id, "content": text})
        raise AssertionError(f"{agent.name} did not come to an end")

    def _call(self, agent: AgentSpec, server: str, tool: Tool, arguments: Json) -> str:
        try:
            if tool.name in self.broken:
                raise ToolError(self.broken[tool.name])
            given = checked(tool.name, tool.wire()["inputSchema"], arguments)
            value = tool.run(self.states.setdefault(server, {}), given)
            text, failed = json.dumps(value), False
        except ToolError as error:
            text, failed = f"Error: {error}", True
        self.events.append(ToolCall(
            agent=agent.name, started_s=0, ended_s=0, ordinal=0, server=server, tool=tool.name,
            arguments=arguments, is_error=failed, result_text=text,
        ))
        if server == "memory" and not failed:
            operation: Literal["search", "write"] = (
                "search" if tool.name == "memory_search" else "write"
            )
            hits = tuple(str(at) for at, _ in enumerate(value.get("hits", ())))
            self.events.append(MemoryAccess(
                agent=agent.name, started_s=0, ended_s=0, operation=operation,
                query=arguments.get("query") or arguments["text"], mode="lexical", hits=hits,
            ))
        return text


@cache
def _loaded(name: str) -> tuple[LoadedScenario, Script]:
    loaded = load_scenario(name)
    assert loaded.script_path is not None
    names = [agent.name for agent in loaded.callers]
    return loaded, load_script(loaded.script_path, names, loaded.variables)


async def _turns(table: Table, answers: list[str]) -> AsyncIterator[str]:
    """Yield what the user says; a simulated one sees the answers that there are by then."""
    for turn in table.loaded.user_turns:
        yield turn
    user = table.loaded.user
    said = list(table.loaded.user_turns)
    while user and len(said) < user.max_turns:
        messages: list[Json] = [
            {"role": "system", "content": user.agent.instructions},
            {"role": "user", "content": "(your first message)"},
        ]
        for turn, answer in zip(said, answers, strict=True):
            messages.append({"role": "assistant", "content": turn})
            messages.append({"role": "user", "content": answer})
        end = {"type": "function", "function": {"name": END_TOOL, "parameters": {}}}
        reply = await table.model.answer(ModelRequest(
            agent=user.agent.name, agents={}, ordinal=len(said), api="chat", body=b"",
            json={"model": "m", "messages": messages, "tools": [end]},
        ))
        assert isinstance(reply, Reply)
        if reply.calls:
            assert reply.calls[0].name == END_TOOL
            return
        said.append(reply.text)
        yield reply.text


async def _answers(table: Table) -> tuple[list[str], list[str]]:
    loaded = table.loaded
    if isinstance(loaded.scenario.pattern, Pipeline):
        said = list(loaded.user_turns)
        for agent in loaded.agents:
            said.append(await table.turn(agent, [
                {"role": "system", "content": agent.instructions},
                {"role": "user", "content": "\n\n".join(said)},
            ]))
        return list(loaded.user_turns), said[-1:]
    agent = loaded.agents[0]
    messages: list[Json] = [{"role": "system", "content": agent.instructions}]
    answers: list[str] = []
    turns = []
    async for turn in _turns(table, answers):
        turns.append(turn)
        messages.append({"role": "user", "content": turn})
        answers.append(await table.turn(agent, messages))
    return turns, answers


@pytest.fixture
def play() -> Play:
    """Return `await play(name, broken={tool: error}, parallel=True) -> Trial`."""

    async def run(
        name: str, broken: Mapping[str, str] | None = None, *, parallel: bool = True
    ) -> Trial:
        loaded, script = _loaded(name)
        table = Table(loaded, broken or {}, parallel, ScriptedUpstream(script, seed=0))
        turns, answers = await _answers(table)
        key = TrialKey(scenario=name, scenario_digest=loaded.digest, runner="lean",
                       runner_version="0", runner_digest="0", model_digest=script.digest)
        return Trial(
            id="t", key=key, outcome=Outcome.COMPLETED, answers=tuple(answers),
            user_turns=tuple(turns), agents=loaded.agents, started_at="2026-01-01T00:00:00Z",
            duration_s=1.0, events=tuple(table.events), end_state=table.states,
            report=WorkerReport(ended="returned"),
        )

    return run

