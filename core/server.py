"""Tool servers that live in the harness process itself (memory), behind the same tool gateway."""

from typing import Any, Protocol

from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec


class LocalServer(Protocol):
    """An in-process stand-in for an MCP server; the tool gateway meters it like any other."""

    def tools(self, agent: AgentSpec) -> tuple[dict[str, Any], ...]:
        """Return the MCP tool objects (name, description, inputSchema) that `agent` is given."""
        ...

    async def call(
        self, sink: Sink, agent: str, tool: str, arguments: dict[str, Any]
    ) -> tuple[str, bool]:
        """Run one call; returns the text for the agent and whether it is an error."""
        ...
