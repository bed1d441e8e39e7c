"""What comes back from a runner, and what the wire says about it."""

import asyncio

import pytest

from agentdyno.core.event import Message
from agentdyno.core.trial import Retries
from agentdyno.tests.contract.lab import Lab, Run, agent


@pytest.mark.requirement("runner:answer:returned")
async def test_the_answer_is_the_models_text_and_nothing_else(lab: Lab):
    run = await lab.run("HELLO")
    assert run.texts == ("Good day. 日本",)
    assert run.report.ended == "returned"
    assert not run.report.answer.stopped_by_limit
    assert [call.status for call in run.model_calls] == [200]


@pytest.mark.requirement("runner:answer:one-per-turn")
async def test_each_user_turn_is_answered_with_what_was_said_before_in_view(lab: Lab):
    run = await lab.run("REMEMBER k7", "ECHO between", "RECALL")
    assert run.texts == ("noted", "the tool said between", "you said k7, and I said noted")


@pytest.mark.requirement("runner:answer:one-per-turn")
async def test_an_agent_without_tools_keeps_the_conversation_too(lab: Lab):
    run = await lab.run("REMEMBER k7", "RECALL", agents=[agent("solo", tools=())])
    assert run.texts == ("noted", "you said k7, and I said noted")


@pytest.mark.requirement("runner:model:streaming")
async def test_a_streamed_trial_gives_the_same_answer_with_a_first_token(lab: Lab):
    run = await lab.run("ECHO drops", stream=True)
    assert run.texts == ("the tool said drops",)
    assert [call.stream for call in run.model_calls] == [True, True]
    assert all(call.first_token_s is not None for call in run.model_calls)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.requirement("runner:usage:equals-wire")
async def test_reported_tokens_are_those_of_the_wire(lab: Lab, stream: bool):
    run = await lab.run("ECHO counted", "HELLO", stream=stream)
    usage = run.report.answer.usage
    counted = [call.tokens for call in run.model_calls]
    assert usage.prompt_tokens == sum(tokens.prompt for tokens in counted)
    assert usage.completion_tokens == sum(tokens.completion for tokens in counted)
    assert usage.requests in (None, len(counted))


@pytest.mark.parametrize("retries", ["uniform", "as-shipped"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.requirement("runner:usage:equals-wire")
async def test_a_teams_usage_is_the_sum_of_what_its_frameworks_were_told(
    lab: Lab, stream: bool, retries: Retries
):
    team = [agent("scout"), agent("judge"), agent("scribe", tools=())]
    run = await lab.run("TASK k1", "TASK k2", agents=team, stream=stream, retries=retries)
    assert len(run.texts) == 2
    told = [call.usage_sent for call in run.model_calls if call.usage_sent]
    assert len(told) == len(run.model_calls)
    usage = run.report.answer.usage
    assert usage.prompt_tokens == sum(tokens.prompt for tokens in told)
    assert usage.completion_tokens == sum(tokens.completion for tokens in told)
    assert usage.requests in (None, len(told))


@pytest.mark.requirement("runner:usage:equals-wire")
async def test_usage_counts_the_calls_of_a_trial_that_its_limit_ended(lab: Lab):
    run = await lab.run("LOOP", agents=[agent("solo", max_turns=3)])
    usage = run.report.answer.usage
    told = [call.usage_sent for call in run.model_calls if call.usage_sent]
    assert len(told) == 3
    assert usage.prompt_tokens == sum(tokens.prompt for tokens in told)
    assert usage.completion_tokens == sum(tokens.completion for tokens in told)


def _words(run: Run) -> str:
    seen = [wire.request + wire.response for wire in run.sink.wire]
    return "\n".join((*seen, *run.texts))


@pytest.mark.requirement("runner:concurrency:no-crosstalk")
async def test_eight_trials_at_once_see_nothing_of_each_other(lab: Lab):
    words = [f"own{number}x" for number in range(8)]
    runs = await asyncio.gather(*(lab.run(f"ECHO {word}", "HELLO") for word in words))
    for word, run in zip(words, runs, strict=True):
        assert run.texts == (f"the tool said {word}", "Good day. 日本")
        assert [call.arguments for call in run.tool_calls] == [{"payload": word}]
        assert not [other for other in words if other != word and other in _words(run)]


@pytest.mark.requirement("runner:pipeline:sees-task-and-texts")
async def test_agents_of_a_pipeline_see_the_task_and_the_texts_before_them(lab: Lab):
    run = await lab.run("TASK k9", agents=[agent("scout"), agent("judge"), agent("scribe")])
    assert run.texts == ("TASK k9: scouted k9, judged k9",)
    assert [call.agent for call in run.model_calls] == ["scout"] * 2 + ["judge"] * 2 + ["scribe"]


@pytest.mark.requirement("runner:pipeline:declares-messages")
async def test_a_pipeline_declares_each_agents_text(lab: Lab):
    run = await lab.run("TASK k3", agents=[agent("scout"), agent("judge"), agent("scribe")])
    messages = [event for event in run.declared if isinstance(event, Message)]
    assert [(message.agent, message.text) for message in messages] == [
        ("scout", "scouted k3"), ("judge", "judged k3 for k3"), ("scribe", run.texts[0]),
    ]
    times = [time for message in messages for time in (message.started_s, message.ended_s)]
    assert times == sorted(times)
