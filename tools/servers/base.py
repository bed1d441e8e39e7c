"""A small MCP server over stdio for tools that are plain functions, with state kept per trial.

Written on the standard library alone: importing the official server SDK costs 0.5 to 1.8 s of CPU
per process, this module 0.1 s, and a scenario starts several of these. That they are real MCP
servers is proven in the tests, which drive every one with the official client.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdyno.tools.servers.arguments import checked

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""MCP revisions with a handshake; the last is offered to a client that asks for another."""

STATE_URI = "state://trial"
TRIAL_KEY = "agentdyno/trial"
FORGET = "notifications/agentdyno/forget"

State = dict[str, Any]
Schema = dict[str, Any]


class ToolError(Exception):
    """The call cannot be answered; the message goes to the agent."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One tool: `run(state, arguments)` returns JSON or raises ToolError."""

    name: str
    description: str
    run: Callable[[State, dict[str, Any]], Any]
    parameters: dict[str, Schema] = field(default_factory=dict)
    """JSON Schema by parameter name."""
    optional: frozenset[str] = frozenset()
    """Parameters that may be left out."""
    read_only: bool = True
    """Whether it changes nothing."""
    idempotent: bool = False
    """Whether a second call with the same arguments changes nothing more."""
    destructive: bool | None = None
    """Whether it may destroy what was there; None says nothing about it."""

    def wire(self) -> dict[str, Any]:
        """Return the MCP tool object."""
        schema: Schema = {
            "type": "object",
            "properties": self.parameters,
            "additionalProperties": False,
        }
        required = [name for name in self.parameters if name not in self.optional]
        if required:
            schema["required"] = required
        hints = {
            "readOnlyHint": self.read_only,
            "idempotentHint": self.read_only or self.idempotent,
        }
        if self.destructive is not None:
            hints["destructiveHint"] = self.destructive
        return {
            "name": self.name, "description": self.description, "inputSchema": schema,
            "annotations": hints,
        }


class RequestError(Exception):
    """A JSON-RPC error response."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ToolProcess:
    """Answers MCP requests one after the other; every tool call takes well under a millisecond."""

    def __init__(
        self, name: str, tools: Sequence[Tool], new_state: Callable[[], State] | None = None
    ) -> None:
        self._name = name
        self._tools = {tool.name: tool for tool in tools}
        self._new_state = new_state
        self._states: dict[str, State] = {}

    def serve(self) -> None:
        """Answer requests from standard input until it ends."""
        out = sys.stdout.buffer
        # Whatever a library prints must not land between two messages.
        sys.stdout = sys.stderr
        for line in sys.stdin.buffer:
            reply = self.answer(line)
            if reply is not None:
                out.write(json.dumps(reply, ensure_ascii=False).encode() + b"\n")
                out.flush()

    def answer(self, line: bytes) -> dict[str, Any] | None:
        """Return the response to one message, or None when it asks for none."""
        try:
            message = json.loads(line)
        except ValueError:
            return _error(None, -32700, "The line is not JSON.")
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return None
        method, params = message["method"], message.get("params") or {}
        if "id" not in message:
            if method == FORGET:
                self._states.pop(str(params.get("trial")), None)
            return None
        try:
            return {"jsonrpc": "2.0", "id": message["id"], "result": self._result(method, params)}
        except RequestError as error:
            return _error(message["id"], error.code, str(error))

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "initialize":
                return self._initialize(params)
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [tool.wire() for tool in self._tools.values()]}
            case "tools/call":
                return self._call(params)
            case "resources/list" if self._new_state:
                return {"resources": [
                    {"uri": STATE_URI, "name": "trial", "mimeType": "application/json"}
                ]}
            case "resources/read" if self._new_state and params.get("uri") == STATE_URI:
                text = json.dumps(self._state(params), ensure_ascii=False)
                return {"contents": [
                    {"uri": STATE_URI, "mimeType": "application/json", "text": text}
                ]}
        raise RequestError(-32601, f"{self._name} has no method {method}.")

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in VERSIONS else VERSIONS[-1],
            "capabilities": {"tools": {}} | ({"resources": {}} if self._new_state else {}),
            "serverInfo": {"name": f"agentdyno-{self._name}", "version": "1"},
        }

    def _state(self, params: dict[str, Any]) -> State:
        """Return the state of the trial that `_meta` names; a client without trials has one."""
        trial = str((params.get("_meta") or {}).get(TRIAL_KEY, ""))
        if trial not in self._states:
            self._states[trial] = self._new_state() if self._new_state else {}
        return self._states[trial]

    def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        tool = self._tools.get(str(params.get("name")))
        if tool is None:
            raise RequestError(
                -32602, f"{self._name} has no tool {params.get('name')!r}; it has "
                f"{', '.join(self._tools)}.",
            )
        state = self._state(params) if self._new_state else {}
        try:
            arguments = checked(tool.name, tool.wire()["inputSchema"], params.get("arguments"))
            value = tool.run(state, arguments)
        except (ToolError, ValueError) as error:
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return {"content": [{"type": "text", "text": text}], "isError": False}


def _error(ident: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": ident, "error": {"code": code, "message": message}}
