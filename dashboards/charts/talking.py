"""The graph of who spoke to whom."""

from collections.abc import Sequence

from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.dashboards import theme
from agentdyno.dashboards.charts.dot import Arrow, Node, dot
from agentdyno.dashboards.trials.talk import EVERYBODY, USER, Line

COLOURS = {
    "message": theme.SERIES[7], "task": theme.SERIES[0], "result": theme.SERIES[2],
    "control": theme.SERIES[1], "choice": theme.SERIES[3], "turn": theme.SERIES[4],
}
_WIDEST = 5.0
_AGENT, _OTHER = "#dfeaf7", "#f2f5f9"


def talking(lines: Sequence[Line]) -> str:
    """Return the graph in Graphviz's language; the more was said, the wider the arrow."""
    names = dict.fromkeys(name for line in lines for name in (line.source, line.target))
    most = max((line.count for line in lines), default=1)
    return dot(
        [_node(name) for name in names],
        [Arrow(source=line.source, target=line.target, label=f"{line.count} {line.way}",
               colour=COLOURS[line.way], width=1 + (_WIDEST - 1) * line.count / most)
         for line in lines],
        across=True,
    )


def _node(name: str) -> Node:
    outside = name in (USER, EVERYBODY, USER_SIMULATOR)
    fill = _OTHER if outside else _AGENT
    return Node(name=name, lines=(name,), fill=fill, text=theme.over(fill), faint=outside,
                shape="ellipse" if outside else "box")
