"""Faults of the model: what a framework sees on the wire, and which calls are hit."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from agentdyno.core.errors import InputError
from agentdyno.core.event import Fault, ModelCall
from agentdyno.core.fault import FaultPlan, ModelFault, read_fault_plan
from agentdyno.core.faultdraw import Attempt, FaultDraw
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome
from agentdyno.models.conversation import Reply, ToolUse
from agentdyno.models.damage import REFUSAL
from agentdyno.models.faults import FaultyUpstream
from agentdyno.models.upstream import ModelRequest, Passage

STANDARD = Path(__file__).parents[2] / "experiments" / "standard_faults.yaml"
WEATHER = Reply(calls=(ToolUse(id="call_1", name="weather", arguments='{"city":"Uster"}'),),
                finish_reason="tool_calls")
TEXT = "Sunny, with a light wind from the west."


class Model:
    """Answers every call the same way, and counts them."""

    def __init__(self, reply: Reply) -> None:
        self.reply, self.asked = reply, 0

    async def answer(self, request: ModelRequest) -> Reply:
        self.asked += 1
        return self.reply


class Live:
    """Passes on what a provider said, cut into chunks that respect no event."""

    def __init__(self, body: bytes, media_type: bytes) -> None:
        self.body, self.media_type = body, media_type

    async def answer(self, request: ModelRequest) -> Passage:
        async def chunks() -> AsyncIterator[bytes]:
            for at in range(0, len(self.body), 7):
                yield self.body[at : at + 7]

        return Passage(chunks=chunks(), media_type=self.media_type, provider="openai",
                       headers=((b"content-length", b"%d" % len(self.body)), (b"x-id", b"r1")))


def plan(**fault: Any) -> FaultPlan:
    return FaultPlan.model_validate({"name": "p", "faults": [{"on": "model", **fault}]})


def opened(bench: Any, inner: Any, faults: FaultPlan, retries: str = "uniform") -> Any:
    """Open a trial on the bench's gateway whose model meets `faults`."""
    bench.opened += 1
    sink = Sink(trial_id=f"faulty{bench.opened}", token=f"secret-{bench.opened}")
    team = [AgentSpec(name="researcher", role="r", goal="g", instructions="i")]
    bench.gateway.open(sink, team, FaultyUpstream(inner, faults, sink), retries=retries)
    client = bench.open(inner)
    client.sink = sink
    return client


def injected(client: Any) -> list[tuple[str, int]]:
    return [(e.fault, e.ordinal) for e in client.sink.events if isinstance(e, Fault)]


def calls(client: Any) -> list[ModelCall]:
    return [e for e in client.sink.events if isinstance(e, ModelCall)]


@pytest.mark.parametrize(("kind", "status"), [("http_429", 429), ("http_500", 500),
                                              ("http_503", 503)])
async def test_an_error_of_the_provider_hits_the_call_that_the_plan_names_and_no_other(
    bench: Any, kind: str, status: int
) -> None:
    client = opened(bench, Model(Reply(text=TEXT)), plan(kind=kind, call=2))
    answers = [await client.chat("hello") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, status, 200]
    assert answers[1].json()["error"]["message"]
    assert injected(client) == [(kind, 1)]


async def test_a_429_says_when_to_try_again(bench: Any) -> None:
    client = opened(bench, Model(Reply()), plan(kind="http_429", call=1, retry_after_s=0.25))
    answer = await client.chat("hello")
    assert answer.headers["retry-after"] == "0.25"


@pytest.mark.parametrize("retries", ["uniform", "as-shipped"])
async def test_only_as_shipped_leaves_retrying_to_the_framework(bench: Any, retries: str) -> None:
    client = opened(bench, Model(Reply()), plan(kind="http_500", call=1), retries)
    answer = await client.chat("hello")
    assert ("x-should-retry" in answer.headers) == (retries == "uniform")


@pytest.mark.parametrize("kind", ["connection_reset", "timeout"])
async def test_as_shipped_a_lost_connection_is_really_lost(bench: Any, kind: str) -> None:
    delay = {"delay_s": 0.0} if kind == "timeout" else {}
    client = opened(bench, Model(Reply(text=TEXT)), plan(kind=kind, call=1, **delay), "as-shipped")
    with pytest.raises(httpx2.NetworkError):
        await client.chat("hello")
    assert (await client.chat("hello again")).status_code == 200
    assert [call.status for call in calls(client)] == [504 if kind == "timeout" else 502, 200]
    assert client.sink.wire[0].response == ""
    assert client.sink.stop is None


