"""Pydantic AI 2.68 with pydantic-graph, and its MCPToolset on FastMCP 4.

single    one `Agent`; `message_history` carries the conversation from one user turn to the next.
pipeline, supervisor, handoff     programmatic hand-off, agent delegation and output functions, see
                                  `_pydantic_ai_control.py`.
round_robin, selector             composed of runs in code, see `_pydantic_ai_chat.py`.
reflection, parallel, dag         `GraphBuilder`, see `_pydantic_ai_graphs.py`.

Quirks held by the contract tests:
- Tool errors are given to the model as failed results. The default, a retry, would end the run at
  the second error of a tool. A second unknown tool still would, but for a retry for each turn.
- An empty answer is asked for again once. Zero retries would make it an error, as nowhere else.
- `tool_choice="required"` is refused as a fixed setting; a function of the run may return it.
- A model name that it takes for a reasoning model ("o3", "gpt-5...") makes it drop `temperature`.
- FastMCP takes an address with "/sse" in its path for the old transport, so a toolset is built on
  an address without names, and each request finds its trial by the door.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.pattern import Selector
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._pydantic_ai_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import Deviations, parity_rows
from agentdyno.runners.teams import TeamPool
from agentdyno.runners.telling import Teller
from agentdyno.runners.turns import Turns

try:
    import httpx2
    from pydantic_ai import RunUsage
    from pydantic_ai.exceptions import UsageLimitExceeded
    from pydantic_ai.profiles.openai import openai_model_profile

    from agentdyno.runners import _pydantic_ai_chat as chat
    from agentdyno.runners import _pydantic_ai_control as control
    from agentdyno.runners import _pydantic_ai_graphs as graphs
    from agentdyno.runners._pydantic_ai_team import Equipment, Talk, Team
except ImportError as error:
    raise EnvironmentFault(
        f"the runner pydantic_ai needs packages that this Python does not have: {error}.",
        "agentdyno env sync pydantic_ai",
    ) from error

_TURNS: Mapping[str, Callable[[Team, Talk, str], Awaitable[str]]] = {
    "single": control.single,
    "pipeline": control.pipeline,
    "round_robin": chat.round_robin,
    "selector": chat.selector,
    "supervisor": control.supervisor,
    "handoff": control.handoff,
    "reflection": graphs.reflection,
    "parallel": graphs.parallel,
    "dag": graphs.dag,
}
"""How a team of each pattern answers one user turn."""
_LIMITS = (UsageLimitExceeded, control.HandoffLimit)
"""What is raised when a limit of turns is met."""
_OUTPUT = Setting(
    name="output_retries", requested=0, effective=1,
    note="an empty answer is asked for again once; with 0 it would be an error",
)
_TOOLS = Setting(
    name="tool_retries", requested=None, effective=1,
    note="a tool that fails is called again with a prompt to mend it, and ends the run at its"
    " second failure",
)
_TEXTS = (
    Setting(
        name="message_texts", requested="as given", effective="instructions stripped",
        note="white space around the instructions is dropped",
    ),
    Setting(
        name="empty_answers", requested="an answer", effective="an error",
        note="Pydantic AI asks again, and ends the run with UnexpectedModelBehavior",
    ),
)
_HEARING = Setting(
    name="others.prompt", requested="texts of the others", effective=chat.OTHERS,
    note="agents have histories of their own, so what the others said comes as a prompt",
)
_ROWS = {"uniform": (_OUTPUT, *_TEXTS), "as-shipped": (_OUTPUT, _TOOLS, *_TEXTS)}


class PydanticAIRunner:
    """Runs teams as Pydantic AI agents."""

    name: ClassVar[str] = "pydantic_ai"
    packages: ClassVar[tuple[str, ...]] = (
        "pydantic-ai-slim", "pydantic-graph", "fastmcp-slim", "openai", "mcp",
    )
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits)
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        pattern = assignment.pattern
        chooser = pattern.selector if isinstance(pattern, Selector) else None
        rows = (*_ROWS[assignment.retries], *_team_rows(assignment))
        return parity_rows(assignment, lambda spec: _deviations(spec, chooser), rows)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Have the team answer each user turn in its pattern's way."""
        talk = Talk(teller=Teller(emit), stream=assignment.stream)
        note = ""
        async with self._teams.lease(assignment) as team:
            try:
                async for turn in turns:
                    turns.answered(await _TURNS[assignment.pattern.type](team, talk, turn))
            except _LIMITS as error:
                note = f"{type(error).__name__}: {error}"
        return Answer(
            texts=turns.answers, usage=_usage(talk.spent), stopped_by_limit=bool(note), note=note
        )

    async def close(self) -> None:
        """Close idle teams and the shared HTTP client."""
        await self._teams.close()
        await self._http.aclose()

    async def _build(self, assignment: Assignment) -> Team:
        return Team(assignment, self._http, _equip)


def _equip(team: Team, name: str) -> Equipment:
    match team.pattern.type:
        case "supervisor":
            return control.manager(team, name)
        case "handoff":
            return control.passing(team, name)
        case "selector":
            return chat.equip(team, name)
    return Equipment()


def _team_rows(assignment: Assignment) -> tuple[Setting, ...]:
    pattern = assignment.pattern
    if pattern.type in ("round_robin", "reflection", "parallel", "dag"):
        return (_HEARING,)
    if not isinstance(pattern, Selector):
        return ()
    prompt = Setting(
        name=f"{pattern.selector}.prompt", requested="", effective=chat.SELECT,
        note="Pydantic AI has no prompt of its own for this; the answer is an output tool's",
    )
    if assignment.retries == "as-shipped":
        return _HEARING, prompt
    return _HEARING, prompt, Setting(
        name=f"{pattern.selector}.output_retries", requested=0, effective=chat.RETRIES,
        note="a selector that names nobody is asked three times in all",
    )


@cache
def _reasons(model: str) -> bool:
    """Return whether a model of this name would be sent no sampling settings."""
    profile = openai_model_profile(model)
    return bool(
        profile.get("openai_supports_reasoning") and profile.get("thinking_enabled_by_default")
    )


def _deviations(spec: AgentSpec, chooser: str | None) -> Deviations:
    found: dict[str, tuple[Any, str]] = {}
    if spec.temperature is not None and _reasons(spec.model):
        found["temperature"] = (None, f"the name {spec.model!r} is that of a reasoning model")
    if spec.name == chooser and spec.tool_choice != "required":
        found["tool_choice"] = ("required", "the choice is an output tool, which must be called")
    return found


def _usage(spent: list[RunUsage]) -> Usage:
    return Usage(
        requests=sum(usage.requests for usage in spent),
        prompt_tokens=sum(usage.input_tokens for usage in spent),
        completion_tokens=sum(usage.output_tokens for usage in spent),
    )
