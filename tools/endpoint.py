"""HTTP and JSON-RPC of the tool gateway: who may come in, and which method answers."""

import asyncio
import hashlib
import hmac
from typing import Any

from agentdyno.tools import jsonrpc
from agentdyno.tools.asgi import MAX_BODY, HungUp, Receive, Scope, Send, read, send_body, watched
from agentdyno.tools.box import OpenTrial
from agentdyno.tools.metered import metered_call
from agentdyno.tools.protocol import (
    HANDSHAKE_VERSIONS,
    MODERN_VERSION,
    SERVER_INFO,
    SERVER_INFO_META,
)

_REMEMBERED = 10_000
"""Closed trials whose late calls still get a proper answer."""


class Endpoint:
    """Answers requests for the trials that were admitted."""

    def __init__(self) -> None:
        self._open: dict[str, OpenTrial] = {}
        self._owners: dict[bytes, str] = {}
        """Trial by digest of its token: looking a digest up says nothing about the token."""
        self._running: dict[str, dict[asyncio.Task[Any], tuple[str, Any]]] = {}
        """Calls in flight by trial, each with its agent and JSON-RPC id."""

    def admit(self, trial: OpenTrial) -> None:
        """Let the agents of `trial` in."""
        self._open[trial.sink.trial_id] = trial
        self._running[trial.sink.trial_id] = {}
        self._owners[_digest(trial.sink.token.encode())] = trial.sink.trial_id
        while len(self._owners) > len(self._open) + _REMEMBERED:
            gone = next(d for d, trial_id in self._owners.items() if trial_id not in self._open)
            del self._owners[gone]

    def open_trials(self) -> tuple[str, ...]:
        """Return the ids of all trials that are open."""
        return tuple(self._open)

    def trial(self, trial_id: str) -> OpenTrial | None:
        """Return an open trial; None when it is not."""
        return self._open.get(trial_id)

    async def dismiss(self, trial_id: str) -> OpenTrial | None:
        """Refuse the trial from now on and end its calls; None when it was not open."""
        trial = self._open.pop(trial_id, None)
        running = list(self._running.pop(trial_id, ()))
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        return trial

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request (ASGI)."""
        _, _, trial_id, agent = (*scope["path"].split("/"), "", "", "")[:4]
        headers = dict(scope["headers"])
        refusal = self._refusal(trial_id, agent, headers)
        if refusal:
            await send_body(send, *refusal)
        elif scope["method"] == "DELETE":
            await send_body(send, 200, b"")
        elif scope["method"] != "POST":
            await send_body(send, 405, b"", ((b"allow", b"POST, DELETE"),))
        else:
            try:
                status, body = await self._post(trial_id, agent, headers, receive)
            except HungUp:
                return
            await send_body(send, status, body)

    def _refusal(
        self, trial_id: str, agent: str, headers: dict[bytes, bytes]
    ) -> tuple[int, bytes] | None:
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        owner = self._owners.get(_digest(token)) if scheme.lower() == b"bearer" else None
        if owner is None:
            return 401, _refused("this address needs the bearer token of its trial")
        if not hmac.compare_digest(owner.encode(), trial_id.encode()):
            return 403, _refused("this token belongs to another trial")
        trial = self._open.get(trial_id)
        if trial is None:
            return 404, jsonrpc.error(None, jsonrpc.TRIAL_OVER, "this trial is over")
        if agent not in trial.boxes:
            return 404, _refused(f"the trial has no agent {agent!r}")
        return None

    async def _post(
        self, trial_id: str, agent: str, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[int, bytes]:
        raw = await read(receive)
        if raw is None:
            return 413, _refused(f"a request may have {MAX_BODY} bytes")
        try:
            message = jsonrpc.loads(raw)
        except ValueError:
            return 400, jsonrpc.error(None, jsonrpc.PARSE_ERROR, "the body is not JSON")
        if not isinstance(message, dict):
            return 400, _refused("the body must be one JSON-RPC message")
        method, params = message.get("method"), message.get("params") or {}
        if not isinstance(method, str) or not isinstance(params, dict):
            return 400, _refused("the body is not a JSON-RPC request or notification")
        if "id" not in message:
            if method == "notifications/cancelled":
                self._cancel(trial_id, agent, params.get("requestId"))
            return 202, b""
        version = headers.get(b"mcp-protocol-version", b"").decode("latin-1")
        if version and version != MODERN_VERSION and version not in HANDSHAKE_VERSIONS:
            return 400, _unsupported(message["id"], version)
        return await self._answer(
            self._open[trial_id], agent, message["id"], method, params,
            version == MODERN_VERSION, raw, receive,
        )

    async def _answer(
        self, trial: OpenTrial, agent: str, ident: Any, method: str, params: dict[str, Any],
        modern: bool, raw: bytes, receive: Receive,
    ) -> tuple[int, bytes]:
        box = trial.boxes[agent]
        match method:
            case "tools/call":
                return await self._tools_call(trial, agent, ident, params, modern, raw, receive)
            case "tools/list":
                return 200, _result(ident, box.listed_modern if modern else box.listed)
            case "initialize":
                return 200, _result(ident, _initialized(params))
            case "server/discover" if modern:
                return 200, _result(ident, _DISCOVERED)
            case "ping":
                return 200, _result(ident, b'{"resultType":"complete"}' if modern else b"{}")
        body = jsonrpc.error(ident, jsonrpc.METHOD_NOT_FOUND, f"there is no method {method}")
        return (404 if modern else 200), body

    async def _tools_call(
        self, trial: OpenTrial, agent: str, ident: Any, params: dict[str, Any],
        modern: bool, raw: bytes, receive: Receive,
    ) -> tuple[int, bytes]:
        name, arguments = params.get("name"), params.get("arguments")
        arguments = {} if arguments is None else arguments
        if not (
            isinstance(name, str) and isinstance(arguments, dict) and _is_text(raw, params)
        ):
            return 400 if modern else 200, jsonrpc.error(
                ident, jsonrpc.INVALID_PARAMS, "tools/call needs a name and an object of arguments"
            )
        sink = trial.sink
        started = sink.now()
        running = self._running[sink.trial_id]
        task = asyncio.create_task(metered_call(trial, agent, name, arguments))
        running[task] = agent, ident
        status, body = 200, b""
        try:
            result = await watched(task, receive)
            result = result | {"resultType": "complete"} if modern else result
            body = _result(ident, jsonrpc.dumps(result))
        except asyncio.CancelledError:
            # Cancelled by close() or by the client, unless this very task is being cancelled.
            if not task.done():
                raise
            status, body = 404, jsonrpc.error(ident, jsonrpc.TRIAL_OVER, "the call was cancelled")
        finally:
            running.pop(task, None)
            sink.exchange("tool", agent, started, raw.decode(), body.decode())
        return status, body

    def _cancel(self, trial_id: str, agent: str, ident: Any) -> None:
        """Cancel the agent's call of that id.

        Without sessions two clients of one agent may use one id at a time; then neither is
        cancelled, since guessing could end the wrong one.
        """
        calls = [task for task, key in self._running[trial_id].items() if key == (agent, ident)]
        if len(calls) == 1:
            calls[0].cancel()


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _is_text(raw: bytes, value: Any) -> bool:
    """Tell whether every string of `value`, parsed from `raw`, can be written as UTF-8.

    Only an escape such as \\ud800 can give half of a surrogate pair.
    """
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return True
    try:
        jsonrpc.dumps(value)
    except ValueError:
        return False
    return True


def _refused(message: str) -> bytes:
    return jsonrpc.error(None, jsonrpc.INVALID_REQUEST, message)


def _unsupported(ident: Any, version: str) -> bytes:
    supported = [*HANDSHAKE_VERSIONS, MODERN_VERSION]
    return jsonrpc.error(
        ident, jsonrpc.UNSUPPORTED_VERSION, f"protocol version {version} is not supported",
        {"supported": supported, "requested": version},
    )


def _result(ident: Any, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (jsonrpc.dumps(ident), result)


def _initialized(params: dict[str, Any]) -> bytes:
    asked = params.get("protocolVersion")
    return jsonrpc.dumps({
        "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
        "capabilities": {"tools": {}}, "serverInfo": SERVER_INFO,
    })


_DISCOVERED = jsonrpc.dumps({
    "supportedVersions": [MODERN_VERSION], "capabilities": {"tools": {}},
    "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
    "_meta": {SERVER_INFO_META: SERVER_INFO},
})
