"""A sealed trial as a trace: nothing is missing, nothing is secret, nothing is too long."""

import json
from typing import Any

import pytest

from agentdyno.core.event import (
    Approval,
    BudgetStep,
    Fault,
    MemoryAccess,
    Message,
    ModelCall,
    ModelTry,
    Step,
    TokenCount,
    ToolCall,
    ToolsListed,
    WireRecord,
)
from agentdyno.core.trial import USER_SIMULATOR, Outcome, Trial
from agentdyno.experiments.traces.build import spans_of
from agentdyno.experiments.traces.cutter import MOST, TRIAL_CHARACTERS, secrets_in
from agentdyno.experiments.traces.spans import EVENT_SEQ, JUDGING_SEQ, WIRE_SEQ, Span
from agentdyno.tests.experiments.trials import sealed
from agentdyno.tests.experiments.wires import ask, say

KEY = "sk-abcdefghijklmnopqrstuvwxyz"
REPLY = {"choices": [{"message": {"content": "Done."}, "finish_reason": "stop"}]}


def model(start: float, agent: str = "solo", ordinal: int = 0, **more: Any) -> ModelCall:
    fields: dict[str, Any] = {
        "api": "chat", "model": "default", "stream": False, "status": 200,
        "tokens": TokenCount(prompt=10, completion=2, cached=4), "finish_reason": "stop",
    }
    return ModelCall(agent=agent, ordinal=ordinal, started_s=start, ended_s=start + 1,
                     **{**fields, **more})


def tool(start: float, ordinal: int = 0, **more: Any) -> ToolCall:
    fields: dict[str, Any] = {
        "agent": "solo", "server": "desk", "tool": "find", "arguments": {"q": 1},
        "is_error": False, "result_text": "found",
    }
    return ToolCall(ordinal=ordinal, started_s=start, ended_s=start + 1, **{**fields, **more})


def asked(seq: int, event: ModelCall, body: Any, reply: Any = REPLY) -> WireRecord:
    return WireRecord(seq=seq, channel="model", agent=event.agent, started_s=event.started_s,
                      request=json.dumps(body), response=json.dumps(reply))


def called(seq: int, start: float, arguments: Any, name: str = "find") -> WireRecord:
    request = {"method": "tools/call", "params": {"name": name, "arguments": arguments}}
    return WireRecord(seq=seq, channel="tool", agent="solo", started_s=start,
                      request=json.dumps(request), response="{}")


def trial(*events: Any, **more: Any) -> Trial:
    return sealed(events=events).model_copy(update=more)


def tree(spans: tuple[Span, ...]) -> list[str]:
    """Return the names of spans, each below its parent."""
    depth = {None: -1}
    lines = []
    for span in spans:
        depth[span.span_id] = depth[span.parent_id] + 1
        lines.append("  " * depth[span.span_id] + span.name)
    return lines


def shown(spans: tuple[Span, ...], name: str = EVENT_SEQ) -> list[int]:
    """Return the indexes of all events that the spans show."""
    attributes = [one.attributes for span in spans for one in (span, *span.events)]
    return sorted(int(str(one[name])) for one in attributes if name in one)


def text_of(spans: tuple[Span, ...]) -> str:
    return repr([(s.name, s.error, dict(s.attributes), s.events) for s in spans])


