"""The graph of a team with what ran of it: the rest is dashed."""

from collections.abc import Sequence

from agentdyno.core.pattern import Pattern
from agentdyno.dashboards import theme
from agentdyno.dashboards.charts.dot import Arrow, Node, dot
from agentdyno.dashboards.trials.flow import Ran, Way, agents_of

_RAN, _FAILED, _IDLE = "#dfeaf7", "#f7dfdf", "#f2f5f9"
_TAKEN = theme.SERIES[0]
_WIDEST = 4.0


def flow(pattern: Pattern | None, ways: Sequence[Way], ran: Ran) -> str:
    """Return the graph in Graphviz's language."""
    return dot(
        [_node(agent, ran) for agent in agents_of(pattern, ran)],
        [*(_arrow(way, ran) for way in ways), *_undeclared(ways, ran)],
    )


def _node(agent: str, ran: Ran) -> Node:
    count = ran.agents[agent]
    if not count:
        return Node(name=agent, lines=(agent, "did not run"), fill=_IDLE, text=theme.over(_IDLE),
                    faint=True)
    fill = _FAILED if ran.failed[agent] else _RAN
    times = ran.times[agent]
    lines = [agent]
    if ran.trials > 1:
        lines.append(f"in {count} of {ran.trials} trials")
        lines.append(f"{times} times, {ran.calls[agent]} model calls")
    else:
        lines.append(f"{times} time{'s' if times > 1 else ''}, {ran.calls[agent]} model calls")
        lines.append(f"{ran.seconds[agent]:.3f} s")
    if ran.failed[agent]:
        lines.append(f"{ran.failed[agent]} calls failed")
    return Node(name=agent, lines=tuple(lines), fill=fill, text=theme.over(fill))


def _arrow(way: Way, ran: Ran) -> Arrow:
    count = ran.ways[way.source, way.target]
    told = f"{count} of {ran.trials}" if ran.trials > 1 and count else ""
    return Arrow(
        source=way.source, target=way.target, back=way.back, faint=not count,
        label=", ".join(part for part in (way.label, told) if part),
        colour=_TAKEN if count else theme.NEUTRAL, width=_width(count, ran),
    )


def _undeclared(ways: Sequence[Way], ran: Ran) -> list[Arrow]:
    """Return ways that were gone without being declared: a runner that does as it likes."""
    known = {(way.source, way.target) for way in ways}
    return [
        Arrow(source=source, target=target, label=f"{count} of {ran.trials}, not declared",
              colour=theme.UNSURE, width=_width(count, ran), back=True)
        for (source, target), count in sorted(ran.ways.items()) if (source, target) not in known
    ]


def _width(count: int, ran: Ran) -> float:
    return 1 + (_WIDEST - 1) * count / ran.trials if ran.trials else 1.0
