"""Graphs in the language of Graphviz, with every text quoted: labels may be anybody's."""

from collections.abc import Iterable
from dataclasses import dataclass

from agentdyno.dashboards.text import shorten

_LONGEST = 40


@dataclass(frozen=True, kw_only=True)
class Node:
    """A box."""

    name: str
    lines: tuple[str, ...]
    """What stands in it, line by line."""
    fill: str = "#ffffff"
    """Colour `#rrggbb`."""
    text: str = "#000000"
    faint: bool = False
    """Whether it is only there to be complete: drawn with a dashed border."""
    shape: str = "box"


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """An arrow from one box to another."""

    source: str
    target: str
    label: str = ""
    colour: str = "#7a8696"
    width: float = 1.0
    """Pixels, about."""
    faint: bool = False
    back: bool = False
    """Whether it leads to an earlier box, which it must not push down."""


def dot(nodes: Iterable[Node], arrows: Iterable[Arrow], *, across: bool = False) -> str:
    """Return the graph as text; from left to right when `across`."""
    named = list(nodes)
    ids = {node.name: f"n{at}" for at, node in enumerate(named)}
    drawn = [_node(ids[node.name], node) for node in named]
    drawn += [_arrow(ids, one) for one in arrows if one.source in ids and one.target in ids]
    return "\n".join([
        "digraph {", f'rankdir="{"LR" if across else "TB"}"; bgcolor="transparent";',
        'node [style="rounded,filled", fontname="sans-serif", fontsize=12, color="#7a8696"];',
        'edge [fontname="sans-serif", fontsize=11, fontcolor="#7a8696"];', *drawn, "}",
    ])


def quoted(text: str) -> str:
    """Return `text` as a quoted string in which nothing means anything to Graphviz."""
    # As characters of HTML: Graphviz reads entities in labels, and "\\N" or "\\l" as commands.
    safe = (
        shorten(text, _LONGEST).replace("&", "&amp;").replace("\\", "&#92;").replace('"', "&quot;")
        .replace("<", "&lt;").replace(">", "&gt;")
    )
    return f'"{safe}"'


def _node(ident: str, node: Node) -> str:
    label = "\\n".join(quoted(line)[1:-1] for line in node.lines)
    style = "rounded,filled,dashed" if node.faint else "rounded,filled"
    return (f'{ident} [label="{label}", fillcolor="{node.fill}", fontcolor="{node.text}",'
            f' style="{style}", shape="{node.shape}", tooltip=" "];')


def _arrow(ids: dict[str, str], arrow: Arrow) -> str:
    style = "dashed" if arrow.faint else "solid"
    free = ", constraint=false" if arrow.back else ""
    return (f"{ids[arrow.source]} -> {ids[arrow.target]} [label={quoted(arrow.label)},"
            f' color="{arrow.colour}", penwidth={arrow.width:.1f}, style="{style}",'
            f' tooltip=" "{free}];')
