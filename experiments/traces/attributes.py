"""Attributes of spans and span events, by what they show."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentdyno.core.event import (
    Approval,
    Event,
    MemoryAccess,
    ModelCall,
    ModelTry,
    ToolCall,
    ToolsListed,
    WireRecord,
)
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Trial, Verdict
from agentdyno.experiments.exchanges import Exchange
from agentdyno.experiments.traces.cutter import Cutter
from agentdyno.experiments.traces.messages import input_messages, output_messages, text_messages
from agentdyno.experiments.traces.spans import WIRE_SEQ, Value

_PROVIDERS = {
    "azure": "azure.ai.openai", "bedrock": "aws.bedrock", "gemini": "gcp.gemini",
    "google": "gcp.gemini", "mistral": "mistral_ai", "vertexai": "gcp.vertex_ai", "xai": "x_ai",
}
"""Well-known values of gen_ai.provider.name that differ from our names."""
_REQUEST = {
    "temperature": float, "top_p": float, "max_tokens": int, "max_completion_tokens": int,
    "max_output_tokens": int, "seed": int, "frequency_penalty": float, "presence_penalty": float,
}
"""Parameters of a request that the conventions know, with their type."""
_WITHOUT = {"kind", "agent", "started_s", "ended_s"}
_SHORT = 1_000
"""Characters of a text that stands beside the one a span is about."""


def trial_attributes(trial: Trial, attempt: int, cutter: Cutter) -> dict[str, Value]:
    """Return those of the root."""
    key = trial.key
    found: dict[str, Value] = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": key.scenario,
        "agentdyno.pair": cutter.json({"case": key.situation, "repeat": key.repeat}),
        "gen_ai.input.messages": text_messages("user", trial.user_turns, cutter),
        "gen_ai.output.messages": text_messages("assistant", trial.answers, cutter),
        "agentdyno.trial.id": trial.id,
        "agentdyno.trial.attempt": attempt,
        "agentdyno.outcome": trial.outcome.value,
        "agentdyno.waited_s": trial.waited_s,
        "agentdyno.duration_s": trial.duration_s,
        "agentdyno.pattern": trial.pattern.type if trial.pattern else "",
        "agentdyno.wire_digest": trial.wire_digest,
    }
    for name, value in key.model_dump(mode="json").items():
        found[f"agentdyno.{name}"] = cutter.text(value) if isinstance(value, str) else value
    for name, version in trial.report.versions.items():
        found[f"agentdyno.version.{name}"] = cutter.text(version, _SHORT)
    if trial.notes:
        found["agentdyno.notes"] = cutter.text("\n".join(trial.notes))
    if trial.report.error_type:
        found["error.type"] = cutter.text(trial.report.error_type, _SHORT)
    return found


def agent_attributes(name: str, spec: AgentSpec | None, trial: Trial,
                     cutter: Cutter) -> dict[str, Value]:
    """Return those of one stretch of an agent's work; it has no spec where the bench plays it."""
    found: dict[str, Value] = {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name,
    }
    if spec is not None:
        found["gen_ai.agent.description"] = cutter.text(spec.role, _SHORT)
        found["gen_ai.request.model"] = spec.model
    for use in trial.prompts:
        if use.agent == name:
            found["gen_ai.prompt.name"] = use.name
            found["agentdyno.prompt.sha256"] = use.sha256
            found["agentdyno.prompt.source"] = cutter.text(use.source, _SHORT)
            found |= {} if use.version is None else {"agentdyno.prompt.version": use.version}
    return found


def model_attributes(
    call: ModelCall, record: WireRecord | None, cutter: Cutter
) -> dict[str, Value]:
    """Return those of a model call, with its messages where its bytes were kept."""
    embeds = call.api == "embeddings"
    found: dict[str, Value | None] = {
        "gen_ai.operation.name": "embeddings" if embeds else "chat",
        "gen_ai.provider.name": _PROVIDERS.get(call.provider, call.provider) or "agentdyno",
        "gen_ai.agent.name": call.agent,
        "gen_ai.request.model": cutter.text(call.model, _SHORT),
        "gen_ai.request.stream": call.stream,
        "gen_ai.response.model": cutter.text(call.provider_model, _SHORT) or None,
        "gen_ai.response.finish_reasons": (call.finish_reason,) if call.finish_reason else None,
        "gen_ai.response.time_to_first_chunk":
            None if call.first_token_s is None else call.first_token_s - call.started_s,
        "http.response.status_code": call.status,
        "error.type": None if call.error is None else str(call.status),
        "agentdyno.ordinal": call.ordinal, "agentdyno.api": call.api,
        "agentdyno.source": call.source, "agentdyno.truncated": call.truncated,
        "agentdyno.retry_count": call.retry_count, "agentdyno.cost_usd": call.cost_usd,
        "agentdyno.tools_offered": _names(call.tools_offered, cutter),
        "agentdyno.tools_called": _names(call.tools_called, cutter),
    }
    if call.tokens is not None:
        found |= {
            "gen_ai.usage.input_tokens": call.tokens.prompt,
            "gen_ai.usage.output_tokens": call.tokens.completion,
            "gen_ai.usage.cache_read.input_tokens": call.tokens.cached,
            "agentdyno.prompt_tool_tokens": call.tokens.prompt_tools,
            "agentdyno.tokens_by": call.tokens_by,
        }
    if record is not None:
        found |= _of_wire(Exchange(call=call, wire=record), cutter)
    return {name: value for name, value in found.items() if value is not None}


