"""Calls a user's function in a process of its own: `PYTHON _call.py MODULE:FUNCTION`.

Runs under the user's interpreter, so it needs the standard library alone.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trial:
    """What a function may want to know beside the task."""

    id: str
    base_url: str
    """OpenAI-compatible base URL; also in OPENAI_BASE_URL."""
    api_key: str
    """For the base URL and, as a bearer token, for MCP; also in OPENAI_API_KEY."""
    model: str
    """Model alias to ask for."""
    mcp_url: "str | None"
    """Streamable-HTTP MCP address; None when the agent has no tools."""
    history: "list[dict[str, str]]"
    """The turns before this one, as chat messages."""
    agents: "dict[str, dict[str, object]]"
    """Role, goal, instructions and addresses of every agent of the scenario, by name."""


def main() -> None:
    """Call the function with the task and leave its answer where the harness reads it."""
    module, _, name = sys.argv[1].partition(":")
    environ = os.environ
    sys.path.insert(0, os.getcwd())
    function = getattr(importlib.import_module(module), name)
    trial = Trial(
        id=environ["AGENTDYNO_TRIAL"], base_url=environ["OPENAI_BASE_URL"],
        api_key=environ["OPENAI_API_KEY"], model=environ["AGENTDYNO_MODEL"],
        mcp_url=environ.get("AGENTDYNO_MCP_URL"),
        history=json.loads(environ["AGENTDYNO_HISTORY"]),
        agents=json.loads(environ["AGENTDYNO_AGENTS"]),
    )
    takes_trial = len(inspect.signature(function).parameters) > 1
    task = environ["AGENTDYNO_TASK"]
    answer = function(task, trial) if takes_trial else function(task)
    if inspect.isawaitable(answer):
        answer = asyncio.run(_awaited(answer))
    Path(environ["AGENTDYNO_ANSWER_FILE"]).write_text(str(answer), encoding="utf-8")


async def _awaited(answer: object) -> object:
    return await answer  # type: ignore[misc]


if __name__ == "__main__":
    main()
