"""Windmill: an OpenFlow document on our embedded engine, Pydantic AI 2.68 agents as its steps.

single    a flow of one aiagent step. It runs once for each user turn, with one memory id, and
          the step's memory window carries the conversation.
pipeline  native: aiagent steps in order; the message of each is a JavaScript transform of
          `flow_input.task` and of `results.<step>.output` of the steps before it.

Quirks held by the contract tests:
- The semantics are Windmill's, the code is ours: no Windmill server takes part.
- The document holds no address and no token: both stand in resources, `$res:f/agentdyno/...`.
- A tool that fails does not fail the step: the model reads "MCP tool error: ...". An unknown tool
  or arguments that are not JSON fail it, as they do on Windmill.
- Tool calls in the last iteration fail the step, which here ends the trial at its turn limit.
- `tool_choice` is no input of Windmill's aiagent. It is written only when it is not "auto".
- A model name that Pydantic AI takes for a reasoning model makes it drop `temperature`.
"""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.event import Message, Step
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._windmill_patterns import TEAMWORK
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.generate import model_path, step_agents
from agentdyno.runners.openflow.javascript import JavascriptEvaluator, installed_engine
from agentdyno.runners.openflow.outcome import FlowResult, StepRecord
from agentdyno.runners.parity import Deviations, parity_rows
from agentdyno.runners.teams import TeamPool
from agentdyno.runners.turns import Turns

try:
    import httpx2
    from pydantic_ai.profiles.openai import openai_model_profile

    from agentdyno.runners._windmill_team import Team
    from agentdyno.runners.openflow.agent_step import AgentSteps, MaxIterations
except ImportError as error:
    raise EnvironmentFault(
        f"the runner windmill needs packages that this Python does not have: {error}.",
        "agentdyno env sync windmill",
    ) from error


_TEXTS = (
    Setting(
        name="message_texts", requested="as given", effective="instructions stripped",
        note="white space around the system prompt is dropped",
    ),
    Setting(
        name="empty_answers", requested="kept", effective="left out",
        note="a later request does not show an empty answer, so two user turns stand together",
    ),
)


def _resources(assignment: Assignment) -> dict[str, Any]:
    """Return what the references of the document stand for in this trial."""
    return {
        f"$res:{model_path(name)}": {
            "base_url": assignment.endpoints[name].model_base_url, "api_key": assignment.token,
        }
        for name in pattern_agents(assignment.pattern)
    }


@dataclass(kw_only=True)
class _Trial:
    """Declares what happens in one trial."""

    emit: Emit
    agents: dict[str, str]
    zero: float

    def step(self, record: StepRecord) -> None:
        """Declare a module that ended."""
        self.emit(Step(
            agent=self.agents.get(record.id, ""), name=f"{record.kind}:{record.id}",
            started_s=record.started - self.zero, ended_s=record.ended - self.zero,
        ))

    def wrote(self, step_id: str, text: str) -> None:
        """Declare what an agent wrote."""
        now = time.perf_counter() - self.zero
        self.emit(Message(agent=self.agents[step_id], started_s=now, ended_s=now, text=text))


class WindmillRunner:
    """Runs teams as OpenFlow documents."""

    name: ClassVar[str] = "windmill"
    packages: ClassVar[tuple[str, ...]] = (
        "pydantic-ai-slim", "pydantic-graph", "fastmcp-slim", "openai", "mcp", installed_engine(),
    )
    patterns: ClassVar[Mapping[str, Support]] = TEAMWORK.patterns

    def __init__(self) -> None:
        self._tls = ssl.create_default_context()
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx2.AsyncClient(timeout=None, limits=limits, verify=self._tls)
        self._javascript = JavascriptEvaluator()
        self._teams = TeamPool(self._build)

    def parity(self, assignment: Assignment) -> tuple[Setting, ...]:
        """Return requested and effective settings."""
        return parity_rows(assignment, _deviations, _TEXTS)

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Run the flow once for each user turn."""
        trial = _Trial(
            emit=emit, agents=step_agents(assignment.pattern), zero=time.perf_counter()
        )
        note = ""
        async with self._teams.lease(assignment) as team:
            steps = AgentSteps(
                connections=team, memory_id=assignment.trial_id, finished=trial.wrote
            )
            engine = FlowEngine(
                executor=steps, evaluator=self._javascript, references=_resources(assignment),
                observe=trial.step,
            )
            async for turn in turns:
                ended = await engine.run(team.flow, {"task": turn})
                if isinstance(ended.cause, MaxIterations):
                    note = str(ended.cause)
                    break
                turns.answered(_text(ended))
        usage = Usage(
            requests=steps.usage.requests, prompt_tokens=steps.usage.input_tokens,
            completion_tokens=steps.usage.output_tokens,
        )
        return Answer(texts=turns.answers, usage=usage, stopped_by_limit=bool(note), note=note)

    async def close(self) -> None:
        """Close idle sessions, the shared HTTP client and the JavaScript process."""
        await self._teams.close()
        await self._http.aclose()
        await self._javascript.close()

    async def _build(self, assignment: Assignment) -> Team:
        return Team(assignment, self._http, self._tls)


def _text(ended: FlowResult) -> str:
    """Return the answer of a flow that ended well; raises what made it fail."""
    if ended.cause is not None:
        raise ended.cause
    return str(ended.value["output"])


def _deviations(spec: AgentSpec) -> Deviations:
    found: dict[str, tuple[Any, str]] = {}
    if spec.tool_choice != "auto":
        found["tool_choice"] = (
            spec.tool_choice, "an input of this engine's aiagent; Windmill's own has none"
        )
    profile = openai_model_profile(spec.model)
    thinks = profile.get("openai_supports_reasoning") and profile.get("thinking_enabled_by_default")
    if spec.temperature is not None and thinks:
        found["temperature"] = (None, f"the name {spec.model!r} is that of a reasoning model")
    return found
