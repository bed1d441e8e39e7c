"""A small realistic store, made of nouns: three scenarios on three runners, with everything that a
page must be able to show. Nothing scatters but what the numbers below say, so tests can count.

    investment_analysis   pipeline of researcher and writer; baseline and variant `brief`; 4 repeats
        crewai            passes always
        langgraph         passes always, with fewer tokens
        autogen           passes twice of four times (flaky); one of its trials is a harness fault
        brief             only crewai and langgraph ran it: fewer tokens, and langgraph fails once
    refund_chat           one agent, a tool that waits for approval, a gap, two cases; 2 repeats
    order_mail            on crewai and langgraph, with and without two faults
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from streamlit.testing.v1 import AppTest

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import (
    Approval,
    CheckedTool,
    Event,
    Fault,
    MemoryAccess,
    Message,
    MissingTool,
    ModelCall,
    Step,
    TokenCount,
    ToolCall,
    ToolGap,
    ToolsListed,
    WireRecord,
)
from agentdyno.core.pattern import Pattern, Pipeline, Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Answer, Outcome, Trial, TrialKey, Usage, Verdict, WorkerReport
from agentdyno.experiments.fingerprint import wire_digest

VERSIONS = {"crewai": "1.15.30", "langgraph": "1.2.22", "autogen": "0.7.9"}
FIRST, SECOND, CHAOS = "a1" * 16, "b2" * 16, "c3" * 16
"""Ids of the matrices: investment_analysis and refund_chat; variants; faults."""
RUNNING = "d4" * 16
"""A matrix that never ended."""
QUESTION = "Which two shares should the Meridian Balanced Fund buy?"
ANSWER = "MSFT and AAPL: their correlation is 0.25, and both keep to the limits."
BEGAN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
PRICE = 0.002
"""Dollars per call of live trials."""

Pair = tuple[Trial, tuple[WireRecord, ...]]
Page = Callable[..., AppTest]
"""What the fixture `open_page` gives."""


def agent(name: str, **changes: Any) -> AgentSpec:
    """Return an agent of the team."""
    return AgentSpec(name=name, role=name.title(), goal=f"Be a good {name}.",
                     instructions=f"You are the {name}. Keep to the facts.", **changes)


PIPELINE = Pipeline(steps=("researcher", "writer"))
TEAM = (agent("researcher", tools=("market.*",), memory="read"),
        agent("writer", tools=("mailbox.send_mail",)))


def key(scenario: str, runner: str, repeat: int = 0, **changes: Any) -> TrialKey:
    """Return the identity of a trial."""
    return TrialKey.model_validate({
        "scenario": scenario, "scenario_digest": content_hash(scenario), "runner": runner,
        "runner_version": VERSIONS[runner], "runner_digest": content_hash(runner),
        "model_digest": content_hash("script"), "repeat": repeat, "seed": repeat, **changes,
    })


def sealed(
    found: TrialKey, events: tuple[Event, ...], wire: tuple[WireRecord, ...] = (), *,
    passed: bool = True, outcome: Outcome = Outcome.COMPLETED, at: timedelta = timedelta(),
    pattern: Pattern = PIPELINE, agents: tuple[AgentSpec, ...] = TEAM, answer: str = ANSWER,
    question: str = QUESTION, **changes: Any,
) -> Pair:
    """Return a sealed trial and its wire."""
    answered = outcome is Outcome.COMPLETED
    answer = answer if passed else f"{answer[:4]}, and I do not know more."
    calls = [event for event in events if isinstance(event, ModelCall) and event.tokens]
    usage = Usage(
        requests=len(calls), prompt_tokens=sum(c.tokens.prompt for c in calls if c.tokens),
        completion_tokens=sum(c.tokens.completion for c in calls if c.tokens),
    )
    trial = Trial.model_validate({
        "id": content_hash(found.model_dump(mode="json"))[:20], "key": found, "outcome": outcome,
        "reason": "" if answered else "the worker's process died", "pattern": pattern,
        "answers": (answer,) if answered else (), "user_turns": (question,), "agents": agents,
        "started_at": (BEGAN + at).isoformat(), "duration_s": 1.2 + 0.1 * found.repeat,
        "events": events, "usage_reported": usage if answered else None,
        "report": WorkerReport(
            ended="returned" if answered else "died", cpu_s=0.05 + 0.01 * found.repeat,
            peak_rss_mb=120.0, cold=found.repeat == 0,
            answer=Answer(texts=(answer,), usage=usage) if answered else None,
            versions={"python": "3.11.2", found.runner: found.runner_version},
        ),
        "verdicts": (
            Verdict(check="names_the_pair", status="pass" if passed else "fail",
                    reason="the answer names MSFT and AAPL" if passed else "AAPL is not named"),
            Verdict(check="mailed", status="pass", reason="one mail to the committee"),
        ) if answered else (), **changes,
    })
    return trial.model_copy(update={"wire_digest": wire_digest(trial, wire)}), wire


def model_call(
    name: str, ordinal: int, began: float, prompt: int, *, tool: str = "", text: str = "",
    **changes: Any,
) -> tuple[ModelCall, WireRecord]:
    """Return a model call with the exchange that it was; it asks for `tool` or says `text`."""
    said: dict[str, Any] = {"role": "assistant", "content": text or None}
    if tool:
        said["tool_calls"] = [{"id": f"call_{ordinal}", "type": "function",
                               "function": {"name": tool, "arguments": '{"symbol": "MSFT"}'}}]
    request = {
        "model": "default", "temperature": 0.0,
        "messages": [{"role": "system", "content": f"You are the {name}. Keep to the facts."},
                     {"role": "user", "content": QUESTION}],
    }
    completion = 40
    response = {
        "id": f"chatcmpl-{name}-{ordinal}", "object": "chat.completion", "model": "default",
        "choices": [{"index": 0, "message": said,
                     "finish_reason": "tool_calls" if tool else "stop"}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion},
    }
    tokens = TokenCount(prompt=prompt, prompt_tools=prompt // 4, completion=completion)
    call = ModelCall.model_validate({
        "agent": name, "started_s": began, "ended_s": began + 0.3, "ordinal": ordinal,
        "api": "chat", "model": "default", "stream": False, "status": 200,
        "finish_reason": "tool_calls" if tool else "stop", "tokens": tokens, "usage_sent": tokens,
        "tools_called": (tool,) if tool else (), **changes,
    })
    return call, WireRecord(seq=0, channel="model", agent=name, started_s=began,
                            request=json.dumps(request), response=json.dumps(response))


def tool_call(name: str, server: str, tool: str, began: float, **changes: Any) -> ToolCall:
    """Return a tool call that worked."""
    return ToolCall.model_validate({
        "agent": name, "started_s": began, "ended_s": began + 0.05, "ordinal": 0, "server": server,
        "tool": tool, "arguments": {"symbol": "MSFT"}, "is_error": False, "result_text": "0.25",
        **changes,
    })


def numbered(*wire: WireRecord) -> tuple[WireRecord, ...]:
    """Return exchanges with their places."""
    return tuple(one.model_copy(update={"seq": n}) for n, one in enumerate(wire))


def analysis(
    runner: str, repeat: int, *, prompt: int = 900, variant: str = "baseline", **changes: Any
) -> Pair:
    """Return a trial of investment_analysis."""
    first, wire_1 = model_call("researcher", 0, 0.1, prompt, tool="returns")
    second, wire_2 = model_call("researcher", 1, 0.6, prompt + 100, text="Correlation 0.25.")
    third, wire_3 = model_call("writer", 0, 0.95, prompt, text=ANSWER)
    tools: tuple[dict[str, Any], ...] = (
        {"name": "returns", "description": "Monthly returns of a share.",
         "inputSchema": {"type": "object", "properties": {"symbol": {"type": "string"}}}},
    )
    events: tuple[Event, ...] = (
        ToolsListed(agent="researcher", started_s=0.0, ended_s=0.0, tools=tools,
                    origins=("market.returns",)),
        Step(agent="researcher", started_s=0.05, ended_s=0.05, name="researcher"),
        first, tool_call("researcher", "market", "returns", 0.45),
        MemoryAccess(agent="researcher", started_s=0.52, ended_s=0.55, operation="search",
                     query="preferences of the committee", mode="lexical", hits=("m1",)),
        second,
        Message(agent="researcher", started_s=0.9, ended_s=0.9, text="Correlation 0.25.",
                to=("writer",)),
        Step(agent="writer", started_s=0.91, ended_s=0.91, name="writer"),
        third,
        tool_call("writer", "mailbox", "send_mail", 1.3, is_error=repeat == 3,
                  error_kind="tool_error" if repeat == 3 else None),
        Message(agent="writer", started_s=1.4, ended_s=1.4, text=ANSWER),
    )
    return sealed(key("investment_analysis", runner, repeat, variant=variant), events,
                  numbered(wire_1, wire_2, wire_3), at=timedelta(minutes=repeat), **changes)


def refund(runner: str, case: str, repeat: int) -> Pair:
    """Return a trial of refund_chat: a call that waited, and a tool that is missing."""
    call, wire = model_call("support", 0, 0.1, 500, tool="refund", source="live",
                            provider="openai", provider_model="gpt-x", cost_usd=PRICE,
                            stream=True, first_token_s=0.2, gaps_ms=(12.0, 15.0))
    events: tuple[Event, ...] = (
        call,
        Approval(agent="support", started_s=0.45, ended_s=3.45, ordinal=0, server="helpdesk",
                 tool="refund", risk="high", risk_from="policy", action="wait",
                 shown={"order": "1042", "amount": 20}, decision="approved", approver="queue",
                 decided_by="ada", decided_at="2026-11-20T09:00:03+00:00", reason="fine"),
        tool_call("support", "helpdesk", "refund", 3.5, arguments={"order": "1042", "amount": 20}),
        ToolGap(agent="support", started_s=3.7, ended_s=3.7, missing_tools=(
            MissingTool(name="send_voucher", description="Send a voucher to a customer.",
                        inputs={"customer": "id"}, outputs={"code": "text"},
                        estimated_risk="low"),
        ), existing_tools_checked=(
            CheckedTool(name="refund", why_not="it pays money back", evidence="Refund an order."),
        ), proposed_mcp_server="vouchers"),
        Message(agent="support", started_s=3.8, ended_s=3.8, text="It is refunded."),
    )
    found = key("refund_chat", runner, repeat, case=case, model="openai:gpt-x", stream=True,
                approver="queue")
    return sealed(found, events, numbered(wire), pattern=Single(agent="support"),
                  agents=(agent("support", tools=("helpdesk.*",)),), answer="It is refunded.",
                  question="I want my money back.", at=timedelta(hours=1), waited_s=3.0,
                  passed=case == "late" or repeat == 0)


def mail(runner: str, fault: str = "", *, recovered: bool = True) -> Pair:
    """Return a trial of order_mail, with or without a fault."""
    first, wire_1 = model_call("clerk", 0, 0.1, 300, tool="send_mail")
    second, wire_2 = model_call("clerk", 1, 0.5, 350, text="It was sent.")
    events: tuple[Event, ...] = (first, tool_call("clerk", "mailbox", "send_mail", 0.42), second)
    if fault:
        extra, _ = model_call("clerk", 2, 0.9, 350, text="It was sent.")
        events = (Fault(agent="clerk", started_s=0.1, ended_s=0.1, channel="model", ordinal=0,
                        fault=fault, detail="answered 429"), *events, extra)
    found = key("order_mail", runner, faults=f"model_{fault}:{'0' * 8}" if fault else "",
                retries="as-shipped")
    return sealed(found, events, numbered(wire_1, wire_2), agents=(agent("clerk"),),
                  pattern=Pipeline(steps=("clerk",)), answer="It was sent.", passed=recovered,
                  question="Tell the customer.", at=timedelta(hours=2))


def first_matrix() -> Iterator[Pair]:
    """Yield the trials of the first matrix: 12 of investment_analysis, 8 of refund_chat."""
    for repeat in range(4):
        yield analysis("crewai", repeat, prompt=1200)
        yield analysis("langgraph", repeat, prompt=900)
        lost = repeat == 3
        yield analysis("autogen", repeat, prompt=1000, passed=repeat != 1,
                       outcome=Outcome.HARNESS_FAULT if lost else Outcome.COMPLETED)
    for repeat in range(2):
        for case in ("late", "broken"):
            yield refund("crewai", case, repeat)
            yield refund("langgraph", case, repeat)


def second_matrix() -> Iterator[Pair]:
    """Yield the 8 trials of variant `brief`."""
    for repeat in range(4):
        yield analysis("crewai", repeat, prompt=700, variant="brief")
        yield analysis("langgraph", repeat, prompt=600, variant="brief", passed=repeat != 2)


def chaos_matrix() -> Iterator[Pair]:
    """Yield the 6 trials under faults and without: langgraph does not recover from one."""
    for runner in ("crewai", "langgraph"):
        yield mail(runner)
        yield mail(runner, "http_429")
        yield mail(runner, "http_500", recovered=runner == "crewai")
