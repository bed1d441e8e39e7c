"""The leanest team there is: plays a scenario with the real scripted model and the real tools.

No framework, no gateway, no process: what passes or fails here is the scenario itself. What an
agent sees of the others is not the same in any two frameworks, so a team can be played in three
ways (`Sight`), and a scenario of the library must pass in each.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agentdyno.core.event import Event, MemoryAccess, ModelCall, TokenCount, ToolCall
from agentdyno.core.spec import AgentSpec, ToolServer
from agentdyno.models.conversation import Reply
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest
from agentdyno.scenarios.loader import LoadedScenario
from agentdyno.tools.servers import calculator, helpdesk, mailbox, market, notes
from agentdyno.tools.servers.arguments import checked
from agentdyno.tools.servers.base import Tool, ToolError
from agentdyno.tools.servers.docs import Library

Json = dict[str, Any]
Sight = Literal["texts", "own", "all"]
"""What an agent is shown: `texts`, only what was said, a group chat as one message; `own`, that and
its own earlier tool calls; `all`, everybody's tool calls too."""
Colleagues = Mapping[str, Callable[[str], Awaitable[str]]]
"""What happens when the tool of that name, which stands for a colleague, is called with a task."""

_PLAIN = {
    "market": market.TOOLS, "calculator": calculator.TOOLS, "mailbox": mailbox.TOOLS,
    "notes": notes.TOOLS,
}
_STATES: dict[str, Callable[[], Json]] = {
    "mailbox": lambda: {"outbox": []}, "notes": lambda: {"notes": {}},
    "helpdesk": helpdesk.new_state,
}


def _tools(server: ToolServer, folder: Path) -> tuple[Tool, ...]:
    place = Path(server.args[0].replace("${scenario}", str(folder))) if server.args else folder
    match server.bundled:
        case "docs":
            return Library(place).tools()
        case "helpdesk":
            return helpdesk.Desk.read(place).tools()
    assert server.bundled
    return _PLAIN[server.bundled]


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
    sight: Sight = "own"
    states: dict[str, Json] = field(init=False)
    events: list[Event] = field(default_factory=list)
    servers: dict[str, tuple[Tool, ...]] = field(init=False)

    def __post_init__(self) -> None:
        scenario = self.loaded.scenario
        seed = [item.text for item in scenario.memory.seed]
        self.servers = {
            name: _tools(server, self.loaded.folder)
            for name, server in scenario.mcpServers.items()
        } | {"memory": _memory_tools(seed)}
        self.states = {
            name: _STATES[server.bundled]() for name, server in scenario.mcpServers.items()
            if server.bundled in _STATES
        }

    def tools(self, agent: AgentSpec) -> dict[str, tuple[str, Tool]]:
        """Return what `agent` may call, by wire name."""
        allowed = set(agent.tools)
        if agent.memory == "read_write":
            allowed.add("memory.*")
        given = [
            (server, tool) for server, tools in self.servers.items() for tool in tools
            if {f"{server}.{tool.name}", f"{server}.*"} & allowed
        ]
        names = Counter(tool.name for _, tool in given)
        return {
            tool.name if names[tool.name] == 1 else f"{server}__{tool.name}": (server, tool)
            for server, tool in given
        }

    async def turn(
        self, agent: AgentSpec, messages: list[Json], colleagues: Colleagues | None = None,
        over: Callable[[], bool] = lambda: False,
    ) -> str:
        """Let `agent` work until it answers, or until `over`; `messages` grows."""
        tools, others = self.tools(agent), colleagues or {}
        offers = [_offer(name, tool.wire()["inputSchema"]) for name, (_, tool) in tools.items()]
        offers += [_offer(name, _TASK if name.startswith("ask_") else {}) for name in others]
        for ordinal in range(agent.max_turns):
            reply = await self._reply(agent, messages, offers, ordinal)
            messages.append({"role": "assistant", "content": reply.text, "tool_calls": [
                {"id": use.id, "type": "function",
                 "function": {"name": use.name, "arguments": use.arguments}}
                for use in reply.calls
            ]} if reply.calls else {"role": "assistant", "content": reply.text})
            for use in reply.calls:
                arguments = json.loads(use.arguments)
                text = (
                    await others[use.name](arguments.get("task", "")) if use.name in others
                    else self._call(agent, *tools[use.name], arguments)
                )
                messages.append({"role": "tool", "tool_call_id": use.id, "content": text})
            if not reply.calls or over():
                return reply.text
        raise AssertionError(f"{agent.name} did not come to an end")

    async def _reply(
        self, agent: AgentSpec, messages: list[Json], offers: list[Json], ordinal: int
    ) -> Reply:
        body = {"model": "m", "messages": messages, "tools": offers,
                "parallel_tool_calls": self.parallel}
        reply = await self.model.answer(ModelRequest(
            agent=agent.name, agents={a.name: a for a in self.loaded.agents},
            ordinal=len(self.events), api="chat", body=b"", json=body,
        ))
        assert isinstance(reply, Reply)
        self.events.append(ModelCall(
            agent=agent.name, started_s=0, ended_s=0, ordinal=ordinal, api="chat", model="m",
            stream=False, status=200,
            tokens=TokenCount(prompt=len(str(body)) // 4, prompt_tools=0, completion=1),
        ))
        return reply

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


_TASK = {"task": {"type": "string"}}


def _offer(name: str, schema: Json) -> Json:
    parameters = schema if "type" in schema else {"type": "object", "properties": schema}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}