FULL = trial(
    ToolsListed(agent="solo", started_s=0, ended_s=0, tools=({"name": "find"},)),
    model(1, tools_called=("find",), finish_reason="tool_calls"),
    ModelTry(agent="solo", started_s=1, ended_s=1.2, ordinal=0, attempt=1, provider="openai",
             model="m", status=429, decision="retry", wait_s=0.1),
    ModelTry(agent="solo", started_s=1.3, ended_s=2, ordinal=0, attempt=2, provider="openai",
             model="m", status=200, decision="answered"),
    Fault(agent="solo", started_s=1, ended_s=1.2, channel="model", ordinal=0, fault="http_429"),
    Approval(agent="solo", started_s=2, ended_s=5, ordinal=0, server="memory", tool="search",
             risk="high", risk_from="policy", action="wait", shown={"q": 1},
             decision="approved", approver="queue", decided_by="Ada"),
    tool(5, server="memory", tool="search"),
    MemoryAccess(agent="solo", started_s=5.1, ended_s=5.2, operation="search", query="price",
                 mode="lexical", hits=("i1",)),
    BudgetStep(agent="", started_s=6, ended_s=6, scope="trial", measure="calls", spent=7, limit=10,
               step="warned"),
    model(7, ordinal=1),
    Message(agent="solo", started_s=8.1, ended_s=8.1, text="Done."),
    model(9, agent=USER_SIMULATOR),
    Message(agent=USER_SIMULATOR, started_s=9, ended_s=10, text="Thanks."),
    Step(agent="other", started_s=11, ended_s=11, name="idle"),
    MemoryAccess(agent="solo", started_s=12, ended_s=12, operation="write", query="x",
                 mode="lexical"),
    judging=(model(0, agent="judge"),), duration_s=13.0,
)
WIRE = (
    asked(0, FULL.events[1], ask(say("system", "Be brief."), say("user", "Price?"),
                                 temperature=0.5, max_completion_tokens=9)),
    called(1, 2, {"q": 1}, "search"),
    asked(2, FULL.events[9], ask(say("system", "Be brief."), say("user", "Price?"))),
    asked(3, FULL.events[11], ask(say("user", "Begin."))),
    called(4, 12.5, {}, "never_begun"),
    WireRecord(seq=5, channel="judge", agent="judge", started_s=0, request=json.dumps(ask(
        say("user", "Is it good?"))), response=json.dumps(REPLY)),
)


def test_a_trace_shows_who_worked_when_and_what_for():
    assert tree(spans_of(FULL, WIRE)) == [
        "invoke_workflow s",
        "  invoke_agent solo",
        "    chat default",
        "      attempt 1 m",
        "      attempt 2 m",
        "    approval search",
        "    execute_tool search",
        "      memory search",
        "    chat default",
        "  invoke_agent user_simulator",
        "    chat default",
        "  memory write",
        "  execute_tool never_begun",
        "  judging",
        "    invoke_agent judge",
        "      chat default",
    ]


def test_every_event_and_every_exchange_is_shown_once():
    spans = spans_of(FULL, WIRE)
    assert shown(spans) == list(range(len(FULL.events)))
    assert shown(spans, JUDGING_SEQ) == [0]
    assert shown(spans, WIRE_SEQ) == [record.seq for record in WIRE]


def test_model_calls_have_the_names_of_the_conventions():
    chat = next(span for span in spans_of(FULL, WIRE) if span.kind == "model")
    assert {name: chat.attributes[f"gen_ai.{name}"] for name in (
        "operation.name", "provider.name", "agent.name", "request.model", "usage.input_tokens",
        "usage.output_tokens", "usage.cache_read.input_tokens", "response.finish_reasons",
        "request.temperature", "request.max_tokens",
    )} == {
        "operation.name": "chat", "provider.name": "agentdyno", "agent.name": "solo",
        "request.model": "default", "usage.input_tokens": 10, "usage.output_tokens": 2,
        "usage.cache_read.input_tokens": 4, "response.finish_reasons": ("tool_calls",),
        "request.temperature": 0.5, "request.max_tokens": 9,
    }
    assert json.loads(chat.input) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Price?"}]},
    ]
    assert json.loads(chat.output) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Done."}],
         "finish_reason": "tool_calls"},
    ]
    assert [event.name for event in chat.events] == ["agentdyno.fault"]


def test_a_trial_pairs_with_its_like_on_every_runner_by_case_and_repeat():
    spans = [spans_of(sealed(runner, 2), ()) for runner in ("crewai", "autogen")]
    assert [one[0].input for one in spans] == ['{"case":"s","repeat":2}'] * 2
    assert spans[0][0].trace_id != spans[1][0].trace_id


def test_the_same_execution_has_the_same_ids_and_another_attempt_has_others():
    again, other = spans_of(FULL, WIRE), spans_of(FULL, WIRE, attempt=2)
    assert spans_of(FULL, WIRE) == again
    ids = {span.span_id for span in again}
    assert len(ids) == len(again)
    assert ids.isdisjoint(span.span_id for span in other)


def test_verdicts_and_the_outcome_stand_at_the_root():
    [root] = spans_of(
        trial(outcome=Outcome.LIMIT, reason=f"overran; {KEY}"), ()
    )
    assert root.error == "overran; [scrubbed]"
    [verdict] = root.events
    assert verdict.name == "gen_ai.evaluation.result"
    assert verdict.attributes["gen_ai.evaluation.score.value"] == 1.0


