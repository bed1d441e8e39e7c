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
_MANY = 3
_WIDEST = 4.0
_AGENT, _OTHER = "#dfeaf7", "#f2f5f9"


def talking(lines: Sequence[Line]) -> str:
    """Return the graph in Graphviz's language; the more was said, the wider the arrow.

    What somebody says to three and more at a time is drawn as said to everybody.
    """
    lines = _gathered(lines)
    names = dict.fromkeys(name for line in lines for name in (line.source, line.target))
    most = max(2, *(line.count for line in lines))
    return dot(
        [_node(name) for name in names],
        [Arrow(source=line.source, target=line.target, label=f"{line.count} {line.way}",
               colour=COLOURS[line.way], width=1 + (_WIDEST - 1) * line.count / most)
         for line in lines],
        across=True,
    )


def _gathered(lines: Sequence[Line]) -> list[Line]:
    heard: dict[str, list[Line]] = {}
    for line in lines:
        if line.way == "message":
            heard.setdefault(line.source, []).append(line)
    broad = {name: said for name, said in heard.items() if len(said) >= _MANY}
    # As often as the one who heard most: each text went to all of them.
    return [line for line in lines if line.way != "message" or line.source not in broad] + [
        Line(source=name, target=EVERYBODY, way="message", count=max(one.count for one in said))
        for name, said in broad.items()
    ]


def _node(name: str) -> Node:
    outside = name in (USER, EVERYBODY, USER_SIMULATOR)
    fill = _OTHER if outside else _AGENT
    return Node(name=name, lines=(name,), fill=fill, text=theme.over(fill), faint=outside,
                shape="ellipse" if outside else "box")
