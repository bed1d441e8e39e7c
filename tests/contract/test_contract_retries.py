"""Who tries a failed model call again: the gateway alone, or each framework as it is shipped."""

import pytest

from agentdyno.core.trial import Outcome, Setting, Trial, TrialKey
from agentdyno.evals.conformance import unasked_retries
from agentdyno.models.conversation import Reply
from agentdyno.models.upstream import ModelRequest, UpstreamError
from agentdyno.tests.contract.lab import Lab, Run, agent

SOON_S = 0.001
"""What the provider asks to wait: else each openai client would wait for half a second and more."""
OPENAI = 3
"""The openai client's two retries, in whichever framework sits on it."""
SINGLE = {"crewai": 3 * OPENAI}
"""CrewAI makes three attempts at each call that ends in a 429, each with the client's retries."""
PIPELINE = {"crewai": 3 * 3 * OPENAI}
"""CrewAI makes three attempts at each task (`max_retry_limit`) too."""


class Busy:
    """A provider that is busy the first `times`, and then at its service."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.asked = 0

    async def answer(self, request: ModelRequest) -> Reply:
        self.asked += 1
        if self.asked <= self.times:
            raise UpstreamError(429, "slow down", retry_after_s=SOON_S, retryable=True)
        return Reply(text="at last")


def _rows(settings: tuple[Setting, ...]) -> dict[str, Setting]:
    return {setting.name: setting for setting in settings}


def _seen(run: Run) -> list[int]:
    """Return the numbers of the calls that look like retries on the wire."""
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="1",
                   runner_digest="0", model_digest="0")
    trial = Trial(id="t", key=key, outcome=Outcome.COMPLETED, started_at="2026-01-01T00:00:00Z",
                  duration_s=1.0, events=tuple(run.sink.events), report=run.report)
    return [call.ordinal for call in unasked_retries(trial, run.sink.wire)]


@pytest.mark.requirement("runner:model:retries-none")
async def test_uniform_one_refusal_is_one_request_and_the_end(lab: Lab):
    model = Busy(2)
    run = await lab.run("HELLO", upstream=model)
    assert run.report.ended == "raised"
    assert "slow down" in (run.report.error or "")
    assert model.asked == 1
    assert [call.status for call in run.model_calls] == [429]
    assert _seen(run) == []
    rows = _rows(run.report.parity)
    assert (rows["retries"].requested, rows["retries"].effective) == ("uniform", "uniform")
    assert (rows["model_retries"].requested, rows["model_retries"].effective) == (0, 0)


@pytest.mark.requirement("runner:model:retries-as-shipped")
async def test_as_shipped_two_refusals_are_outlived(lab: Lab):
    model = Busy(2)
    run = await lab.run("HELLO", upstream=model, retries="as-shipped")
    assert run.texts == ("at last",)
    assert [call.status for call in run.model_calls] == [429, 429, 200]
    assert [call.retry_count for call in run.model_calls] == [0, 1, 2]
    assert _seen(run) == [1, 2]
    rows = _rows(run.report.parity)
    assert (rows["retries"].requested, rows["retries"].effective) == ("as-shipped", "as-shipped")
    assert rows["model_retries"].effective
    assert rows["model_retries"].note


@pytest.mark.requirement("runner:model:retries-as-shipped")
async def test_as_shipped_each_framework_gives_up_after_its_own_number(lab: Lab, runner: str):
    single = Busy(1000)
    run = await lab.run("HELLO", upstream=single, retries="as-shipped")
    assert run.report.ended == "raised"
    assert single.asked == SINGLE.get(runner, OPENAI)
    assert _seen(run) == list(range(1, single.asked))
    pipeline = Busy(1000)
    team = [agent("scout"), agent("judge")]
    run = await lab.run("TASK k1", agents=team, upstream=pipeline, retries="as-shipped")
    assert run.report.ended == "raised"
    assert pipeline.asked == PIPELINE.get(runner, OPENAI)


@pytest.mark.requirement("runner:model:retries-as-shipped")
async def test_a_team_of_one_profile_is_never_lent_to_a_trial_of_the_other(lab: Lab):
    for retries, asked in (("as-shipped", 3), ("uniform", 1), ("as-shipped", 3)):
        warm = await lab.run("HELLO", retries=retries)
        assert warm.texts == ("Good day. 日本",)
        model = Busy(2)
        await lab.run("HELLO", upstream=model, retries=retries)
        assert model.asked == asked


@pytest.mark.requirement("runner:model:retries-as-shipped")
async def test_retries_are_no_turns_of_the_agent(lab: Lab):
    model = Busy(2)
    solo = [agent("solo", max_turns=1)]
    run = await lab.run("HELLO", upstream=model, agents=solo, retries="as-shipped")
    assert run.texts == ("at last",)
