"""Trials of the contract suite: real gateways, real workers, a scripted model."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from agentdyno.core.event import Message, ModelCall, Step, ToolCall
from agentdyno.core.fault import FaultPlan
from agentdyno.core.pattern import Pipeline, Single
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits, ToolServer
from agentdyno.core.trial import Assignment, Retries, WorkerReport
from agentdyno.experiments.bench import Bench
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.replayer import Replayer
from agentdyno.models.faults import FaultyUpstream
from agentdyno.models.script import Script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import Upstream
from agentdyno.runners.pool import WorkerPool
from agentdyno.runners.turns import User
from agentdyno.tools.approvals import Approvals

HERE = Path(__file__).parent
ORDER: dict[str, Any] = {
    "item": "Stück “日本” \u2028 😀 \\ \"quoted\"", "count": -12, "price": 0.1, "gift": True,
    "note": None,
    "lines": [{"sku": "a", "parts": [1, 2.5, False, None, {"deep": {"deeper": [[]]}}]}, {}],
    "address": {"ü": {"empty": {}, "zero": 0, "text": ""}, "big": 9007199254740991},
}


def echo_server(*flags: str) -> dict[str, ToolServer]:
    """Return `mcpServers` with the suite's server, shared by all trials that give it no flags."""
    arguments = ("${scenario}/echo_server.py", *flags)
    scope = "trial" if flags else "run"
    return {"echo": ToolServer(command="${python}", args=arguments, scope=scope, timeout_s=60)}


NO_SERVER = {"echo": ToolServer(command="no-such-program", args=())}
Wrap = Callable[[Upstream, Sink], Upstream]


def _as_it_is(upstream: Upstream, _: Sink) -> Upstream:
    return upstream


_DEADLINE_S = 60.0
_numbers = count(1)


def agent(name: str, **changes: Any) -> AgentSpec:
    """Return an agent that may use every tool of the echo server."""
    fields: dict[str, Any] = {
        "name": name, "role": f"{name} of the suite", "goal": "do what the user says",
        "instructions": f"You are the {name}. Use tools where they help.", "tools": ("echo.*",),
    }
    return AgentSpec(**{**fields, **changes})


@dataclass(eq=False, kw_only=True)
class Run:
    """A trial that is running or over."""

    sink: Sink
    declared: list[Message | Step] = field(default_factory=list)
    ended: WorkerReport | None = None
    end_state: dict[str, Any] = field(default_factory=dict)
    replayer: Replayer | None = None

    @property
    def report(self) -> WorkerReport:
        """The worker's report."""
        assert self.ended is not None, "the trial is not over"
        return self.ended

    @property
    def texts(self) -> tuple[str, ...]:
        """The answers; fails with the runner's error when there are none."""
        assert self.report.answer is not None, self.report.error
        return self.report.answer.texts

    @property
    def model_calls(self) -> list[ModelCall]:
        """What the model gateway saw."""
        return [event for event in self.sink.events if isinstance(event, ModelCall)]

    @property
    def tool_calls(self) -> list[ToolCall]:
        """What the tool gateway saw."""
        return [event for event in self.sink.events if isinstance(event, ToolCall)]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Bodies of the model requests, as they stood on the wire."""
        return [json.loads(wire.request) for wire in self.sink.wire if wire.channel == "model"]


@dataclass(eq=False, kw_only=True)
class Lab:
    """Runs trials of one runner."""

    bench: Bench
    pool: WorkerPool
    script: Script

    async def run(self, *turns: str, **options: Any) -> Run:
        """Run one trial to its end; see `begin`."""
        run, task = await self.begin(*turns, **options)
        await task
        return run

    async def begin(
        self, *turns: str, agents: Sequence[AgentSpec] = (), stream: bool = False,
        upstream: Upstream | None = None, seed: Any = None, flags: Sequence[str] = (),
        retries: Retries = "uniform", user: User | None = None, replay: Cassette | None = None,
        faults: FaultPlan | None = None, chance: int = 0, wrap: Wrap = _as_it_is,
        approvals: Approvals | None = None, timeout_s: float = _DEADLINE_S,
    ) -> tuple[Run, "asyncio.Task[None]"]:
        """Start one trial: a single agent, or a pipeline of several.

        `upstream` replaces the scripted model, `seed` is awaited with the trial's id before,
        `flags` go to the echo server, and `user` is asked for what follows on `turns`. With
        `replay` that recording answers for models and tools, and no server could be started.
        `faults` are injected, drawn from the trial's seed `chance`, below what `wrap` puts around
        the model. Calls wait where `approvals` say so; that time is not in `timeout_s`.
        """
        team = tuple(agents) or (agent("solo"),)
        number = next(_numbers)
        limits = Limits(timeout_s=timeout_s)
        sink = Sink(trial_id=f"trial{number}", token=f"token-{number}", limits=limits,
                    seed=chance)
        if seed is not None:
            await seed(sink.trial_id)
        run = Run(sink=sink)
        if replay is not None:
            upstream = run.replayer = Replayer(replay, sink)
        upstream = upstream or ScriptedUpstream(self.script, chance)
        if faults is not None:
            upstream = wrap(FaultyUpstream(upstream, faults, sink), sink)
        self.bench.models.open(sink, team, upstream, retries=retries)
        await self.bench.tools.open(
            sink, team, NO_SERVER if replay else echo_server(*flags), HERE,
            recorded=replay.tools() if replay else None, faults=faults, approvals=approvals,
        )
        steps = tuple(spec.name for spec in team)
        assignment = Assignment(
            trial_id=sink.trial_id, token=sink.token, user_turns=turns, agents=team, stream=stream,
            pattern=Pipeline(steps=steps) if len(team) > 1 else Single(agent=steps[0]),
            endpoints={spec.name: self.bench.endpoint(sink.trial_id, spec) for spec in team},
            limits=limits, retries=retries, asks_user=user is not None,
        )
        return run, asyncio.create_task(self._finish(run, assignment, user))

    async def _finish(self, run: Run, assignment: Assignment, user: User | None) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                run.ended = await self.pool.run(
                    assignment, run.declared.append, user=user, clock=run.sink.clock
                )
        finally:
            self.bench.models.close(assignment.trial_id)
            run.end_state = await self.bench.tools.close(assignment.trial_id)
