"""A third-party MCP server for the tests: answers, fails, blocks and crashes on demand.

Run with `exit` it says why on standard error and leaves before the handshake; run with a path it
writes its process id there.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

ANY = {"type": "object"}
TOOLS = [
    {"name": "echo", "description": "Give back the arguments.", "inputSchema": ANY},
    {"name": "secret", "description": "For nobody.", "inputSchema": ANY},
    {"name": "fail", "description": "Always an error.", "inputSchema": ANY},
    {"name": "block", "description": "Never answers.", "inputSchema": ANY},
    {"name": "crash", "description": "Ends the process.", "inputSchema": ANY},
    {"name": "cancelled", "description": "How many calls were cancelled.", "inputSchema": ANY},
    {"name": "environment", "description": "The process's variables.", "inputSchema": ANY},
    {"name": "add", "description": "Add.", "inputSchema": {
        "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"]}},
]
cancelled = 0


def text(value: str, is_error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value}], "isError": is_error}


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
    match name:
        case "fail":
            return text("the tool says no", True)
        case "add":
            if not all(isinstance(arguments.get(key), int) for key in "ab"):
                return text("a and b must be integers", True)
            return text(str(arguments["a"] + arguments["b"]))
        case "block":
            return None
        case "crash":
            print("about to crash", file=sys.stderr, flush=True)
            os._exit(3)
        case "cancelled":
            return text(str(cancelled))
        case "environment":
            return text(json.dumps(dict(os.environ)))
    return text(json.dumps(arguments, ensure_ascii=False))


def result(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    match method:
        case "initialize":
            return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                    "serverInfo": {"name": "tiny", "version": "1"}}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            return call(params["name"], params.get("arguments") or {})
    return {}


def main() -> None:
    global cancelled
    if sys.argv[1:] == ["exit"]:
        print(f"no licence {os.environ.get('LICENCE', '')} found", file=sys.stderr)
        sys.exit(7)
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(str(os.getpid()))
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if message["method"] == "notifications/cancelled":
            cancelled += 1
        if "id" in message:
            answer = result(message["method"], message.get("params") or {})
            if answer is not None:
                reply = {"jsonrpc": "2.0", "id": message["id"], "result": answer}
                print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
