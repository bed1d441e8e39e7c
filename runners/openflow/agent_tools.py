"""Agents as tools of another agent: OpenFlow's flowmodule tools of the kind aiagent.

The calling model gives the `user_message`, all other inputs come from the flow. The called agent
sees nothing else of the caller's conversation, and the caller nothing of its but the final text.
What fails inside is no failure of the step: the caller reads "Error running tool: ...".
"""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai import FunctionToolset, Tool
from pydantic_ai.toolsets import AbstractToolset

from agentdyno.core.errors import DynoError
from agentdyno.runners.openflow.attributes import ByModel
from agentdyno.runners.openflow.document import AgentTool, NestedAgent
from agentdyno.runners.openflow.happenings import Called, Observe, Returned, Wrote
from agentdyno.runners.openflow.outcome import Evaluate, StepError

Tools = AbstractToolset[None]
Work = Callable[[str, NestedAgent, dict[str, Any]], Awaitable[dict[str, Any]]]
"""Runs an agent by its id with its evaluated inputs; returns `{output, messages, usage}`."""

_NAME = re.compile(r"[a-zA-Z0-9_]+")


def text_of(output: Any) -> str:
    """Return an agent's output as text; JSON when it is of an output_schema."""
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class CalledAgents:
    """The agents that one agent may call."""

    caller: str
    """The calling agent's module."""
    tools: Sequence[AgentTool]
    """Its tools; those that are no agents are left out."""
    evaluate: Evaluate
    """Evaluates inputs where the caller stands in the flow."""
    work: Work
    observe: Observe

    def toolsets(self) -> list[Tools]:
        """Return the agents as tools.

        Raises:
            StepError: a tool's name cannot be offered to a model.
        """
        offered = [self._tool(tool, tool.value) for tool in self.tools
                   if isinstance(tool.value, NestedAgent)]
        return [FunctionToolset(offered)] if offered else []

    def _tool(self, tool: AgentTool, agent: NestedAgent) -> Tool[None]:
        if not _NAME.fullmatch(tool.summary):
            raise StepError(f"Invalid tool name: {tool.summary!r}", name="BadInput")
        asked = _from_model(agent)

        async def call(**given: Any) -> str:
            return await self._called(tool, agent, {name: given.get(name) for name in asked})

        return Tool.from_schema(call, tool.summary, tool.description or tool.summary, {
            "type": "object", "properties": {name: {"type": "string"} for name in asked},
            "required": asked, "additionalProperties": False,
        })

    async def _called(self, tool: AgentTool, agent: NestedAgent, given: dict[str, Any]) -> str:
        bound = {name: transform for name, transform in agent.input_transforms.items()
                 if not isinstance(transform, ByModel)}
        self.observe(Called(
            id=self.caller, tool=tool.id, message=text_of(given.get("user_message", ""))
        ))
        try:
            ended = await self.work(tool.id, agent, {**await self.evaluate(bound), **given})
        except DynoError:
            raise
        except Exception as error:  # the caller is told, as on Windmill
            failure = f"Error running tool: {str(error) or type(error).__name__}"
            self.observe(Returned(id=self.caller, tool=tool.id, error=failure))
            return failure
        text = text_of(ended["output"])
        self.observe(Wrote(id=tool.id, text=text, caller=self.caller))
        self.observe(Returned(id=self.caller, tool=tool.id))
        return text


def _from_model(agent: NestedAgent) -> list[str]:
    """Return the parameters that the model gives: `user_message`, unless the flow binds it."""
    bound = agent.input_transforms.get("user_message", ByModel(type="ai"))
    return ["user_message"] if isinstance(bound, ByModel) else []
