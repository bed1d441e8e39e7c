"""A recorded trial replays on the same runner without a script, a server, or one difference."""

from typing import Any

import pytest

from agentdyno.core.trial import Outcome, Trial, TrialKey
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.tests.contract.lab import Lab, Run, agent

CONVERSATION = ("PARALLEL", "REMEMBER k7", "ECHO x", "FAIL", "ORDER", "RECALL")


def recorded(run: Run, runner: str, turns: tuple[str, ...], stream: bool) -> Cassette:
    """Return the cassette of a run, after a journey through the text of its file."""
    key = TrialKey(
        scenario="lab", scenario_digest="0" * 64, runner=runner, runner_version="1",
        runner_digest="0" * 64, model_digest="0" * 64, stream=stream,
    )
    trial = Trial(
        id=run.sink.trial_id, key=key, outcome=Outcome.COMPLETED,
        answers=run.report.answer.texts if run.report.answer else (), user_turns=turns,
        started_at="2026-01-01T00:00:00+00:00", duration_s=1.0,
        events=tuple(sorted(run.sink.events, key=lambda event: event.started_s)),
        end_state=run.end_state, report=run.report,
    )
    return Cassette.read(Cassette.of(trial, run.sink.wire).text(), "lab.yaml")


def seen(run: Run) -> dict[str, Any]:
    """Return what two runs of one conversation must have in common, whatever the times."""
    return {
        "answers": run.texts,
        "model": [
            (c.agent, c.ordinal, c.api, c.model, c.stream, c.status, c.finish_reason,
             c.tools_offered, c.tools_called, c.tokens and (c.tokens.prompt, c.tokens.completion))
            for c in run.model_calls
        ],
        # Calls of one turn run side by side, and which of them ends first is chance.
        "tools": sorted(
            (c.agent, c.server, c.tool, repr(c.arguments), c.is_error, str(c.error_kind),
             c.result_text) for c in run.tool_calls
        ),
        "listed": [e.tools for e in run.sink.events if e.kind == "tools_listed"],
        "declared": [(type(event), event.agent) for event in run.declared],
        "usage": run.report.answer and run.report.answer.usage,
        "end_state": run.end_state,
    }


async def replays_alike(
    lab: Lab, runner: str, turns: tuple[str, ...], stream: bool, **options: Any
) -> None:
    first = await lab.run(*turns, stream=stream, **options)
    cassette = recorded(first, runner, turns, stream)
    second = await lab.run(*turns, stream=stream, replay=cassette, **options)
    assert second.sink.stop is None, second.sink.stop
    assert seen(second) == seen(first)
    assert {call.source for call in second.model_calls} == {"recorded"}
    assert {call.source for call in second.tool_calls} == {"recorded"}
    assert second.replayer is not None
    assert second.replayer.unused() == ()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.requirement("runner:replay:same")
async def test_a_conversation_replays_without_script_and_servers(
    lab: Lab, runner: str, stream: bool
):
    await replays_alike(lab, runner, CONVERSATION, stream)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.requirement("runner:replay:same")
async def test_a_pipeline_replays_without_script_and_servers(lab: Lab, runner: str, stream: bool):
    team = [agent("scout"), agent("judge"), agent("scribe")]
    await replays_alike(lab, runner, ("TASK k9",), stream, agents=team)


@pytest.mark.requirement("runner:replay:same")
async def test_a_recorded_error_is_shown_to_the_framework_again(lab: Lab, runner: str):
    first = await lab.run("BREAK 500")
    cassette = recorded(first, runner, ("BREAK 500",), False)
    second = await lab.run("BREAK 500", replay=cassette)
    statuses = [call.status for call in first.model_calls]
    assert [call.status for call in second.model_calls] == statuses == [200, 500]
    assert second.report.ended == first.report.ended


@pytest.mark.requirement("runner:replay:located-miss")
async def test_a_request_that_was_not_recorded_ends_the_trial_and_names_the_difference(
    lab: Lab, runner: str
):
    first = await lab.run("ECHO red")
    cassette = recorded(first, runner, ("ECHO red",), False)
    second = await lab.run("ECHO blue", replay=cassette)
    assert second.sink.stop is not None
    outcome, reason = second.sink.stop
    assert outcome is Outcome.HARNESS_FAULT
    assert "no recording answers call 1 of agent solo" in reason
    assert "first difference: $.messages[" in reason
    assert "ECHO red" in reason
    assert "ECHO blue" in reason
    assert f"--runner {runner} --model record" in reason
    assert not second.tool_calls

