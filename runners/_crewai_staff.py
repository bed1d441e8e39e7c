"""The agents of one trial of the CrewAI adapter, each with a model client of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from crewai import Agent
from crewai.tools import BaseTool
from openai import DefaultAsyncHttpxClient

from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Assignment, Usage
from agentdyno.runners import _crewai_versions as release
from agentdyno.runners._crewai_parts import GatewayLLM, Scope, Sessions
from agentdyno.runners.parity import own_retries
from agentdyno.runners.telling import Teller

if TYPE_CHECKING:
    from agentdyno.runners._crewai_tools import GatewayTool


class Staff:
    """Hires a trial's agents, and counts what their models say that they used."""

    def __init__(
        self, assignment: Assignment, sessions: Sessions, http: DefaultAsyncHttpxClient,
        scope: Scope,
    ) -> None:
        self._assignment = assignment
        self._http = http
        self._scope = scope
        self._tools = _tools(sessions, scope)
        self._models: dict[str, GatewayLLM] = {}

    def hire(self, name: str, *more: BaseTool, delegates: bool = False) -> Agent:
        """Return agent `name` with its own tools and `more`; each agent is hired once.

        `delegates` says that CrewAI will give it tools for that.
        """
        spec = self._assignment.agent(name)
        tools = [*self._tools.get(name, ()), *more]
        # OpenAI refuses the option where no tools are offered.
        options = {"parallel_tool_calls": spec.parallel_tool_calls} if tools or delegates else {}
        model = self._models[name] = self._model(spec, options)
        return _agent(spec, model, tools)

    def role(self, name: str) -> str:
        """Return who agent `name` is, in a few words."""
        return self._assignment.agent(name).role

    def begin(self, name: str) -> None:
        """Let agent `name` make `max_turns` model calls again: it gets to work."""
        self._models[name].begin()

    def usage(self) -> Usage:
        """Return what CrewAI counted, all agents together."""
        sums = [model.get_token_usage_summary() for model in self._models.values()]
        return Usage(
            requests=sum(one.successful_requests for one in sums),
            prompt_tokens=sum(one.prompt_tokens for one in sums),
            completion_tokens=sum(one.completion_tokens for one in sums),
        )

    def _model(self, spec: AgentSpec, options: dict[str, Any]) -> GatewayLLM:
        assignment = self._assignment
        model = GatewayLLM(
            **release.MODEL_OPTIONS, model=spec.model, api_key=assignment.token,
            base_url=assignment.endpoints[spec.name].model_base_url, temperature=spec.temperature,
            stream=assignment.stream, timeout=None, additional_params=options,
            max_turns=spec.max_turns, http=self._http, scope=self._scope,
            as_shipped=assignment.retries == "as-shipped", **own_retries(assignment),
        )
        model.is_o1_model = False
        return model


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a team is built of: its agents, and whom to tell."""

    staff: Staff
    teller: Teller


class Play(Protocol):
    """A team at work in one pattern."""

    async def ask(self, turn: str) -> str:
        """Return the team's answer to what the user says."""
        ...


class PatternLimitReached(Exception):
    """The team came to a limit of its pattern without an answer."""


def _tools(sessions: Sessions, scope: Scope) -> "dict[str, list[GatewayTool]]":
    if not sessions.open:
        return {}
    from agentdyno.runners._crewai_tools import gateway_tool

    return {
        name: [gateway_tool(tool, session, scope) for tool in listed]
        for name, (session, listed) in sessions.open.items()
    }


def _agent(spec: AgentSpec, model: GatewayLLM, tools: Sequence[BaseTool]) -> Agent:
    retries: dict[str, Any] = {} if model.as_shipped else {"max_retry_limit": 0}
    return Agent(
        role=spec.role, goal=spec.goal, backstory=spec.instructions, llm=model, tools=list(tools),
        max_iter=spec.max_turns, cache=False, allow_delegation=False, verbose=False, **retries,
    )
