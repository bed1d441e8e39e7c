"""Failed trials by cause: check, outcome, injected fault or tool error, and whose."""

from collections.abc import Iterator, Sequence
from typing import Literal

from agentdyno.core.event import Fault, ToolCall
from agentdyno.core.noun import Noun
from agentdyno.core.trial import Outcome, Trial

EXAMPLES = 3
"""Trials of each cause that are shown to the model."""
_LONGEST = 600
"""Characters of a text that are shown of it."""

CauseKind = Literal["check", "outcome", "fault", "tool_error"]


class Example(Noun):
    """One failed trial, as far as it is shown."""

    trial: str
    case: str
    runner: str
    why: str
    """What the check said, or the error."""
    answer: str = ""
    """What the team answered last."""


class Cause(Noun):
    """Trials that failed for one reason; a trial may have several."""

    kind: CauseKind
    what: str
    """Id of the check, kind of the outcome or fault, or the tool and whose error it was."""
    agent: str = ""
    """Who met it; "" where that is the whole team."""
    trials: int
    of: int
    """Trials that were looked at, failed or not."""
    cases: tuple[str, ...]
    runners: tuple[str, ...]
    examples: tuple[Example, ...]


def failed(trial: Trial) -> bool:
    """Tell whether the team failed: it did not complete, or a check says so. What the bench did
    wrong is no failure."""
    if trial.outcome in (Outcome.AGENT_FAULT, Outcome.LIMIT):
        return True
    return trial.outcome is Outcome.COMPLETED and any(
        verdict.status == "fail" for verdict in trial.verdicts
    )


def causes(trials: Sequence[Trial]) -> tuple[Cause, ...]:
    """Return why trials failed, the commonest cause first."""
    groups: dict[tuple[CauseKind, str, str], list[tuple[Trial, str]]] = {}
    counted = [
        one for one in trials
        if one.outcome not in (Outcome.HARNESS_FAULT, Outcome.CANCELLED)
    ]
    for trial in counted:
        if not failed(trial):
            continue
        # The same tool may fail ten times in one trial.
        once = {(kind, what, agent): why for kind, what, agent, why in _of(trial)}
        for key, why in once.items():
            groups.setdefault(key, []).append((trial, why))
    found = [_cause(key, members, len(counted)) for key, members in groups.items()]
    return tuple(sorted(found, key=lambda one: (-one.trials, one.kind, one.what, one.agent)))


def _of(trial: Trial) -> Iterator[tuple[CauseKind, str, str, str]]:
    if trial.outcome is not Outcome.COMPLETED:
        kind = f"{trial.outcome}: {trial.report.error_type}" if (
            trial.report.error_type and trial.outcome is Outcome.AGENT_FAULT
        ) else str(trial.outcome)
        yield "outcome", kind, "", trial.reason
    else:
        for verdict in trial.verdicts:
            if verdict.status == "fail":
                yield "check", verdict.check, "", verdict.reason
    for event in trial.events:
        if isinstance(event, ToolCall) and event.is_error:
            tool = f"{event.server}.{event.tool}"
            kind = f"{tool}: {event.error_kind}" if event.error_kind else tool
            yield "tool_error", kind, event.agent, event.result_text
        elif isinstance(event, Fault):
            yield "fault", f"{event.channel}: {event.fault}", event.agent, event.detail


def _cause(
    key: tuple[CauseKind, str, str], members: Sequence[tuple[Trial, str]], of: int
) -> Cause:
    kind, what, agent = key
    return Cause(
        kind=kind, what=what, agent=agent, trials=len(members), of=of,
        cases=tuple(dict.fromkeys(trial.key.situation for trial, _ in members)),
        runners=tuple(dict.fromkeys(trial.key.runner for trial, _ in members)),
        examples=tuple(_example(trial, why) for trial, why in _spread(members)),
    )


def _spread(members: Sequence[tuple[Trial, str]]) -> list[tuple[Trial, str]]:
    """Return a few trials, of as many cases as can be."""
    first = {trial.key.situation: (trial, why) for trial, why in reversed(members)}
    chosen = list(first.values())[::-1][:EXAMPLES]
    ids = {trial.id for trial, _ in chosen}
    rest = [pair for pair in members if pair[0].id not in ids]
    return chosen + rest[: EXAMPLES - len(chosen)]


def _example(trial: Trial, why: str) -> Example:
    answer = trial.answers[-1] if trial.answers else ""
    return Example(trial=trial.id[:10], case=trial.key.situation, runner=trial.key.runner,
                   why=_short(why), answer=_short(answer))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
