"""Bars of a waterfall: where a trial's time went, and which of it can be drawn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agentdyno.dashboards.trials.moments import TIMED, Kind, Moment

_PIECES = 600
"""Pieces of the whole time within which bars of one lane and kind become one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A stretch of time in a lane."""

    lane: str
    kind: Kind
    started_s: float
    ended_s: float
    title: str
    failed: bool = False
    count: int = 1
    """Calls that it stands for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """Wall seconds by what the team was about. Calls that run side by side count once, in this
    order: a second in which a person was waited for and a tool worked is waiting."""

    waiting: float
    model: float
    tool: float
    memory: float
    backoff: float
    framework: float
    """What is left: nothing was asked of anybody."""


def bars(found: Iterable[Moment]) -> tuple[Bar, ...]:
    """Return a bar for each moment that takes time."""
    return tuple(
        Bar(lane=moment.agent or "trial", kind=moment.kind, started_s=moment.started_s,
            ended_s=moment.ended_s, title=moment.title, failed=moment.failed)
        for moment in found if takes_time(moment)
    )


def takes_time(moment: Moment) -> bool:
    """Return whether there is a bar for it; a call that was only logged waited for nobody."""
    return moment.kind in TIMED and (
        moment.took_s > 0 or moment.kind not in ("waiting", "backoff")
    )


def merged(every: Sequence[Bar]) -> tuple[Bar, ...]:
    """Return bars that can be told apart: neighbours of one lane and kind that are less than a
    pixel away are one, so that a trial of thousands of calls is some hundred bars."""
    if len(every) <= _PIECES:
        return tuple(every)
    begin, end = min(bar.started_s for bar in every), max(bar.ended_s for bar in every)
    near = (end - begin) / _PIECES
    lanes: defaultdict[tuple[str, Kind], list[Bar]] = defaultdict(list)
    for bar in sorted(every, key=lambda bar: bar.started_s):
        lane = lanes[bar.lane, bar.kind]
        if lane and bar.started_s - lane[-1].ended_s <= near:
            lane[-1] = _joined(lane[-1], bar)
        else:
            lane.append(bar)
    return tuple(bar for lane in lanes.values() for bar in lane)


def _joined(one: Bar, other: Bar) -> Bar:
    count = one.count + other.count
    return replace(one, ended_s=max(one.ended_s, other.ended_s), count=count,
                   failed=one.failed or other.failed, title=f"{count} calls")


def shares(found: Iterable[Moment], wall_s: float) -> Shares:
    """Return where the wall time went: `wall_s` seconds, waiting for people included."""
    order = ("waiting", "model", "tool", "memory", "backoff")
    edges = sorted(
        (at, step, moment.kind) for moment in found if moment.kind in TIMED
        for at, step in ((moment.started_s, 1), (moment.ended_s, -1))
    )
    seconds = dict.fromkeys(order, 0.0)
    open_now = dict.fromkeys(order, 0)
    before = 0.0
    for at, step, kind in edges:
        busy = next((name for name in order if open_now[name]), None)
        if busy:
            seconds[busy] += at - before
        open_now[kind] += step
        before = at
    return Shares(**seconds, framework=max(0.0, wall_s - sum(seconds.values())))