async def test_under_uniform_a_connection_that_stays_lost_is_an_error_with_words(
    bench: Any
) -> None:
    client = opened(bench, Model(Reply()), plan(kind="connection_reset", call=1))
    answer = await client.chat("hello")
    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"


async def test_a_timeout_holds_the_request_for_its_delay(bench: Any) -> None:
    client = opened(bench, Model(Reply()), plan(kind="timeout", call=1, delay_s=0.05))
    await client.chat("hello")
    (call,) = calls(client)
    assert call.ended_s - call.started_s >= 0.05


async def test_a_slow_first_token_comes_late_and_whole(bench: Any) -> None:
    client = opened(bench, Model(Reply(text=TEXT)), plan(kind="slow_first_token", call=1,
                                                         delay_s=0.05))
    assert client.asked(await client.chat("hello"))["content"] == TEXT
    (call,) = calls(client)
    assert call.first_token_s is not None
    assert call.first_token_s - call.started_s >= 0.05


@pytest.mark.parametrize("include_usage", [False, True])
async def test_a_truncated_stream_ends_without_finish_reason(
    bench: Any, include_usage: bool
) -> None:
    client = opened(bench, Model(Reply(text=TEXT)), plan(kind="truncated_stream", call=1),
                    "as-shipped")
    answer = await client.chat("hello", stream=True,
                               stream_options={"include_usage": include_usage})
    assert "[DONE]" not in answer.text
    chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line]
    choices = [chunk["choices"][0] for chunk in chunks]
    said = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert said
    assert TEXT.startswith(said)
    assert said != TEXT
    assert {choice["finish_reason"] for choice in choices} == {None}


async def test_a_truncated_stream_of_the_responses_api_is_never_completed(bench: Any) -> None:
    client = opened(bench, Model(WEATHER), plan(kind="truncated_stream", call=1), "as-shipped")
    answer = await client.post("responses", {"model": "m", "input": "hello", "stream": True})
    assert "function_call_arguments.delta" in answer.text
    assert "function_call_arguments.done" not in answer.text
    assert "response.completed" not in answer.text


async def test_a_whole_answer_is_truncated_in_the_middle_of_its_json(bench: Any) -> None:
    client = opened(bench, Model(Reply(text=TEXT)), plan(kind="truncated_stream", call=1),
                    "as-shipped")
    answer = await client.chat("hello")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_malformed_arguments_hit_the_first_answer_that_calls_a_tool(bench: Any) -> None:
    model = Model(Reply(text=TEXT))
    client = opened(bench, model, plan(kind="malformed_arguments", call=1))
    await client.chat("hello")
    model.reply = WEATHER
    call = client.asked(await client.chat("hello"))["tool_calls"][0]
    assert call["function"] == {"name": "weather", "arguments": '{"city":"Uster"'}
    assert injected(client) == [("malformed_arguments", 1)]


async def test_an_unknown_tool_is_one_that_is_not_offered(bench: Any) -> None:
    client = opened(bench, Model(WEATHER), plan(kind="unknown_tool", call=1))
    tools = [client.tool("weather", "city"), client.tool("weather_v2", "city")]
    call = client.asked(await client.chat("hello", tools=tools))["tool_calls"][0]
    assert call["function"]["name"] == "weather_v2_v2"


@pytest.mark.parametrize(("kind", "text"), [("empty_content", ""), ("refusal", REFUSAL)])
async def test_a_model_that_says_nothing_of_use_is_not_even_asked(
    bench: Any, kind: str, text: str
) -> None:
    model = Model(WEATHER)
    client = opened(bench, model, plan(kind=kind, call=1))
    message = client.asked(await client.chat("hello"))
    assert message["content"] == text
    assert "tool_calls" not in message
    assert model.asked == 0


CHUNK = ('{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":'
         '{"name":"weather","arguments":"%s"}}]},"finish_reason":%s}],"usage":%s}')
STREAMED = "".join(f"data: {line}\n\n" for line in (
    CHUNK % ('{\\"city\\":', "null", "null"),
    CHUNK.replace('"name":"weather",', "").replace('"id":"c1",', "")
    % ('\\"Uster\\"}', '"tool_calls"', '{"prompt_tokens":11,"completion_tokens":5}'),
    "[DONE]",
)).encode()


async def test_a_live_answer_is_broken_too_and_keeps_where_it_came_from(bench: Any) -> None:
    live = Live(STREAMED, b"text/event-stream")
    client = opened(bench, live, plan(kind="malformed_arguments", call=2))
    whole = await client.chat("hello", stream=True)
    assert whole.content == STREAMED
    broken = await client.chat("hello", stream=True, stream_options={"include_usage": True})
    deltas = [json.loads(line[6:]) for line in broken.text.splitlines()
              if line and "[DONE]" not in line]
    arguments = "".join(
        call["function"]["arguments"]
        for chunk in deltas for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", ())
    )
    assert arguments == '{"city":"Uster"'
    assert deltas[-1]["usage"]["prompt_tokens"] == 11
    assert broken.headers["x-id"] == "r1"
    assert [call.provider for call in calls(client)] == ["openai", "openai"]


