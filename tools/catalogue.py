"""Which tools an agent is given, under which names, and what to say of one that is not there."""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

Tools = tuple[dict[str, Any], ...]
"""MCP tool objects."""

_SHOWN = ("title", "description", "inputSchema", "outputSchema", "annotations")
"""Members of a tool that agents are shown; the others announce features that are not bridged."""


def servers_named(references: Iterable[str]) -> tuple[str, ...]:
    """Return the servers that `server.tool` and `server.*` references name, each once."""
    return tuple(dict.fromkeys(reference.partition(".")[0] for reference in references))


def dangling(references: Iterable[str], catalogue: Mapping[str, Tools]) -> tuple[str, ...]:
    """Return one sentence per reference that leads nowhere, with the nearest name that exists."""
    return tuple(
        problem for reference in references
        if (problem := _dangling(reference, catalogue)) is not None
    )


def _dangling(reference: str, catalogue: Mapping[str, Tools]) -> str | None:
    server, dot, tool = reference.partition(".")
    if not dot or not tool:
        return f"{reference!r} is not of the form server.tool or server.*"
    if server not in catalogue:
        return f"{reference!r}: there is no tool server {server!r}{_nearest(server, catalogue)}"
    names = [known["name"] for known in catalogue[server]]
    if tool == "*" or tool in names:
        return None
    return f"{reference!r}: the server {server!r} has no tool {tool!r}{_nearest(tool, names)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(names)}" if names else "; there is none"


def select(
    references: Iterable[str], catalogue: Mapping[str, Tools]
) -> tuple[tuple[str, str], ...]:
    """Return (server, tool) of every reference in order, each once."""
    chosen: dict[tuple[str, str], None] = {}
    for reference in references:
        server, _, wanted = reference.partition(".")
        for tool in catalogue.get(server, ()):
            if wanted in ("*", tool["name"]):
                chosen[server, tool["name"]] = None
    return tuple(chosen)


def wire_names(chosen: Iterable[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return (server, tool) by wire name: the tool's own, or server__tool when two share it."""
    pairs = tuple(chosen)
    count = Counter(tool for _, tool in pairs)
    return {
        (tool if count[tool] == 1 else f"{server}__{tool}"): (server, tool)
        for server, tool in pairs
    }


def shown(name: str, tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tool object that an agent is shown."""
    return {"name": name} | {key: tool[key] for key in _SHOWN if tool.get(key) is not None}
