"""Sealed trials made by hand."""

from typing import Any

from agentdyno.core.event import ModelCall, TokenCount, ToolCall
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport


def model_call(prompt: int, completion: int = 10) -> ModelCall:
    """Return one model call of so many tokens."""
    return ModelCall(
        agent="solo", started_s=0.0, ended_s=0.1, ordinal=0, api="chat", model="default",
        stream=False, status=200,
        tokens=TokenCount(prompt=prompt, prompt_tools=0, completion=completion),
    )


def tool_call() -> ToolCall:
    """Return one tool call."""
    return ToolCall(
        agent="solo", started_s=0.0, ended_s=0.1, ordinal=0, server="s", tool="t", arguments={},
        is_error=False, result_text="",
    )


def sealed(
    runner: str = "crewai", repeat: int = 0, *, passed: bool = True,
    outcome: Outcome = Outcome.COMPLETED, events: tuple[Any, ...] = (), **report: Any,
) -> Trial:
    """Return a sealed trial of `runner`."""
    key = TrialKey(
        scenario="s", scenario_digest="d", runner=runner, runner_version="1", runner_digest="d",
        model_digest="d", repeat=repeat,
    )
    verdict = Verdict(check="c", status="pass" if passed else "fail", reason="because")
    return Trial(
        id=f"{runner}{repeat}", key=key, outcome=outcome, started_at="2026-01-01T00:00:00+00:00",
        duration_s=1.0, events=events, verdicts=(verdict,),
        report=WorkerReport(ended="returned", **report),
    )
