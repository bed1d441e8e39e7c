"""The leanest runner there is, on the real bench: both gateways over HTTP, real servers, approvals.

What `lean.py` leaves out (a tool gateway, servers in processes of their own, people who approve) is
here. What an agent sees of the others differs by framework, so a team is played in three ways.
"""

import asyncio
import itertools
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp

from agentdyno.core.approval import ApproverKind
from agentdyno.core.event import WireRecord
from agentdyno.core.fault import FaultPlan, ToolFault
from agentdyno.core.graph import Choice, Flow, Fork, Loop, Node, structure
from agentdyno.core.pattern import Dag, Pipeline, Single
from agentdyno.core.settings import RunOptions
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Assignment, Trial, TrialKey, WorkerReport
from agentdyno.experiments.approving import Approving
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.execute import Executor
from agentdyno.experiments.lockedserver import make_locked
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.experiments.sources import Sources
from agentdyno.memory.server import MemoryServer
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.script import load_script
from agentdyno.runners.pool import TrialHost
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.support import TeamWork
from agentdyno.scenarios.loader import find_scenario, load_scenario
from agentdyno.tools.gateway import ToolGateway

Json = dict[str, Any]
Sight = Literal["texts", "own", "all"]
"""What an agent is shown: `texts`, the task and what came just before; `own`, every text and its
own earlier calls; `all`, everybody's calls too."""
_numbers = itertools.count(1)


class Team:
    """One trial's team at work."""

    def __init__(
        self, http: aiohttp.ClientSession, assignment: Assignment, sight: Sight, parallel: bool
    ) -> None:
        self._http, self._assignment, self._sight = http, assignment, sight
        self._parallel = parallel
        self._log: list[tuple[str, list[Json]]] = []
        self.texts: list[str] = []

    async def user(self, text: str) -> None:
        """Let the team answer one user turn."""
        self._log.append(("user", [{"role": "user", "content": text}]))
        match self._assignment.pattern:
            case Single(agent=agent):
                [said] = await self._flow((Node(agent=agent),), [])
            case Pipeline(steps=steps):
                [said] = await self._flow(tuple(Node(agent=agent) for agent in steps), [])
            case Dag() as dag:
                [said] = await self._flow(structure(dag), [])
            case pattern:
                raise NotImplementedError(pattern.type)
        self.texts.append(said)

    async def _flow(self, flow: Flow, before: Sequence[str]) -> list[str]:
        """Let the parts of a flow work; returns the texts that come out of it."""
        said = list(before)
        for part in flow:
            match part:
                case Node(agent=agent):
                    said = [await self._work(self._assignment.agent(agent), said)]
                case Fork(branches=branches):
                    ends = await asyncio.gather(*(self._flow(one, said) for one in branches))
                    said = [text for texts in ends for text in texts]
                case Choice(options=options, otherwise=otherwise):
                    taken = next((o.flow for o in options if o.when in said[-1]), otherwise)
                    said = await self._flow(taken, said)
                case Loop(body=body, when=when, max=most):
                    said = await self._flow(body, said)
                    for _ in range(most):
                        if when not in said[-1]:
                            break
                        said = await self._flow(body, said)
        return said

    def _shown(self, agent: AgentSpec, before: Sequence[str]) -> list[Json]:
        shown: list[Json] = [{"role": "system", "content": agent.instructions}]
        if self._sight == "texts" and not isinstance(self._assignment.pattern, Single):
            task = self._log[-1 if not before else 0][1][0]["content"]
            return [*shown, {"role": "user", "content": "\n\n".join([task, *before])}]
        for who, messages in self._log:
            if who in ("user", agent.name) or self._sight == "all":
                shown += messages
            else:
                shown.append({"role": "user", "name": who, "content": messages[-1]["content"]})
        return shown

    async def _work(self, agent: AgentSpec, before: Sequence[str]) -> str:
        messages = self._shown(agent, before)
        began = len(messages)
        offers = [
            {"type": "function", "function": {
                "name": tool["name"], "description": tool.get("description", ""),
                "parameters": tool["inputSchema"],
            }} for tool in await self._tools(agent)
        ]
        for _ in range(agent.max_turns):
            said = await self._model(agent, messages, offers)
            messages.append(said)
            if not said.get("tool_calls"):
                self._log.append((agent.name, messages[began:]))
                return str(said["content"])
            for call in said["tool_calls"]:
                name, given = call["function"]["name"], json.loads(call["function"]["arguments"])
                result = await self._mcp(agent, "tools/call", {"name": name, "arguments": given})
                text = "\n".join(block["text"] for block in result["content"])
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        raise RuntimeError(f"{agent.name} did not come to an end")

    async def _tools(self, agent: AgentSpec) -> list[Json]:
        if self._assignment.endpoints[agent.name].mcp_url is None:
            return []
        listed: list[Json] = (await self._mcp(agent, "tools/list", {}))["tools"]
        return listed

    async def _model(self, agent: AgentSpec, messages: list[Json], offers: list[Json]) -> Json:
        body: Json = {"model": "m", "messages": messages}
        if offers:
            body |= {"tools": offers, "parallel_tool_calls": self._parallel}
        url = f"{self._assignment.endpoints[agent.name].model_base_url}/chat/completions"
        async with self._http.post(url, json=body, headers=self._headers) as response:
            answer = await response.json()
            if response.status != 200:
                raise RuntimeError(answer["error"]["message"])
            message: Json = answer["choices"][0]["message"]
            return message

    async def _mcp(self, agent: AgentSpec, method: str, params: Json) -> Json:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {**self._headers, "mcp-protocol-version": "2025-11-25"}
        url = self._assignment.endpoints[agent.name].mcp_url
        assert url
        async with self._http.post(url, json=body, headers=headers) as response:
            result: Json = (await response.json())["result"]
            return result

    @property
    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._assignment.token}"}


