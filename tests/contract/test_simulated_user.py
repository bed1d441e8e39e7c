"""A simulated user talks with all six runners: one conversation, and his calls in no column."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.core.event import ModelCall, Step
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.experiments.summary import measure
from agentdyno.runners.registry import RUNNERS
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore


@pytest.fixture(scope="module")
def trials(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    """One trial of `refund_chat` on each runner, by runner."""
    report = tmp_path_factory.mktemp("run") / "report.json"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "agentdyno", "run", "refund_chat", "--trials", "1",
         "--json", str(report), "--fail-on-error"],
        env={**os.environ, "AGENTDYNO_DATABASE_URL": module_database,
             "AGENTDYNO_CACHE": str(load_settings().cache)},
        text=True, capture_output=True, check=False, cwd=Path("/"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ids = [trial["id"] for trial in json.loads(report.read_text())["trials"]]
    return {trial.key.runner: trial for trial in asyncio.run(_stored(module_database, ids))}


async def _stored(dsn: str, ids: list[str]) -> list[Trial]:
    pool = await open_pool(dsn)
    try:
        return [await TrialStore(pool).get(id) for id in ids]
    finally:
        await pool.close()


def _calls(trial: Trial, *, simulated: bool) -> list[ModelCall]:
    return [
        event for event in trial.events
        if isinstance(event, ModelCall) and (event.agent == USER_SIMULATOR) is simulated
    ]


def test_every_runner_passes_every_check(trials: dict[str, Trial]) -> None:
    assert set(trials) == set(RUNNERS)
    for trial in trials.values():
        assert {verdict.status for verdict in trial.verdicts} == {"pass"}, trial.verdicts


def test_the_customer_tells_what_she_is_asked_and_ends_the_conversation(
    trials: dict[str, Trial]
) -> None:
    for trial in trials.values():
        first, second = trial.user_turns
        assert "FF-20418" not in first
        assert "FF-20418" in second
        assert "spring sale" in second
        assert len(trial.answers) == 2
        (end,) = [event for event in trial.events
                  if isinstance(event, Step) and event.agent == USER_SIMULATOR]
        assert "full refund of 240 euros" in end.name


def test_her_calls_are_events_of_her_own_and_in_no_column(trials: dict[str, Trial]) -> None:
    for trial in trials.values():
        simulated, own = _calls(trial, simulated=True), _calls(trial, simulated=False)
        assert [call.status for call in simulated] == [200, 200]
        assert all(call.tokens and call.tokens.prompt for call in simulated)
        assert {call.agent for call in own} == {"clerk"}
        assert measure(trial).model_calls == len(own)
        assert trial.usage_reported is not None
        told = [call.usage_sent for call in own if call.usage_sent]
        assert trial.usage_reported.prompt_tokens == sum(tokens.prompt for tokens in told)
