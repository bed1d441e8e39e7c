"""What a scenario's `approvals` refers to must exist."""

from collections.abc import Collection

from agentdyno.core.errors import Problem
from agentdyno.core.yamlfile import KeyPath, YamlDocument
from agentdyno.scenarios.checkrefs import unknown


def approval_problems(document: YamlDocument, servers: Collection[str]) -> list[Problem]:
    """Return every tool reference of `approvals` whose server is none of `servers`."""
    return [
        document.problem(path, unknown("tool server", server, sorted(servers)))
        for path, tool in approval_tools(document)
        if (server := tool.partition(".")[0]) not in servers
    ]


def approval_tools(document: YamlDocument) -> list[tuple[KeyPath, str]]:
    """Return the tools that `approvals` names, with their places; malformed ones are left out."""
    data = document.data.get("approvals") if isinstance(document.data, dict) else None
    if not isinstance(data, dict):
        return []
    risks, script = data.get("risks"), data.get("script")
    found: list[tuple[KeyPath, str]] = [
        (("approvals", "risks", str(tool)), str(tool))
        for tool in (risks if isinstance(risks, dict) else ())
    ]
    for at, entry in enumerate(script if isinstance(script, list) else ()):
        tool = entry.get("tool") if isinstance(entry, dict) else None
        if isinstance(tool, str):
            found.append((("approvals", "script", at, "tool"), tool))
    return found
