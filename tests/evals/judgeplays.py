"""Material of the judges' tests: a trial to judge, and judges who say what a test gives them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from agentdyno.core.check import CheckSpec, JudgeCheck
from agentdyno.core.event import Message, ToolCall
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport

_CHECK: TypeAdapter[Any] = TypeAdapter(CheckSpec)


def judge_check(metric: str = "TaskCompletion", **more: Any) -> JudgeCheck:
    check = _CHECK.validate_python({"id": "good", "type": "judge", "metric": metric, **more})
    assert isinstance(check, JudgeCheck)
    return check


def trial(*, answers: tuple[str, ...] = ("It costs 410 dollars.",), **more: Any) -> Trial:
    key = TrialKey(
        scenario="shop", scenario_digest="s", runner="langgraph", runner_version="1",
        runner_digest="r", model_digest="m",
    )
    events = (
        ToolCall(agent="clerk", started_s=0.1, ended_s=0.2, ordinal=0, server="market",
                 tool="get_quote", arguments={"symbol": "MSFT"}, is_error=False,
                 result_text='{"close": 410}'),
        Message(agent="clerk", started_s=0.3, ended_s=0.3, text="First the quote, then the sum."),
    )
    fields: dict[str, Any] = {
        "id": "t1", "key": key, "outcome": Outcome.COMPLETED, "answers": answers,
        "user_turns": ("What does MSFT cost?",), "started_at": "2026-11-21T00:00:00+00:00",
        "duration_s": 1.0, "events": events, "report": WorkerReport(ended="returned"),
    }
    return Trial(**fields | more)


class Scripted:
    """A judge who answers by the first key that the last message holds."""

    def __init__(self, rules: Mapping[str, Any], *then: Any) -> None:
        self.rules = rules
        self.then = list(then)
        self.chats: list[Sequence[dict[str, str]]] = []

    async def __call__(self, chat: Sequence[dict[str, str]]) -> str:
        self.chats.append(list(chat))
        if self.then:
            return _text(self.then.pop(0))
        prompt = chat[0]["content"]
        for key, said in self.rules.items():
            if key in prompt:
                return _text(said)
        raise AssertionError(f"no rule for: {prompt[:2000]}")


def _text(said: Any) -> str:
    return said if isinstance(said, str) else json.dumps(said)