class LeanHost:
    """A `TrialHost` in this process."""

    def __init__(self, sight: Sight, *, parallel: bool = True) -> None:
        self._sight, self._parallel = sight, parallel

    async def run(self, assignment: Assignment, *_: Any, **__: Any) -> WorkerReport:
        async with aiohttp.ClientSession() as http:
            team = Team(http, assignment, self._sight, self._parallel)
            try:
                for turn in assignment.user_turns:
                    await team.user(turn)
            except RuntimeError as error:
                return WorkerReport(ended="raised", error_type="RuntimeError", error=str(error))
        return WorkerReport(ended="returned", answer=Answer(texts=tuple(team.texts)))

    async def close(self) -> None:
        """Hold nothing."""


@asynccontextmanager
async def lean_bench() -> Any:
    """Open both gateways on a loopback port."""
    async with open_bench(ModelGateway(), ToolGateway()) as bench:
        yield bench


def planned(
    name: str | Path, runner: str = "lean", *, broken: Mapping[str, str] | None = None,
    script_path: Path | None = None,
) -> PlannedTrial:
    """Return one trial of a scenario in which the tools of `broken` fail with those words."""
    loaded = load_scenario(name)
    assert loaded.script_path is not None
    names = [agent.name for agent in loaded.asked]
    script = load_script(script_path or loaded.script_path, names, loaded.variables)
    faults = tuple(
        ToolFault.model_validate({
            "on": "tool", "kind": "error", "tool": tool, "while": "true", "text": text,
        }) for tool, text in (broken or {}).items()
    )
    key = TrialKey(
        scenario=loaded.scenario.name, scenario_digest=loaded.digest, runner=runner,
        runner_version="0", runner_digest="0", model_digest=script.digest,
    )
    nowhere = Path()
    ref = RunnerRef(
        name=runner, version="0", digest="", path="", package="", lock=nowhere, folder=nowhere,
        python=nowhere, modules={}, teamwork=TeamWork(patterns={}, hook=""),
    )
    return PlannedTrial(
        id=f"lean{next(_numbers)}", key=key, scenario=loaded, script=script, runner=ref,
        limits=loaded.scenario.limits,
        faults=FaultPlan(name="broken", faults=faults) if faults else None,
    )


async def play_with_wire(
    bench: Bench, trial: PlannedTrial, host: TrialHost, *, approver: ApproverKind | None = None
) -> tuple[Trial, Sequence[WireRecord]]:
    """Run one trial to its end and grade it; makes locked servers that are missing."""
    for server in trial.scenario.scenario.mcpServers.values():
        await make_locked(server)
    executor = Executor(
        bench=bench, memory=MemoryServer(None),  # type: ignore[arg-type]
        sources=Sources(options=RunOptions(scenarios=(), runners=())),
        approving=Approving(override=approver),
    )
    return await executor.run(trial, host)


async def play_on(
    bench: Bench, trial: PlannedTrial, host: TrialHost, *, approver: ApproverKind | None = None
) -> Trial:
    """Return the trial alone; see `play_with_wire`."""
    sealed, _ = await play_with_wire(bench, trial, host, approver=approver)
    return sealed


def changed(name: str, folder: Path, edits: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """Copy a scenario of the library into `folder` with texts replaced, file by file."""
    copy = folder / name
    shutil.copytree(find_scenario(name).parent, copy, dirs_exist_ok=True)
    for file, changes in edits.items():
        text = (copy / file).read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"{file} does not hold {old!r}"
            text = text.replace(old, new)
        (copy / file).write_text(text, encoding="utf-8")
    return copy
