"""Tools of the CrewAI adapter; imported by teams with tools alone, for MCP is dear to import."""

import json
from functools import lru_cache
from typing import Any

from crewai.tools import BaseTool
from crewai.utilities.pydantic_schema_utils import create_model_from_schema
from mcp.types import Tool
from pydantic import BaseModel, ConfigDict, Field

from agentdyno.runners._crewai_parts import Scope
from agentdyno.runners._crewai_session import Session
from agentdyno.runners._crewai_versions import tool_answer


class GatewayTool(BaseTool):
    """One tool of the agent's MCP session, called with the model's arguments as they are."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    scope: Scope = Field(exclude=True)
    session: Session = Field(exclude=True)
    tool: str

    def run(self, /, **arguments: Any) -> Any:
        """Skip the check against `args_schema`: it fills in nulls and makes dates of strings."""
        return self._run(**arguments)

    def _run(self, /, **arguments: Any) -> Any:
        return self.scope.result(self._call(arguments))

    async def _call(self, arguments: dict[str, Any]) -> Any:
        return tool_answer(self.tool, await self.session.call(self.tool, arguments))


def gateway_tool(tool: Tool, session: Session, scope: Scope) -> GatewayTool:
    """Return `tool` as CrewAI's own MCP client would describe it."""
    schema = _args_schema(tool.name, json.dumps(tool.inputSchema))
    return GatewayTool(
        name=tool.name, description=tool.description or "", args_schema=schema, tool=tool.name,
        session=session, scope=scope,
    )


@lru_cache(maxsize=512)
def _args_schema(name: str, schema: str) -> type[BaseModel]:
    """Build the class once for all trials: it costs 5 ms."""
    built: type[BaseModel] = create_model_from_schema(
        json.loads(schema), model_name=f"{name}Schema", enrich_descriptions=True
    )
    return built
