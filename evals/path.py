"""The check of the way that a team went: speakers, rounds, handoffs, delegations, loops."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import groupby
from pathlib import Path

from agentdyno.core.checkteam import PathCheck, Way
from agentdyno.core.event import Event, Step, StepAction
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.evals.finding import Finding, excerpt, failed, passed
from agentdyno.evals.sideeffects import call_key

LONGEST = 20
"""Most pieces of work of which one loop is made."""

Work = tuple[Hashable, ...]
"""One piece of work, by its agent first and by everything that makes it the same as another."""


def path(trial: Trial, check: PathCheck, folder: Path) -> Finding:
    """Compare the way that the team went with the one asked for; names every deviation."""
    messages = [
        event for event in trial.events
        if event.kind == "message" and event.text.strip() and event.agent != USER_SIMULATOR
    ]
    steps = [event for event in trial.events if event.kind == "step"]
    speakers = [name for name, _ in groupby(event.agent for event in messages)]
    faults = [
        *_speaking(check, speakers),
        *_passing("handoff", check.handoffs, _of(steps, "handoff")),
        *_passing("delegation", check.delegations, _of(steps, "delegated")),
        *_counts(check, len(messages), steps),
        *_looping(trial, check),
    ]
    spoke = f"spoke: {' → '.join(speakers) or 'nobody'}"
    return failed(f"{'; '.join(faults)} ({spoke})") if faults else passed(spoke)


def _speaking(check: PathCheck, speakers: Sequence[str]) -> Iterable[str]:
    if missing := [name for name in check.agents if name not in speakers]:
        yield f"never spoke: {', '.join(missing)}"
    elif check.order == "within" and (late := _out_of_place(check.agents, speakers)) is not None:
        yield f"{check.agents[late]} did not speak in its place in {' → '.join(check.agents)}"
    elif check.order == "exact" and list(check.agents) != list(speakers):
        yield f"the order was to be {' → '.join(check.agents)}"
    if heard := [name for name in check.silent if name in speakers]:
        yield f"spoke, but should not have: {', '.join(heard)}"


def _out_of_place(wanted: Sequence[Hashable], there: Sequence[Hashable]) -> int | None:
    """Return the index of the first of `wanted` that does not follow the one before it."""
    rest = iter(there)
    # `in` on an iterator consumes it up to the match: each is looked for after the last.
    return next((at for at, one in enumerate(wanted) if one not in rest), None)


def _of(steps: Sequence[Step], action: StepAction) -> list[Step]:
    return [step for step in steps if step.action == action]


def _passing(what: str, wanted: Sequence[Way], steps: Sequence[Step]) -> Iterable[str]:
    there = [(step.agent, step.to) for step in steps]
    late = _out_of_place([(way.source, way.target) for way in wanted], there)
    if late is not None:
        seen = ", ".join(f"{source} → {target}" for source, target in there) or "none"
        way = wanted[late]
        yield f"no {what} {way.source} → {way.target} in its place; there were: {seen}"


def _counts(check: PathCheck, messages: int, steps: Sequence[Step]) -> Iterable[str]:
    # Their numbers start anew with each user turn, so it is the beginnings that count.
    rounds = len(_of(steps, "round"))
    bounds = (
        ("messages", messages, check.max_messages),
        ("rounds", rounds, check.max_rounds),
        ("handoffs", len(_of(steps, "handoff")), check.max_handoffs),
        ("delegations", len(_of(steps, "delegated")), check.max_delegations),
    )
    for name, count, most in bounds:
        if most is not None and count > most:
            yield f"{count} of at most {most} {name}"
    if check.min_rounds is not None and rounds < check.min_rounds:
        yield f"{rounds} of at least {check.min_rounds} rounds"


def _looping(trial: Trial, check: PathCheck) -> Iterable[str]:
    if check.max_loops is None:
        return
    found = loops(trial, check.loop_repeats)
    if len(found) > check.max_loops:
        yield f"{len(found)} of at most {check.max_loops} loops: {'; '.join(found)}"


def loops(trial: Trial, repeats: int) -> list[str]:
    """Return the same work done again directly after itself, `repeats` times or more, in words.

    Looked for in what the team did as a whole, and, where tools are called, in what each agent did
    by itself, since agents that work side by side interleave in no particular order. A critic who
    says the same of three drafts is no loop. The same work is told once.
    """
    whole = [work for event in trial.events if (work := _work(event)) is not None]
    alone: dict[Hashable, list[Work]] = defaultdict(list)
    for work in whole:
        alone[work[0]].append(work)
    found = repeated(whole, repeats)
    for sequence in alone.values() if len(alone) > 1 else ():
        found += [
            (block, times) for block, times in repeated(sequence, repeats)
            if any(work[1] == "calls" for work in block)
            and not any(set(block) <= set(known) for known, _ in found)
        ]
    return [f"{' → '.join(map(_told, block))}, {times} times" for block, times in found]


def repeated(sequence: Sequence[Work], repeats: int) -> list[tuple[Sequence[Work], int]]:
    """Return the blocks of up to `LONGEST` items that directly follow themselves, with how often.

    The shortest block that explains a stretch is told, and each stretch once.
    """
    found: list[tuple[Sequence[Work], int]] = []
    covered = [False] * len(sequence)
    for length in range(1, min(LONGEST, len(sequence) // repeats) + 1):
        start = 0
        while start + length * repeats <= len(sequence):
            end = start
            while end + length < len(sequence) and sequence[end] == sequence[end + length]:
                end += 1
            times = (end - start) // length + 1
            stretch = range(start, start + times * length)
            if times >= repeats and not all(covered[at] for at in stretch):
                found.append((sequence[start : start + length], times))
                covered[stretch.start : stretch.stop] = [True] * len(stretch)
            # Whatever begins between here and the mismatch ends there too, and is shorter.
            start = end + 1
    return found


def _work(event: Event) -> Work | None:
    if event.agent == USER_SIMULATOR:
        return None
    if event.kind == "tool_call":
        return event.agent, "calls", *call_key(event)
    if event.kind == "message" and event.text.strip():
        return event.agent, "says", " ".join(event.text.split())
    if event.kind == "step" and event.action in ("handoff", "delegated"):
        what = event.name if event.action == "delegated" else ""
        return event.agent, event.action, event.to, what
    return None


def _told(work: Work) -> str:
    agent, what, *rest = work
    told = (part.decode() if isinstance(part, bytes) else str(part) for part in rest)
    return f"{agent} {what} {excerpt(' '.join(told), 80)}"
