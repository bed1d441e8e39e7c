"""Judges: after a trial is sealed and before it is stored, behind the same model gateway.

Their calls are the pseudo-agent `judge`'s: admitted by the run's and the day's budgets, answered by
what answers the team (script, provider or cassette), and kept beside the trial's own, where nothing
that is counted of the team finds them.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from agentdyno.core.checkjudge import JudgeCheck
from agentdyno.core.errors import DynoError
from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.judged import Judged
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.core.trial import Outcome, Trial, Verdict
from agentdyno.evals.finding import Unanswered
from agentdyno.evals.judges.faults import JudgeFault
from agentdyno.evals.judges.grade import graded
from agentdyno.evals.judges.material import Material, material
from agentdyno.evals.judges.measure import measure
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.plan import Answerable, PlannedTrial
from agentdyno.experiments.sources import Sources

MOST_CALLS = 1000
"""Model calls of all judges of one trial together: a metric that never ends must end."""
TIMEOUT_S = 600.0
"""Seconds of one call; providers have shorter limits of their own."""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """Asks the judges of one trial."""

    spec: AgentSpec
    sink: Sink
    url: str

    async def judged(self, check: JudgeCheck, shown: Material) -> Judged:
        """Return what the judge says of `shown`; raises `UsageError` when DeepEval is missing."""
        before = len(self.sink.events)
        found = await measure(check, shown, self.ask)
        calls = [e for e in self.sink.events[before:] if isinstance(e, ModelCall)]
        return found.model_copy(update={"model": _model(calls)})

    async def ask(self, chat: Sequence[dict[str, str]]) -> str:
        """Send `chat` to the judge's model and return its text; raises `JudgeFault`."""
        # Dear to import, and few scenarios have a judge.
        import aiohttp

        body: dict[str, Any] = {"model": self.spec.model, "messages": list(chat)}
        if self.spec.temperature is not None:
            body["temperature"] = self.spec.temperature
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                    headers={"Authorization": f"Bearer {self.sink.token}"},
                ) as session,
                session.post(self.url, json=body) as response,
            ):
                said = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise JudgeFault(f"the {self.spec.name}'s model gave no answer: {error!r}") from error
        if response.status != 200:
            raise JudgeFault(
                f"the {self.spec.name}'s model answered {response.status}: {_message(said)}"
            )
        try:
            return str(said["choices"][0]["message"].get("content") or "")
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise JudgeFault(
                f"the {self.spec.name}'s model answered with no chat completion"
            ) from error

    def records(self, after: int = 0) -> tuple[WireRecord, ...]:
        """Return the raw exchanges of the judging as those that follow `after` of the team's."""
        return tuple(
            record.model_copy(update={"channel": "judge", "seq": after + record.seq})
            for record in self.sink.wire
        )


@contextlib.asynccontextmanager
async def open_judging(
    bench: Bench, sources: Sources, planned: Answerable
) -> AsyncIterator[Judging]:
    """Answer the judge's calls about `planned` for the duration of the context.

    Raises:
        DynoError: its cassette cannot be read.
    """
    spec = planned.scenario.judge
    assert spec is not None, "only scenarios with a judge open one"
    sink = Sink(
        trial_id=planned.id, token=secrets.token_urlsafe(24), seed=planned.key.seed,
        limits=Limits(max_model_calls=MOST_CALLS),
    )
    upstream = sources.judge(planned, sink)
    bench.models.open(sink, [spec], upstream, guard=sources.judging_guard(planned))
    try:
        url = f"{bench.endpoint(planned.id, spec).model_base_url}/chat/completions"
        yield Judging(spec=spec, sink=sink, url=url)
    finally:
        bench.models.close(planned.id)


async def with_judgement(
    bench: Bench, sources: Sources, planned: PlannedTrial, trial: Trial,
    wire: Sequence[WireRecord],
) -> tuple[Trial, tuple[WireRecord, ...]]:
    """Return `trial` with what its judges say in `verdicts`, and the exchanges that took.

    A trial that did not complete, or has no answer, is not shown to anybody: its checks fail so.
    """
    checks = [c for c in planned.scenario.scenario.checks if isinstance(c, JudgeCheck)]
    if not checks or trial.outcome is not Outcome.COMPLETED:
        return trial, ()
    verdicts: list[Verdict] = []
    try:
        async with open_judging(bench, sources, planned) as judging:
            for check in checks:
                with contextlib.suppress(Unanswered):
                    shown = material(trial, check)
                    verdicts.append(graded(check, await judging.judged(check, shown)))
    except DynoError as error:
        # The trial stands, whatever became of its judge.
        unjudged = [Verdict(check=c.id, status="error", reason=str(error)) for c in checks]
        return trial.model_copy(update={"verdicts": tuple(unjudged)}), ()
    return trial.model_copy(update={
        "verdicts": tuple(verdicts), "judging": tuple(judging.sink.events),
    }), judging.records(len(wire))


def _model(calls: Sequence[ModelCall]) -> str:
    """Return who answered; several, where a fallback did."""
    named = dict.fromkeys(
        f"{call.provider}:{call.provider_model or call.model}" if call.provider else call.source
        for call in calls if call.error is None
    )
    return ", ".join(named)


def _message(said: Any) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    return str(error.get("message") if isinstance(error, dict) else said)
