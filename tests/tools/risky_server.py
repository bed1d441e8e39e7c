"""An MCP server whose tools say of themselves how risky they are; it counts what was done."""

import json
import sys
from typing import Any

_AMOUNT = {
    "type": "object", "properties": {"amount": {"type": "integer"}, "to": {"type": "string"}},
    "required": ["amount"],
}
_DONE = {"type": "object", "properties": {"paid": {"type": "integer"}}, "required": ["paid"]}


def tool(name: str, hints: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    described = {"name": name, "description": f"Does {name}.", "inputSchema": _AMOUNT, **more}
    return described if hints is None else {**described, "annotations": hints}


TOOLS = [
    tool("look", {"readOnlyHint": True}),
    tool("write", {"readOnlyHint": False}),
    tool("pay", {"readOnlyHint": False, "destructiveHint": True}, outputSchema=_DONE),
    tool("silent", None),
]
STATE = "state://trial"
paid: list[Any] = []


def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    paid.append([name, arguments])
    done = {"paid": arguments.get("amount")}
    text = {"type": "text", "text": json.dumps(done)}
    return {"content": [text], "structuredContent": done, "isError": False}


def result(method: str, params: dict[str, Any]) -> dict[str, Any]:
    match method:
        case "initialize":
            return {"protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {}, "resources": {}},
                    "serverInfo": {"name": "risky", "version": "1"}}
        case "tools/list":
            return {"tools": TOOLS}
        case "tools/call":
            return call(params["name"], params.get("arguments") or {})
        case "resources/list":
            return {"resources": [{"uri": STATE, "name": "state"}]}
        case "resources/read":
            return {"contents": [{"uri": STATE, "text": json.dumps(paid)}]}
    return {}


def main() -> None:
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" in message:
            reply = result(message["method"], message.get("params") or {})
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": reply}), flush=True)


if __name__ == "__main__":
    main()
