"""A recommendation in words: what the numbers say, what they rest on, and what they do not say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentdyno.core.pattern import Pattern
from agentdyno.experiments.compare.nouns import Comparison, Line
from agentdyno.experiments.compare.pareto import Front

KINDS: Mapping[str, tuple[str, str]] = {
    "deterministic": (
        "the order of work is known beforehand",
        "a pipeline or graph whose steps are fixed; what decides is cost, latency and replay",
    ),
    "cyclical": (
        "work is repeated until somebody is content",
        "a construct for loops with a limit of its own; what decides is how it ends",
    ),
    "collaborative": (
        "agents hear each other and decide together",
        "a conversation that the framework itself runs; what decides is how history grows",
    ),
    "role_based": (
        "somebody gives work to those who can do it",
        "delegation or hand-off of the framework's own; what decides is what coordination costs",
    ),
}
"""What a team is like -> when it is so, and what to look for."""

_KIND_OF = {
    "single": "deterministic", "pipeline": "deterministic", "parallel": "deterministic",
    "dag": "deterministic", "reflection": "cyclical", "round_robin": "collaborative",
    "selector": "collaborative", "supervisor": "role_based", "handoff": "role_based",
}


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to choose for one scenario, and why."""

    kind: str
    """`deterministic`, `cyclical`, `collaborative` or `role_based`."""
    choose: tuple[str, ...]
    """Arms between which nothing here decides; none when nothing can be said."""
    words: tuple[str, ...]
    """The recommendation, one sentence each, with the numbers that it rests on."""
    limits: tuple[str, ...]
    """What it does not rest on."""


def kind_of(pattern: Pattern) -> str:
    """Return what a team of this pattern is like; a graph with a loop is cyclical."""
    if pattern.type == "dag" and any(edge.max is not None for edge in pattern.edges):
        return "cyclical"
    return _KIND_OF[pattern.type]


def advise(
    pattern: Pattern, native: Mapping[str, str], comparisons: Sequence[Comparison], front: Front
) -> Advice:
    """Return the advice for arms that were all compared with each other.

    An arm is out when it is shown to pass less often than another one; of the rest, those that
    nobody beats on quality, cost and latency are recommended.

    Args:
        native: how each arm executes the pattern, in words, by arm.
    """
    kind = kind_of(pattern)
    when, look_for = KINDS[kind]
    worse = {
        name: (other, line)
        for found in comparisons
        for name, other, word in ((found.b, found.a, "worse"), (found.a, found.b, "better"))
        if (line := _passed(found)) is not None and line.verdict == word
    }
    choose = tuple(name for name in front.best if name not in worse)
    words = [f"The team is {kind.replace('_', '-')}: {when}. Look for {look_for}."]
    words += [
        f"{name} is out: it passes less often than {other} ({_told(line)})."
        for name, (other, line) in worse.items()
    ]
    for point in front.points:
        if point.arm in choose:
            rate, digits = point.passed, 0 if point.cost >= 1000 else 3
            spent = f"{point.cost:,.{digits}f} {front.cost.replace('_', ' ')}"
            words.append(
                f"{point.arm} ({native.get(point.arm, 'unknown')}): passes"
                f" {rate.value:.0%} [{rate.low:.0%}, {rate.high:.0%}] at a median of"
                f" {spent} and {point.wall_s:.2f} s."
            )
        elif point.arm not in worse:
            words.append(
                f"{point.arm} is not shown to pass less often, but {' and '.join(point.beaten_by)}"
                " is nowhere worse and somewhere better by more than the margin."
            )
    return Advice(
        kind=kind, choose=choose, words=tuple(words), limits=tuple(_limits(comparisons, choose))
    )


def _passed(found: Comparison) -> Line | None:
    return next((line for line in found.lines if line.metric == "passed"), None)


def _told(line: Line) -> str:
    if line.paired is None or line.p is None:
        return line.why
    d = line.paired.difference
    if line.exact:
        return f"by {abs(d.value):.0%}, without sampling noise"
    return f"{d.value:+.0%} [{d.low:+.0%}, {d.high:+.0%}], p = {line.p:.3g}"


def _limits(comparisons: Sequence[Comparison], choose: Sequence[str]) -> list[str]:
    limits = []
    lines = [line for found in comparisons if (line := _passed(found)) is not None]
    open_ = [line for line in lines if line.verdict == "inconclusive"]
    if open_:
        sizes = [line.paired.mde for line in open_ if line.paired and line.paired.mde]
        least = f"; differences below {max(sizes):.0%} would not show" if sizes else ""
        limits.append(
            f"{len(open_)} of {len(lines)} comparisons of pass rates are inconclusive{least}:"
            " agentdyno power says how many cases would do."
        )
    cases = {line.paired.cases for line in lines if line.paired}
    if cases and max(cases) == 1:
        limits.append("One case was run: nothing here speaks for other cases.")
    if any(line.exact for line in lines):
        limits.append(
            "The model was scripted or replayed: it makes every framework say the same, so this"
            " compares what frameworks send and take, not how a live model copes with them."
        )
    if len(choose) > 1:
        limits.append("Between those that are left, the order of your own priorities decides.")
    return limits