def test_the_same_seed_hits_the_same_calls_and_another_seed_others() -> None:
    faults = [ModelFault(on="model", kind="http_500", probability=0.4)]

    def hits(seed: int) -> list[int]:
        draw = FaultDraw(faults, seed)
        return [n for n in range(40) if draw.hit(
            Attempt(agent="solo", ordinal=n, elapsed_s=0), lambda fault: True)]

    assert hits(1) == hits(1) != hits(2)
    assert 5 < len(hits(1)) < 30


def test_a_drawn_call_is_hit_once_however_often_the_gateway_tries_it() -> None:
    fault = ModelFault(on="model", kind="http_500", probability=1.0)
    draw = FaultDraw([fault], 0)
    again = [draw.hit(Attempt(agent="solo", ordinal=n, elapsed_s=0), lambda fault: True)
             for n in (0, 0, 1, 1)]
    assert again == [fault, None, fault, None]


def test_times_counts_attempts_from_the_named_call_on() -> None:
    fault = ModelFault(on="model", kind="http_500", call=2, times=2)
    tries = [("a", 0), ("a", 1), ("a", 1), ("a", 1)], [("a", 0), ("a", 1), ("a", 2), ("a", 3)]
    for attempts in tries:
        draw = FaultDraw([fault], 0)
        hits = [draw.hit(Attempt(agent=agent, ordinal=n, elapsed_s=0), lambda fault: True)
                for agent, n in attempts]
        assert hits == [None, fault, fault, None]


def test_a_condition_knows_time_agent_and_attempt() -> None:
    fault = ModelFault.model_validate({
        "on": "model", "kind": "http_503",
        "while": "elapsed_s < 2 and agent == 'solo' and attempt < 3",
    })
    draw = FaultDraw([fault], 0)
    tries = [("solo", 0, 0.1), ("solo", 0, 0.2), ("solo", 0, 0.3), ("duo", 0, 1), ("solo", 1, 2)]
    assert [bool(draw.hit(Attempt(agent=a, ordinal=n, elapsed_s=s), lambda fault: True))
            for a, n, s in tries] == [True, True, False, False, False]


async def test_a_condition_that_fails_in_the_trial_is_the_benchs_fault(bench: Any) -> None:
    faults = plan(**{"kind": "http_500", "while": "1 // (calls - 2)"})
    client = opened(bench, Model(Reply()), faults)
    await client.chat("hello")
    await client.chat("hello")
    outcome, reason = client.sink.stop
    assert outcome is Outcome.HARNESS_FAULT
    assert "ZeroDivisionError" in reason


def test_the_standard_plan_holds_every_kind_of_fault() -> None:
    standard = read_fault_plan(STANDARD)
    kinds = [(fault.on, fault.kind) for fault in standard.faults]
    assert len(set(kinds)) == 18
    names = [single.name for single in standard.singles()]
    assert names[:3] == ["model_http_429", "model_lasting_429", "model_http_500"]
    assert len(set(names)) == len(standard.faults) == 19
    assert standard.key.startswith("standard:")
    assert FaultPlan(name="none").key == ""


WRONG = """\
name: bad
faults:
- {on: model, kind: http_430, call: 1}
- {on: tool, kind: slow, call: 1, probability: 0.5}
- {on: model, kind: refusal, call: 1, delay_s: 3}
- on: tool
  kind: error
  while: elapsed < 3
- {on: model, kind: timeout}
- {on: network, kind: timeout, call: 1}
"""


def test_every_mistake_of_a_plan_is_shown_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(WRONG)
    with pytest.raises(InputError) as caught:
        read_fault_plan(path, "faults.yaml")
    lines = {problem.line: problem.message for problem in caught.value.problems}
    assert set(lines) == {3, 4, 5, 8, 9, 10}
    assert "http_429" in lines[3]
    assert "call and probability" in lines[4]
    assert "delay_s means nothing to model refusal; it takes text" in lines[5]
    assert "did you mean 'elapsed_s'" in lines[8]
    assert "has none" in lines[9]


def test_a_fault_that_never_says_when_is_no_fault() -> None:
    with pytest.raises(ValidationError, match="exactly one of call, probability, while"):
        ModelFault(on="model", kind="refusal")
