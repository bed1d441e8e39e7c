"""Sealed trials that are exported, and MLflow's tables as they are then."""

import functools
import warnings
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import psycopg
from psycopg.rows import dict_row

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import (
    Approval,
    Event,
    MemoryAccess,
    ModelCall,
    TokenCount,
    ToolCall,
    WireRecord,
)
from agentdyno.core.judged import Judged
from agentdyno.core.pattern import Single
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Setting, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.core.variant import PromptUse
from agentdyno.scenarios.digest import text_digest

REQUEST = '{"model":"default","messages":[{"role":"user","content":"What now?"}]}'
REPLY = ('{"model":"default","choices":[{"index":0,"finish_reason":"stop",'
         '"message":{"role":"assistant","content":"Hold."}}]}')

PROMPT = "Be {{ how }}, {{x}} {% if y %}now{% endif %}."
PROMPT_SHA = text_digest(PROMPT)


def events(secret: str = "") -> tuple[Event, ...]:
    """Return one event of each kind that is a span of its own."""
    return (
        ModelCall(
            agent="analyst", started_s=0.1, ended_s=0.2, ordinal=0, api="chat", model="default",
            stream=False, status=200, finish_reason="stop",
            tokens=TokenCount(prompt=900, prompt_tools=400, completion=30),
        ),
        MemoryAccess(agent="analyst", started_s=0.35, ended_s=0.36, operation="search",
                     query="rates", mode="lexical", hits=("m1",)),
        ToolCall(
            agent="analyst", started_s=0.3, ended_s=0.4, ordinal=0, server="market",
            tool="returns", arguments={"symbol": "MSFT"}, is_error=False,
            result_text=f"0.25 {secret}",
        ),
        Approval(
            agent="analyst", started_s=0.25, ended_s=0.3, ordinal=0, server="market",
            tool="returns", risk="high", risk_from="policy", action="wait", shown={"a": 1},
            decision="approved", approver="script",
        ),
    )


def sealed(
    runner: str = "langgraph", repeat: int = 0, *, case: str = "", passed: bool = True,
    variant: str = "baseline", text: str = "Hold.", model: str = "scripted", **changes: Any,
) -> Trial:
    """Return a sealed trial of scenario `letters`."""
    key = TrialKey(
        scenario="letters", case=case, scenario_digest="5" * 64, runner=runner,
        runner_version="1.2", runner_digest="6" * 64, model=model, model_digest="7" * 64,
        repeat=repeat, variant=variant,
    )
    judged = Judged(metric="geval", library="deepeval", version="4.3", model="acme:judge-1",
                    question="q", kind="k", score=0.8, scores=(0.8,), reason="good enough")
    values: dict[str, Any] = {
        "id": content_hash(key.model_dump(mode="json"))[:20], "key": key,
        "outcome": Outcome.COMPLETED, "answers": (text,), "user_turns": ("What now?",),
        "pattern": Single(type="single", agent="analyst"),
        "agents": (AgentSpec(name="analyst", role="r", goal="g", instructions="Be brief."),),
        "prompts": (PromptUse(agent="analyst", name="letters.analyst", sha256=PROMPT_SHA),),
        "started_at": f"2026-11-21T10:00:{repeat:02}+00:00", "duration_s": 1.5 + repeat / 10,
        "events": events(),
        "report": WorkerReport(
            ended="returned", cpu_s=0.02 + repeat / 1000, peak_rss_mb=91.5,
            versions={"python": "3.11.2", runner: "1.2"},
            parity=(Setting(name="temperature", requested=0.0, effective=0.1, note="rounded"),),
        ),
        "verdicts": (
            Verdict(check="figures", status="pass" if passed else "fail", reason="0.25"),
            Verdict(check="tone", status="pass", reason="kind", judged=judged),
            Verdict(check="odd", status="inconclusive", reason="nothing to look at"),
        ),
    }
    return Trial(**(values | changes))


def wire(secret: str = "") -> tuple[WireRecord, ...]:
    """Return the raw exchange of the model call."""
    return (WireRecord(seq=0, channel="model", agent="analyst", started_s=0.1, request=REQUEST,
                       response=REPLY.replace("Hold.", f"Hold. {secret}")),)


def tables(uri: str, *names: str) -> Mapping[str, list[dict[str, Any]]]:
    """Return the rows of MLflow's tables."""
    with psycopg.connect(uri.replace("+psycopg", ""), row_factory=dict_row) as link:
        return {name: link.execute(f"SELECT * FROM {name}").fetchall() for name in names}


@functools.cache
def tools() -> SimpleNamespace:
    """Return what speaks with MLflow; its import takes seconds, and warns of what is MLflow's own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient
        from mlflow.tracing.client import TracingClient

        from agentdyno.experiments.tracking import schema
        from agentdyno.experiments.tracking.exporter import MlflowExporter
        from agentdyno.experiments.tracking.traces import Sealed, TraceWriter
    return SimpleNamespace(
        MlflowClient=MlflowClient, TracingClient=TracingClient, MlflowExporter=MlflowExporter,
        Sealed=Sealed, TraceWriter=TraceWriter, schema=schema,
    )
