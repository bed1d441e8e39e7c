"""Windmill: an OpenFlow document on our embedded engine, Pydantic AI 2.68 agents as its steps.

Who sees what, by pattern. What one agent knows of another one is a JavaScript transform of
`results.<step>.output`, its final text: never its tool calls, results or instructions.

single       native: a flow of one aiagent step. It runs once for each user turn, with one memory
             id, and the step's memory window carries the conversation.
pipeline     native: aiagent steps in order; each reads the task and the texts of all before it.
parallel     native: branchall, a branch per agent. Each reads the task alone; the synthesizer's
             step after it reads the task and every text, by name, in the pattern's order.
dag          native: branchall for what runs side by side, branchone for branches, whileloopflow
             for loops. An agent reads the task and the texts of the agents before it that worked,
             not of those beside it; when a loop comes back to it, the texts of the others in the
             loop, while its memory holds what it read and wrote before.
reflection   native: a whileloopflow over writer and critic, ended by the critic's stop_after_if.
             Both read the task once, then only what the other one wrote last; each remembers.
supervisor   native: the workers are aiagent tools of the manager's step. A worker reads nothing
             but the `user_message` that the manager's model writes, and remembers nothing; the
             manager reads its final text.
round_robin  composed: a whileloopflow over one aiagent step per speaker. Each reads the task once,
             then what the others said since it last spoke; each remembers.
selector     composed: a whileloopflow whose inner loop asks the selector's aiagent step for a name,
             three times at most (then the flow fails and says so), a branchone that leads to the
             speaker, and a script that keeps the transcript. The selector reads the task and each
             text; a speaker the task, then all that was said since it last spoke.
handoff      unsupported: no OpenFlow construct lets an agent pass its conversation on.

Quirks held by the contract tests:
- The semantics are Windmill's, the code is ours: no Windmill server takes part.
- The document holds no address and no token: both stand in resources, `$res:f/agentdyno/...`.
- A tool that fails does not fail the step: the model reads "MCP tool error: ..."; a worker that
  fails, or comes to its turn limit, "Error running tool: ...". An unknown tool or arguments that
  are not JSON fail the step, as they do on Windmill.
- What a manager reads of a worker is the worker's text. Windmill's own form of it is not published.
- Tool calls in the last iteration fail the step, which here ends the trial at its turn limit.
- `tool_choice` is no input of Windmill's aiagent. It is written only when it is not "auto".
- A model name that Pydantic AI takes for a reasoning model makes it drop `temperature`.
"""

import ssl
from collections.abc import Mapping
from typing import Any, ClassVar

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.pattern import pattern_agents
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Setting, Usage
from agentdyno.runners._windmill_parity import team_rows
from agentdyno.runners._windmill_patterns import TEAMWORK
from agentdyno.runners._windmill_telling import Watcher
from agentdyno.runners.base import Emit, Support
from agentdyno.runners.openflow.engine import FlowEngine
from agentdyno.runners.openflow.generate_parts import model_path
from agentdyno.runners.openflow.javascript import JavascriptEvaluator, installed_engine
from agentdyno.runners.openflow.outcome import FlowResult
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


def _resources(assignment: Assignment) -> dict[str, Any]:
    """Return what the references of the document stand for in this trial."""
    return {
        f"$res:{model_path(name)}": {
            "base_url": assignment.endpoints[name].model_base_url, "api_key": assignment.token,
        }
        for name in pattern_agents(assignment.pattern)
    }


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
        return parity_rows(assignment, _deviations, team_rows(assignment))

    async def run(self, assignment: Assignment, emit: Emit, turns: Turns) -> Answer:
        """Run the flow once for each user turn."""
        note = ""
        async with self._teams.lease(assignment) as team:
            watcher = Watcher(emit, team.plan)
            steps = AgentSteps(
                connections=team, memory_id=assignment.trial_id, observe=watcher
            )
            engine = FlowEngine(
                executor=steps, evaluator=self._javascript, references=_resources(assignment),
                observe=watcher,
            )
            async for turn in turns:
                ended = await engine.run(team.flow, {"task": turn})
                if isinstance(ended.cause, MaxIterations):
                    note = str(ended.cause)
                    break
                turns.answered(_text(ended, team.plan.answer))
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


def _text(ended: FlowResult, answer: str | None) -> str:
    """Return the output of module `answer`, or of the last one that worked; raises what made the
    flow fail."""
    if ended.cause is not None:
        raise ended.cause
    value = ended.value if answer is None else ended.results[answer]
    while isinstance(value, list):  # a loop's result: one value per iteration
        value = value[-1]
    return str(value["output"])


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
