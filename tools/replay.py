"""Tools of a recording: listed and answered as they were then, without any server."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from agentdyno.core.canonical import canonical_json
from agentdyno.core.difference import first_difference, told, unified
from agentdyno.core.errors import UsageError
from agentdyno.core.event import MemoryAccess, ToolGap
from agentdyno.core.recording import OfferedTool, RecordedResult, ToolRecording
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, ToolServer
from agentdyno.core.trial import Outcome
from agentdyno.tools.catalogue import Tools, dangling, select

RECORD_AGAIN = "record the trial again, with --model record"


class ToolMiss(Exception):
    """No recorded result answers a call; the message says which one is nearest."""


@dataclass(frozen=True, kw_only=True)
class RecordedServer:
    """Stands in a route where a running server would be."""

    name: str


class ToolReplay:
    """Answers one trial's tool calls from a recording; strict."""

    def __init__(self, sink: Sink, recording: ToolRecording) -> None:
        self._sink = sink
        self._recording = recording
        self._waiting: defaultdict[str, list[RecordedResult]] = defaultdict(list)
        for result in recording.results:
            self._waiting[_key(result.agent, result.server, result.tool, result.arguments)].append(
                result
            )

    @property
    def servers(self) -> Mapping[str, Tools]:
        """Tool objects as they were listed, by server."""
        return self._recording.servers

    def offered(self, agent: str) -> tuple[OfferedTool, ...]:
        """Return what `agent` was offered."""
        return self._recording.offered.get(agent, ())

    def shown(self, offer: OfferedTool) -> dict[str, Any]:
        """Return the tool object as the agent was shown it."""
        tools = self.servers.get(offer.server, ())
        listed = next((tool for tool in tools if tool["name"] == offer.tool), {})
        return {"name": offer.name} | {k: v for k, v in listed.items() if k != "name"}

    def check(self, agents: Sequence[AgentSpec], servers: Mapping[str, ToolServer]) -> None:
        """Refuse a recording of agents that were given other tools.

        Raises:
            UsageError: with every agent that names what it was not offered, or no longer names
                what it was.
        """
        known = {name: tools for name, tools in self.servers.items() if name in servers}
        problems = []
        for agent in agents:
            problems += [f"agent {agent.name!r}: {p}" for p in dangling(agent.tools, known)]
            named = set(select(agent.tools, known))
            was = {(o.server, o.tool) for o in self.offered(agent.name) if o.server in servers}
            if gone := sorted(was - named):
                names = ", ".join(".".join(pair) for pair in gone)
                problems.append(f"agent {agent.name!r} was offered {names}, and is not any more")
            if new := sorted(named - was):
                names = ", ".join(".".join(pair) for pair in new)
                problems.append(f"agent {agent.name!r} was not offered {names}, and is now")
        if problems:
            raise UsageError(
                "the recording has other tools than the scenario:\n" + "\n".join(problems),
                RECORD_AGAIN,
            )

    def answer(
        self, agent: str, server: str, tool: str, arguments: dict[str, Any]
    ) -> RecordedResult:
        """Return the recorded result of one call, each once and in the order of the recording.

        Raises:
            ToolMiss: there is none, or it was given out already; the trial ends.
        """
        waiting = self._waiting.get(_key(agent, server, tool, arguments))
        if not waiting:
            miss = ToolMiss(self._miss(agent, server, tool, arguments))
            self._sink.end(Outcome.HARNESS_FAULT, str(miss))
            raise miss
        result = waiting.pop(0)
        for approval in result.approvals:
            # Nobody is asked again, so nobody waits.
            now = self._sink.now()
            self._sink.record(approval.model_copy(update={"started_s": now, "ended_s": now}))
        events: tuple[MemoryAccess | ToolGap, ...] = (*result.memory, *result.gaps)
        for event in events:
            now = self._sink.now()
            self._sink.record(event.model_copy(update={
                "started_s": now, "ended_s": now + event.ended_s - event.started_s,
            }))
        return result

    def end_state(self) -> dict[str, Any]:
        """Return the recorded end state of every server whose recorded calls were all made.

        Of a server that was called less often nothing is known: calls may have changed its state.
        """
        short = {result.server for result in self._left()}
        return {
            name: state for name, state in self._recording.end_state.items() if name not in short
        }

    def unused(self) -> tuple[str, ...]:
        """Return one line for each recorded result that nobody asked for."""
        return tuple(
            f"tool call {result.ordinal + 1} of {result.agent}: {result.server}.{result.tool} "
            f"{canonical_json(result.arguments)[:120]}" for result in self._left()
        )

    def _left(self) -> list[RecordedResult]:
        waiting = {id(result) for results in self._waiting.values() for result in results}
        return [result for result in self._recording.results if id(result) in waiting]

    def _miss(self, agent: str, server: str, tool: str, arguments: dict[str, Any]) -> str:
        what = f"no recorded result answers {server}.{tool} of agent {agent}"
        same = [r for r in self._recording.results if r.agent == agent and r.tool == tool]
        exact = [r for r in same if r.server == server and _same(r.arguments, arguments)]
        if exact:
            return _advised([
                f"{what}: it was called {len(exact)} times with these arguments in the recording, "
                "and is called once more now", f"  arguments: {canonical_json(arguments)[:400]}",
            ])
        if not same:
            others = [r for r in self._recording.results if r.agent == agent]
            called = ", ".join(dict.fromkeys(f"{r.server}.{r.tool}" for r in others)) or "nothing"
            return _advised([
                f"{what}: the agent called {called} in the recording",
                f"  arguments: {canonical_json(arguments)[:400]}",
            ])
        nearest = max(same, key=lambda result: (
            result in self._left(), _likeness(result.arguments, arguments)
        ))
        found = first_difference(nearest.arguments, arguments, "$.arguments")
        names = ("recorded", "now")
        lines = [what, f"  nearest: tool call {nearest.ordinal + 1} of {agent}, "
                 f"{nearest.server}.{nearest.tool}"]
        if found:
            lines += ["  first difference: " + told(found, names)[0], *told(found, names)[1:]]
        old, new = (_lines(value) for value in (nearest.arguments, arguments))
        if len(old) + len(new) > 2:
            lines += unified(old, new, names)
        return _advised(lines)


def _key(agent: str, server: str, tool: str, arguments: dict[str, Any]) -> str:
    return canonical_json([agent, server, tool, arguments])


def _same(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)


def _likeness(one: Any, other: Any) -> float:
    old, new = (canonical_json(value)[:2000] for value in (one, other))
    return float(SequenceMatcher(None, old, new, autojunk=False).quick_ratio())


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).splitlines()


def _advised(lines: Sequence[str]) -> str:
    return "\n".join([*lines, f"  next: {RECORD_AGAIN}, or leave out --tools replay"])
