"""What a scenario, an arrangement or a variant changes in an agent."""

from typing import Literal

from pydantic import Field

from agentdyno.core.approval import ToolReference
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name, Risk


class AgentOverride(Noun):
    """What a scenario or a variant changes in an agent; keys that are absent change nothing."""

    extends: Name | None = None
    """Archetype to start from; without one, role, goal and instructions are required."""
    role: str | None = Field(default=None, min_length=1)
    """Who the agent is, in a few words; a Jinja template over the variables."""
    goal: str | None = Field(default=None, min_length=1)
    """What the agent is there to achieve; a Jinja template over the variables."""
    instructions: str | None = Field(default=None, min_length=1)
    """System prompt in place of the archetype's; a Jinja template over the variables."""
    append: str | None = Field(default=None, min_length=1)
    """Text added at the end of the system prompt; a Jinja template over the variables."""
    tools: tuple[ToolReference, ...] | None = None
    """Tools in place of the archetype's."""
    memory: Literal["none", "read", "read_write"] | None = None
    """Which of memory_search and memory_write the agent is given."""
    model: str | None = Field(default=None, min_length=1)
    """Model alias."""
    temperature: float | None = Field(default=None, ge=0.0, le=2.0)
    """Sampling temperature; null leaves the provider's default."""
    tool_choice: Literal["auto", "required", "none"] | None = None
    """OpenAI `tool_choice` asked for on every call that offers tools."""
    parallel_tool_calls: bool | None = None
    """Whether the model may ask for several tools in one turn."""
    max_turns: int | None = Field(default=None, ge=1, le=1000)
    """Model calls the agent may make for one user turn."""
    risk_threshold: Risk | None = None
    """Highest tool risk that the agent may use without an approval."""
