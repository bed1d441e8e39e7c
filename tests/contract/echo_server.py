"""A small MCP server whose tools say back what they were given, or fail."""

import json
import sys
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("echo")


@server.tool()
def echo(payload: Any) -> str:
    """Say back any JSON value."""
    return json.dumps(payload, ensure_ascii=False)


@server.tool()
def order(
    item: str, count: int, price: float, gift: bool, note: str | None, lines: list[dict[str, Any]],
    address: dict[str, Any],
) -> str:
    """Say back an order with an argument of every JSON type."""
    return json.dumps([item, count, price, gift, note, lines, address], ensure_ascii=False)


@server.tool()
def fail(reason: str) -> str:
    """Fail for `reason`."""
    raise ToolError(f"cannot do it: {reason}")


if "--fresh" in sys.argv:
    @server.tool()
    def fresh() -> str:
        """Be there in some trials only."""
        return "fresh"


if __name__ == "__main__":
    server.run()
