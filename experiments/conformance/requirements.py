"""What must be true of a case that was played. Each requirement says what is wrong, or nothing."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agentdyno.core.event import Step
from agentdyno.experiments.conformance.case import Case, Stage
from agentdyno.experiments.conformance.play import Played, verdicts
from agentdyno.experiments.conformance.sight import sight

Judge = Callable[[Played], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One behaviour."""

    id: str
    reason: str
    """Why it must hold."""
    applies: Callable[[Case], bool]
    """Whether it says anything about a case."""
    judge: Judge
    """Yields what is wrong, a sentence each."""


def outcome(played: Played) -> Iterator[str]:
    """The trial ends as it should."""
    ended, wanted = played.trial.outcome.value, played.case.spec.ends
    if ended not in wanted:
        yield f"it ended with {ended}, not {' or '.join(wanted)}: {played.trial.reason}"


def answer(played: Played) -> Iterator[str]:
    """The answers are right."""
    for verdict in verdicts(played):
        if verdict.status != "pass":
            yield f"check {verdict.check}: {verdict.reason}"


def calls(played: Played) -> Iterator[str]:
    """Each agent makes as many model calls as its part asks for; one without a part makes none."""
    made = Counter(call.agent for call in played.model_calls)
    for agent, wanted in played.case.spec.calls.items():
        if made[agent] != wanted:
            yield f"{agent} made {made[agent]} model calls, not {wanted}"


def messages(played: Played) -> Iterator[str]:
    """Each agent's finished text is declared as a Message."""
    wanted = played.case.spec.said or ()
    got = [(event.agent, event.text) for event in played.messages]
    due = [(said.agent, said.text) for said in wanted]
    if not _same(got, due, ordered=played.case.spec.ordered):
        yield "the messages are\n" + _listed(got) + "\nand should be\n" + _listed(due)
        return
    for said in wanted:
        if said.to is not None:
            event = next(e for e in played.messages if (e.agent, e.text) == (said.agent, said.text))
            if event.to != said.to:
                yield f"the message of {said.agent} is to {event.to}, not {said.to}"


def steps(played: Played) -> Iterator[str]:
    """The stages of the team's work are declared as Steps."""
    wanted = played.case.spec.steps or ()
    actions = {stage.action for stage in wanted}
    got = [step for step in played.steps if step.action in actions]
    if played.case.spec.ordered:
        right = len(got) == len(wanted) and all(map(_is, got, wanted))
    else:
        right = _pairs_off(got, wanted)
    if not right:
        due = [_stage(stage) for stage in wanted]
        yield (
            "the steps are\n" + _listed([_stage(step) for step in got])
            + "\nand should be\n" + _listed(due)
        )


def sees(played: Played) -> Iterator[str]:
    """Each agent sees what it needs of the others, and nothing that it must not see."""
    seen = sight(played)
    for agent, wanted in played.case.spec.sees.items():
        for what in sorted(set(wanted) - seen.get(agent, frozenset())):
            yield f"{agent} never sees {what}"
    for agent, refused in played.case.spec.blind.items():
        for what in sorted(set(refused) & seen.get(agent, frozenset())):
            yield f"{agent} sees {what}"


def usage(played: Played) -> Iterator[str]:
    """What the framework says it used is what it was told on the wire."""
    said = played.trial.usage_reported
    told = [call.usage_sent for call in played.model_calls if call.usage_sent]
    if said is None or played.trial.outcome.value != "completed":
        return
    for name in ("prompt", "completion"):
        on_wire = sum(getattr(tokens, name) for tokens in told)
        reported = getattr(said, f"{name}_tokens")
        if reported is not None and reported != on_wire:
            yield f"it reports {reported} {name} tokens, the wire says {on_wire}"


def _same(got: Sequence[tuple[str, str]], due: Sequence[tuple[str, str]], *, ordered: bool) -> bool:
    return list(got) == list(due) if ordered else sorted(got) == sorted(due)


def _is(step: Step, stage: Stage) -> bool:
    return (
        step.action == stage.action
        and stage.agent in (None, step.agent)
        and stage.to in (None, step.to)
        and stage.round in (None, step.round)
        and (stage.name is None or stage.name in step.name)
    )


def _pairs_off(got: Sequence[Step], wanted: Sequence[Stage]) -> bool:
    left = list(got)
    for stage in wanted:
        match = next((step for step in left if _is(step, stage)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _stage(stage: Stage | Step) -> tuple[str, str]:
    way = " -> ".join(filter(None, (stage.agent, stage.to)))
    numbered = f" {stage.round}" if stage.round else ""
    return f"{stage.action}{numbered} {way}".strip(), stage.name or ""


def _listed(rows: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"  {who}: {text}" for who, text in rows) or "  none"


REQUIREMENTS: tuple[Requirement, ...] = (
    Requirement(id="outcome", reason="a trial ends as its team ended it", judge=outcome,
                applies=lambda case: True),
    Requirement(id="answer", reason="checks judge the answer", judge=answer,
                applies=lambda case: bool(case.spec.checks)),
    Requirement(id="calls", reason="who has no part is not billed, and nobody is billed twice",
                judge=calls, applies=lambda case: bool(case.spec.calls)),
    Requirement(id="messages", reason="a trial's page draws who said what", judge=messages,
                applies=lambda case: case.spec.said is not None),
    Requirement(id="steps", reason="a trial's page draws how the team worked", judge=steps,
                applies=lambda case: case.spec.steps is not None),
    Requirement(id="sees", reason="a pattern is who sees what", judge=sees,
                applies=lambda case: bool(case.spec.sees or case.spec.blind)),
    Requirement(id="usage", reason="a framework that misreports its tokens must be told apart",
                judge=usage, applies=lambda case: case.spec.ends == ("completed",)),
)


def requirements_of(case: Case) -> tuple[Requirement, ...]:
    """Return what `case` is held to."""
    return tuple(each for each in REQUIREMENTS if each.applies(case))
