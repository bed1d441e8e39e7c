"""OpenAI Agents SDK 0.24 on openai 3 and mcp 2, over chat completions.

Who sees what. Where agents share `to_input_list()`, each sees the task and all texts, tool calls
and tool results before it, as one assistant's: the SDK gives them no names.
single       one `Agent`; `to_input_list()` carries the conversation between user turns.
pipeline     composed, the documented chain in code: the shared list so far.
round_robin  composed, in code: the shared list so far.
selector     composed: speakers as in round_robin; the selector sees its instructions and one
             message with the team, the task and all texts by name. Three attempts for a choice;
             nobody is asked where one candidate is left.
supervisor   `Agent.as_tool`: a worker sees the one task that it is given, nothing of the user, its
             colleagues or its own earlier tasks; the manager sees its text as tool result.
handoff      `Agent.handoffs`: the whole conversation, tool calls and handoffs too. The active agent
             persists.
reflection   composed, the documented judge loop: the critic sees the shared list; the writer the
             task, its own work and the critic's texts, each as a user's "Feedback: ...".
parallel     composed, the documented fan-out: agents see the task only; the synthesizer one user
             message with the task and every text by name, in the pattern's order.
dag          composed, in code: the shared list on one's own way through the graph; where branches
             meet, what each of them added, in the order of the edges.

Quirks held by the contract tests:
- An unknown tool raises ModelBehaviorError unless the run says that the model is to be told.
- After a tool call `tool_choice` falls back to its default unless the agent says otherwise.
- Calls of tools in one turn are sent one after the other: the SDK serialises an MCP session.
- The session's default timeout of 5 s would fail slow tools.
- Tracing exports to the network unless it is switched off before the first run.
- `max_turns` counts the calls of all agents of a run; with handoffs a hook keeps each one's own.
- A failed worker is "an error occurred" to its manager unless a function says what happened.
- A worker is streamed only when somebody listens.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.pattern import Selector
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting
from agentdyno.runners._openai_agents_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.parity import Deviations, parity_rows
from agentdyno.runners.teams import TeamPool
from agentdyno.runners.telling import Teller
from agentdyno.runners.turns import Turns

try:
    import httpx2

    from agentdyno.runners._openai_agents_chat import (
        ATTEMPTS,
        reflection,
        round_robin,
        selector,
        single,
    )
    from agentdyno.runners._openai_agents_control import handoff, supervisor
    from agentdyno.runners._openai_agents_graph import dag, parallel, pipeline
    from agentdyno.runners._openai_agents_hooks import TooManyHandoffs
    from agentdyno.runners._openai_agents_team import TLS, Desk, Team
    from agents import MaxTurnsExceeded, set_tracing_disabled
except ImportError as error:
    raise EnvironmentFault(
        f"the runner openai_agents needs packages that this Python does not have: {error}.",
        "agentdyno env sync openai_agents",
    ) from error

set_tracing_disabled(True)

_EMPTY = Setting(
    name="empty_answers", requested="kept", effective="left out",
    note="a later request does not show an empty answer, so two user turns stand together",
)
_NAMELESS = Setting(
    name="speaker_names", requested="each text by its agent", effective="none",
    note="a shared list of items shows everything as one assistant's",
)
_PROMPT = Setting(
    name="selector_prompt", requested="instructions",
    effective="instructions, then the adapter's own prompt, as a user message",
    note="the SDK has no selector; the prompt names the team and asks for a name",
)
_FEEDBACK = Setting(
    name="critics_text", requested="as given", effective="Feedback: and the text",
    note="the SDK's documented judge loop gives it back as a user message",
)
_JOINED = Setting(
    name="synthesis_prompt", requested="the task and every text",
    effective="one user message with the task and each text under its agent's name",
    note="the SDK's documented fan-out puts them into one prompt",
)
_TEAM_ROWS = {
    "pipeline": (_NAMELESS,), "round_robin": (_NAMELESS,), "selector": (_NAMELESS, _PROMPT),
    "handoff": (_NAMELESS,), "dag": (_NAMELESS,), "reflection": (_FEEDBACK,),
    "parallel": (_JOINED,),
}
"""What a pattern's form deviates in."""
_PLAYS: dict[str, Callable[[Desk, Any, str], Awaitable[str]]] = {
    "single": single, "pipeline": pipeline, "round_robin": round_robin, "selector": selector,
    "supervisor": supervisor, "handoff": handoff, "reflection": reflection,
    "parallel": parallel, "dag": dag,
}


def _deviations(assignment: Assignment) -> Callable[[AgentSpec], Deviations]:
    """Return what a pattern changes in the settings of one of its agents."""
    pattern = assignment.pattern

    def rows(spec: AgentSpec) -> Deviations:
        if not isinstance(pattern, Selector) or spec.name != pattern.selector:
            return {}
        return {"max_turns": (
            min(ATTEMPTS, spec.max_turns), "a selector is asked this often for one choice",
        )}

    return rows


class OpenAIAgentsRunner:
    """Runs teams as agents of the OpenAI Agents SDK."""

    name: ClassVar[str] = "openai_agents"
    packages: ClassVar[tuple[str, ...]] = ("openai-agents", "openai", "mcp")
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits, verify=TLS)
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        rows = _TEAM_ROWS.get(assignment.pattern.type, ())
        return parity_rows(assignment, _deviations(assignment), (_EMPTY, *rows))

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Have the team answer each user turn; a limit of the SDK's or the hooks' ends it."""
        play, note = _PLAYS[assignment.pattern.type], ""
        async with self._teams.lease(assignment) as team:
            desk = Desk(team, Teller(emit))
            team.hooks.begin(desk.tell)
            try:
                async for turn in turns:
                    team.hooks.begin_turn()
                    turns.answered(await play(desk, assignment.pattern, turn))
            except (MaxTurnsExceeded, TooManyHandoffs) as error:
                note = f"{type(error).__name__}: {error}"
        return Answer(
            texts=turns.answers, usage=desk.usage, stopped_by_limit=bool(note), note=note
        )

    async def close(self) -> None:
        """Close idle teams and the shared HTTP client."""
        await self._teams.close()
        await self._http.aclose()

    async def _build(self, assignment: Assignment) -> Team:
        return Team(assignment, self._http)