def _of_wire(exchange: Exchange, cutter: Cutter) -> dict[str, Value | None]:
    found: dict[str, Value | None] = {WIRE_SEQ: exchange.wire.seq}
    for name, kind in _REQUEST.items():
        value = exchange.request.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            said = "max_tokens" if name.startswith("max_") else name
            found[f"gen_ai.request.{said}"] = kind(value)
    if exchange.call.api == "embeddings":
        texts = exchange.request.get("input")
        found["gen_ai.input.messages"] = cutter.text(texts if isinstance(texts, str)
                                                     else json.dumps(texts))
        return found
    found["gen_ai.input.messages"] = input_messages(exchange, cutter)
    reply = exchange.reply
    if reply is not None:
        found["gen_ai.output.messages"] = output_messages(
            reply, exchange.call.finish_reason, cutter
        )
    elif exchange.wire.response:
        found["agentdyno.output"] = cutter.text(exchange.wire.response)
    return found


def tool_attributes(
    call: ToolCall, record: WireRecord | None, cutter: Cutter
) -> dict[str, Value]:
    """Return those of a tool call."""
    found: dict[str, Value | None] = {
        "gen_ai.operation.name": "execute_tool", "gen_ai.agent.name": call.agent,
        "gen_ai.tool.name": cutter.text(call.tool, _SHORT), "gen_ai.tool.type": "function",
        "gen_ai.tool.call.arguments": cutter.json(call.arguments),
        "gen_ai.tool.call.result": cutter.text(call.result_text),
        "mcp.method.name": "tools/call", "agentdyno.server": cutter.text(call.server, _SHORT),
        "agentdyno.ordinal": call.ordinal, "agentdyno.source": call.source,
        "error.type": (call.error_kind or "tool_error") if call.is_error else None,
        WIRE_SEQ: None if record is None else record.seq,
    }
    return {name: value for name, value in found.items() if value is not None}


def lone_attributes(name: str, arguments: Mapping[str, Any], record: WireRecord,
                    cutter: Cutter) -> dict[str, Value]:
    """Return those of an exchange that no event stands for."""
    return {
        "gen_ai.operation.name": "execute_tool", "gen_ai.agent.name": record.agent,
        "gen_ai.tool.name": cutter.text(name, _SHORT), "mcp.method.name": "tools/call",
        "gen_ai.tool.call.arguments": cutter.json(dict(arguments)),
        "gen_ai.tool.call.result": cutter.text(record.response),
        "error.type": "cancelled", WIRE_SEQ: record.seq,
    }


def memory_attributes(access: MemoryAccess, cutter: Cutter) -> dict[str, Value]:
    """Return those of a search or a write."""
    found: dict[str, Value] = {
        "gen_ai.agent.name": access.agent, "agentdyno.memory.operation": access.operation,
        "agentdyno.memory.mode": access.mode, "agentdyno.memory.hits": _names(access.hits, cutter),
        "agentdyno.input": cutter.text(access.query), "agentdyno.output": cutter.json(access.hits),
    }
    if access.operation == "search":
        found["gen_ai.operation.name"] = "retrieval"
        found["gen_ai.retrieval.query.text"] = cutter.text(access.query, _SHORT)
    return found


def approval_attributes(approval: Approval, cutter: Cutter) -> dict[str, Value]:
    """Return those of the time in which a tool call waited."""
    found: dict[str, Value] = {
        "gen_ai.agent.name": approval.agent, "gen_ai.tool.name": cutter.text(approval.tool, _SHORT),
        "agentdyno.input": cutter.json(approval.shown), "agentdyno.output": approval.decision,
    }
    return found | plain_attributes(approval, cutter)


def plain_attributes(event: Event | ModelTry, cutter: Cutter) -> dict[str, Value]:
    """Return the fields of an event: texts and numbers as they are, all else as JSON."""
    found: dict[str, Value] = {"gen_ai.agent.name": event.agent} if event.agent else {}
    if isinstance(event, ToolsListed):
        names = [str(tool.get("name", "")) for tool in event.tools]
        return found | {"agentdyno.tools_listed.tools": _names(names, cutter)}
    for name, value in event.model_dump(mode="json", exclude=_WITHOUT).items():
        if value is None:
            continue
        said = f"agentdyno.{event.kind}.{name}"
        if isinstance(value, bool | int | float):
            found[said] = value
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            found[said] = cutter.text(text)
    return found


def verdict_attributes(verdict: Verdict, cutter: Cutter) -> dict[str, Value]:
    """Return those of a `gen_ai.evaluation.result` event."""
    found: dict[str, Value] = {
        "gen_ai.evaluation.name": cutter.text(verdict.check, _SHORT),
        "gen_ai.evaluation.score.label": verdict.status,
        "gen_ai.evaluation.explanation": cutter.text(verdict.reason, _SHORT),
    }
    if verdict.status in ("pass", "fail"):
        found["gen_ai.evaluation.score.value"] = float(verdict.status == "pass")
    return found


def _names(names: Sequence[str], cutter: Cutter) -> tuple[str, ...]:
    """Return at most a hundred names."""
    return tuple(cutter.text(name, _SHORT) for name in names[:100])