def test_judging_comes_after_the_trial_and_is_not_in_its_duration():
    spans = spans_of(FULL, WIRE)
    [judging] = [span for span in spans if span.kind == "judging"]
    assert judging.start_ns == spans[0].end_ns
    assert (spans[0].end_ns - spans[0].start_ns) / 1e9 == 13.0


@pytest.mark.parametrize("secret", [KEY, "our own password", 'quo"ted-secret'])
def test_no_secret_is_in_any_attribute(secret: str):
    call = model(0, error=f"bad key {secret}", status=401, tools_called=(secret,))
    events = (
        call, tool(1, arguments={"key": secret}, result_text=f"said {secret}", is_error=True),
        Message(agent="solo", started_s=2, ended_s=2, text=f"{'x' * 100_000} {secret}"),
        Fault(agent="solo", started_s=2, ended_s=2, channel="tool", ordinal=9, fault="f",
              detail=secret),
    )
    wire = (asked(0, call, ask(say("user", "y" * (MOST // 4 - 5) + secret)), {"error": secret}),
            called(1, 1, {"key": secret}))
    found = text_of(spans_of(
        trial(*events, notes=(secret,), answers=(secret,), user_turns=(secret,)), wire,
        secrets=(secret,),
    ))
    assert secret not in found
    assert json.dumps(secret)[1:-1] not in found
    assert secret[: len(secret) // 2 + 1] not in found


def test_secrets_are_known_by_the_names_of_their_variables_and_as_passwords_of_addresses():
    assert secrets_in({
        "OPENAI_API_KEY": "k1", "MY_TOKEN": "t", "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "HOME": "/h",
        "AGENTDYNO_DATABASE_URL": "postgresql://me:pa55@h/db", "EMPTY_KEY": "",
    }) == ("k1", "t", "a=b", "pa55")


@pytest.mark.parametrize("text", ["nul \0", "half \ud800", "\U0001f600"])
def test_every_text_is_fit_for_protobuf_and_postgres(text: str):
    event = Message(agent="solo", started_s=2, ended_s=2, text=text)
    [root] = spans_of(trial(event, answers=(text,)), ())
    for value in (root.output, str(root.events[0].attributes["agentdyno.message.text"])):
        assert "\0" not in value
        value.encode()


def test_a_trial_of_five_thousand_events_is_whole_and_bounded():
    events: list[Any] = []
    wire: list[WireRecord] = []
    history = [say("system", "s" * 2_000)]
    for n in range(0, 5_000, 2):
        call = model(n, ordinal=n // 2, tools_called=("find",))
        history = [*history[-8:], say("user", f"{n} " + "word " * 200)]
        events += [call, tool(n + 1, ordinal=n // 2, result_text="r" * 50_000)]
        wire += [asked(n, call, ask(*history)), called(n + 1, n + 1, {"q": 1})]
    spans = spans_of(trial(*events), wire)
    assert shown(spans) == list(range(5_000))
    assert shown(spans, WIRE_SEQ) == list(range(5_000))
    assert sum(len(s.input) + len(s.output) for s in spans) < 3 * TRIAL_CHARACTERS


def test_of_a_long_conversation_the_first_message_and_the_newest_are_shown():
    messages = [say("system", "FIRST"), *(say("user", f"{n} {'w' * 3_000}") for n in range(40))]
    call = model(0)
    chat = spans_of(trial(call), (asked(0, call, ask(*messages)),))[-1]
    said = [message["parts"][0]["content"] for message in json.loads(chat.input)]
    assert said[0] == "FIRST"
    assert said[1].endswith("messages left out)")
    assert said[-1].startswith("39 ")
    assert len(chat.input) < 1.2 * MOST


@pytest.mark.parametrize("request_body", ["[]", "no json", '{"messages": 5}'])
def test_a_request_that_cannot_be_read_stands_as_it_is(request_body: str):
    call = model(0, status=400, error="bad request")
    record = WireRecord(seq=0, channel="model", agent="solo", started_s=0, request=request_body,
                        response="{}")
    chat = spans_of(trial(call), (record,))[-1]
    assert (chat.input, chat.error) == (request_body, "bad request")
