"""Plays a scenario with the lean team of `lean.py`: what passes or fails is the scenario itself."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import cache
from typing import Any

import pytest

from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.models.conversation import Reply
from agentdyno.models.script import Script, load_script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest
from agentdyno.scenarios.loader import LoadedScenario, load_scenario
from agentdyno.scenarios.users import END_TOOL
from agentdyno.tests.scenarios.lean import Json, Sight, Table
from agentdyno.tests.scenarios.lean_patterns import answer

Play = Callable[..., Any]


@cache
def _loaded(name: str) -> tuple[LoadedScenario, Script]:
    loaded = load_scenario(name)
    assert loaded.script_path is not None
    names = [agent.name for agent in loaded.callers]
    return loaded, load_script(loaded.script_path, names, loaded.variables)


async def _turns(table: Table, answers: list[str]) -> AsyncIterator[str]:
    """Yield what the user says; a simulated one sees the answers that there are by then."""
    for turn in table.loaded.user_turns:
        yield turn
    user = table.loaded.user
    said = list(table.loaded.user_turns)
    while user and len(said) < user.max_turns:
        messages: list[Json] = [
            {"role": "system", "content": user.agent.instructions},
            {"role": "user", "content": "(your first message)"},
        ]
        for turn, text in zip(said, answers, strict=True):
            messages.append({"role": "assistant", "content": turn})
            messages.append({"role": "user", "content": text})
        end = {"type": "function", "function": {"name": END_TOOL, "parameters": {}}}
        reply = await table.model.answer(ModelRequest(
            agent=user.agent.name, agents={}, ordinal=len(said), api="chat", body=b"",
            json={"model": "m", "messages": messages, "tools": [end]},
        ))
        assert isinstance(reply, Reply)
        if reply.calls:
            assert reply.calls[0].name == END_TOOL
            return
        said.append(reply.text)
        yield reply.text


@pytest.fixture
def play() -> Play:
    """Return `await play(name, broken={tool: error}, parallel=True, sight="own") -> Trial`.

    `name` may be the path of a folder.
    """

    async def run(
        name: str, broken: Mapping[str, str] | None = None, *, parallel: bool = True,
        sight: Sight = "own",
    ) -> Trial:
        loaded, script = _loaded(name)
        table = Table(loaded, broken or {}, parallel, ScriptedUpstream(script, seed=0), sight)
        answers: list[str] = []
        turns = await answer(table, _turns(table, answers), answers)
        key = TrialKey(scenario=name, scenario_digest=loaded.digest, runner="lean",
                       runner_version="0", runner_digest="0", model_digest=script.digest)
        return Trial(
            id="t", key=key, outcome=Outcome.COMPLETED, answers=tuple(answers),
            user_turns=tuple(turns), agents=loaded.agents, started_at="2026-01-01T00:00:00Z",
            duration_s=1.0, events=tuple(table.events), end_state=table.states,
            report=WorkerReport(ended="returned"),
        )

    return run

