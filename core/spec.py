"""What is asked for: agents, patterns, tool servers, limits. All of it framework-neutral."""

from typing import Annotated, Any, Literal

from pydantic import Field

from agentdyno.core.noun import Noun

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
"""A lower-case identifier: letters, digits and underscores, at most 48 characters."""

Risk = Literal["low", "medium", "high"]


class AgentSpec(Noun):
    """Framework-neutral definition of one agent, with every template already rendered."""

    name: Name
    """Identifier on the wire and in every table."""
    role: str = Field(min_length=1)
    """Who the agent is, in a few words (CrewAI's `role`)."""
    goal: str = Field(min_length=1)
    """What the agent is there to achieve, in one sentence."""
    instructions: str = Field(min_length=1)
    """The system prompt, as Markdown."""
    tools: tuple[str, ...] = ()
    """Tools the agent may use, as `server.tool` or `server.*`."""
    memory: Literal["none", "read", "read_write"] = "none"
    """Which of memory_search and memory_write the agent is given."""
    model: str = "default"
    """Model alias; the gateway maps it to a real model."""
    temperature: float | None = Field(default=0.0, ge=0.0, le=2.0)
    """Sampling temperature; null leaves the provider's default."""
    tool_choice: Literal["auto", "required", "none"] = "auto"
    """OpenAI `tool_choice` asked for on every call that offers tools."""
    parallel_tool_calls: bool = True
    """Whether the model may ask for several tools in one turn."""
    max_turns: int = Field(default=10, ge=1, le=1000)
    """Model calls the agent may make for one user turn."""
    risk_threshold: Risk = "medium"
    """Highest tool risk that the agent may use without an approval."""
    report_missing_tools: bool = False
    """Whether the agent is given `report_missing_tool`; the scenario says so for all of them."""


class ToolServer(Noun):
    """One entry of `mcpServers`, in the form that MCP clients share, plus three keys of ours."""

    command: str | None = None
    """Program of a stdio server; `${python}` is the harness's own interpreter."""
    args: tuple[str, ...] = ()
    """Arguments of a stdio server; `${scenario}` is the scenario's folder, `${cache}` agentdyno's
    cache, `${locked:NAME}` the program of a server that agentdyno has a lock of."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables added for a stdio server; `${env:NAME}` reads the harness's own."""
    cwd: str | None = None
    """Working folder of a stdio server."""
    type: Literal["stdio", "http", "streamable-http"] | None = None
    """Transport; told from `command` or `url` when absent."""
    url: str | None = None
    """Address of a streamable-HTTP server."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers sent to a streamable-HTTP server."""
    bundled: Literal[
        "market", "docs", "calculator", "mailbox", "notes", "recorded", "helpdesk", "ops"
    ] | None = None
    """Shorthand for one of agentdyno's own servers; takes `args` and `env`."""
    scope: Literal["trial", "run"] | None = None
    """`trial` starts one server per trial, `run` shares one among all trials of a run.
    Default: `run` for bundled servers (they keep each trial's state apart), else `trial`."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Seconds that one tool call may take."""


class Limits(Noun):
    """Bounds of one trial; overrunning one ends it with outcome `limit`."""

    timeout_s: float = Field(default=120.0, gt=0)
    """Wall seconds for the whole trial."""
    max_model_calls: int = Field(default=50, ge=1)
    """Model calls of all agents together; the gateway refuses the next one."""
    max_tool_calls: int = Field(default=100, ge=0)
    """Tool calls of all agents together; the gateway refuses the next one."""


class MemoryItem(Noun):
    """One text that a trial's memory is seeded with."""

    text: str = Field(min_length=1)
    """What is remembered."""
    metadata: dict[str, Any] = Field(default_factory=dict)
    """JSON object stored beside the text."""
