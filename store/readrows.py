"""A sealed trial's conditions and numbers, as the columns that comparisons are made of."""

from typing import Any

from agentdyno.core.event import ModelCall
from agentdyno.core.pattern import coordinators
from agentdyno.core.provider import is_billed
from agentdyno.core.trial import USER_SIMULATOR, Trial

READING_COLUMNS = (
    "case_name", "tools", "retries", "faults", "approver", "stream", "cold", "user_calls",
    "user_prompt_tokens", "user_completion_tokens", "coordination_tokens", "cost_usd",
    "first_token_s", "gaps", "wire_digest",
)


def reading_row(trial: Trial) -> tuple[Any, ...]:
    """Return the values of READING_COLUMNS; the numbers are those of `experiments.measured`."""
    key = trial.key
    leaders = coordinators(trial.pattern) if trial.pattern else ()
    users = [0, 0, 0]
    coordination = gaps = 0
    bills: list[float | None] = []
    first: list[float] = []
    for event in trial.events:
        # By kind, not isinstance: pydantic's metaclass makes that ten times dearer.
        if event.kind == "tool_gap":
            gaps += 1
        elif event.kind == "model_call":
            tokens = event.tokens
            prompt, completion = (tokens.prompt, tokens.completion) if tokens else (0, 0)
            if event.agent == USER_SIMULATOR:
                users = [users[0] + 1, users[1] + prompt, users[2] + completion]
                continue
            if event.agent in leaders:
                coordination += prompt + completion
            if event.stream and event.first_token_s is not None:
                first.append(event.first_token_s - event.started_s)
            if _is_bill(event):
                bills.append(event.cost_usd)
    return (
        key.case, key.tools, key.retries, key.faults, key.approver, key.stream, trial.report.cold,
        *users, coordination, _total(bills), sum(first) / len(first) if first else None, gaps,
        trial.wire_digest,
    )


def _is_bill(call: ModelCall) -> bool:
    return call.source == "live" and call.tokens is not None and is_billed(call.provider)


def _total(bills: list[float | None]) -> float | None:
    known = [cost for cost in bills if cost is not None]
    return sum(known) if bills and len(known) == len(bills) else None
