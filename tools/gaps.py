"""The tool `report_missing_tool`: an agent says which tool it lacks, and the bench checks it.

A report is kept only when it can be believed: it has the form of the contract, every tool that it
says to have looked at really stands in that agent's tools/list, and none of the tools that it asks
for stands there already. What was looked at is stored with its description from the list, so that
a reader can judge why it would not do.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentdyno.core.event import CheckedTool, MissingTool, ToolGap, ToolsListed
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec

SERVER = "gaps"
"""Name that the tool's calls carry in events and checks."""
TOOL = "report_missing_tool"

_TEXT = {"type": "string", "minLength": 1}
_FIELDS = {
    "type": "object",
    "description": "JSON Schema of it, or an object that describes each field by its name.",
    "additionalProperties": True,
}
_MISSING = {
    "type": "object",
    "properties": {
        "name": _TEXT | {"description": "A name for it, such as send_invoice."},
        "description": _TEXT | {"description": "What it should do."},
        "inputs": _FIELDS | {"description": f"What it is given. {_FIELDS['description']}"},
        "outputs": _FIELDS | {"description": f"What it returns. {_FIELDS['description']}"},
        "estimated_risk": {
            "type": "string", "enum": ["low", "medium", "high"],
            "description": "low: it only reads. medium: what it changes can be undone. high: it "
            "moves money, deletes, or reaches people.",
        },
    },
    "required": ["name", "description", "inputs", "outputs", "estimated_risk"],
    "additionalProperties": False,
}
_CHECKED = {
    "type": "object",
    "properties": {
        "name": _TEXT | {"description": "Name of a tool that you have."},
        "why_not": _TEXT | {"description": "Why it is not enough."},
    },
    "required": ["name", "why_not"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "missing_tools": {
            "type": "array", "items": _MISSING, "minItems": 1,
            "description": "The tools that you would need.",
        },
        "existing_tools_checked": {
            "type": "array", "items": _CHECKED,
            "description": "The tools of yours that come nearest; empty only when you have none.",
        },
        "proposed_mcp_server": _TEXT | {
            "description": "An MCP server that could offer them: its name, and what it is.",
        },
    },
    "required": ["missing_tools", "existing_tools_checked", "proposed_mcp_server"],
    "additionalProperties": False,
}
"""JSON Schema of a report."""

OBJECT: dict[str, Any] = {
    "name": TOOL,
    "description": "Report that a tool is missing without which you cannot do your task. Look at "
    "the tools that you have first. Reporting gets nothing done: say in your answer what is left "
    "undone.",
    "inputSchema": SCHEMA,
    # It changes nothing outside the trial's record, so no policy needs to hold it up.
    "annotations": {"readOnlyHint": True, "idempotentHint": True},
}
_SCHEMA_WORDS = frozenset({"type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum"})


class GapServer:
    """Offers `report_missing_tool` to the agents whose scenario asks for it; a `LocalServer`."""

    def tools(self, agent: AgentSpec) -> tuple[dict[str, Any], ...]:
        """Return the tool for an agent that may report."""
        return (OBJECT,) if agent.report_missing_tools else ()

    async def call(
        self, sink: Sink, agent: str, tool: str, arguments: dict[str, Any]
    ) -> tuple[str, bool]:
        """Keep one report as a `ToolGap` event, or say everything that is wrong with it."""
        started = sink.now()
        listed = _listed(sink, agent)
        problems = [*_schema_problems(arguments)] or [*_untrue(arguments, listed)]
        if problems:
            told = "\n".join(f"- {problem}" for problem in problems)
            return f"Error: the report was not kept; correct it and send it again.\n{told}", True
        missing = tuple(map(MissingTool.model_validate, arguments["missing_tools"]))
        sink.record(ToolGap(
            agent=agent, started_s=started, ended_s=sink.now(), missing_tools=missing,
            existing_tools_checked=tuple(_evidence(arguments, listed)),
            proposed_mcp_server=arguments["proposed_mcp_server"].strip(),
        ))
        return json.dumps({
            "recorded": [tool.name for tool in missing],
            "note": "Kept for the people who provide tools. The task is not done by it.",
        }, ensure_ascii=False, separators=(",", ":")), False


def _listed(sink: Sink, agent: str) -> dict[str, dict[str, Any]]:
    """Return what the agent was offered, by name on the wire, without this tool."""
    return {
        tool["name"]: tool
        for event in sink.events if isinstance(event, ToolsListed) and event.agent == agent
        for tool, origin in zip(event.tools, event.origins, strict=True)
        if origin != f"{SERVER}.{TOOL}"
    }


def _schema_problems(arguments: Mapping[str, Any]) -> Iterator[str]:
    # Imported late: only trials with reports need it.
    import jsonschema

    validator = jsonschema.Draft202012Validator(SCHEMA)
    for error in sorted(validator.iter_errors(arguments), key=lambda e: list(map(str, e.path))):
        where = "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in error.path)
        yield f"{where.lstrip('.') or 'the report'}: {_plain(error)}"


def _plain(error: Any) -> str:
    """Return what the schema asks for, without quoting the whole report."""
    match error.validator:
        case "minItems":
            return "must not be empty"
        case "minLength":
            return "must not be an empty text"
        case "type":
            return f"must be of type {error.validator_value}"
        case "enum":
            return f"must be one of {', '.join(error.validator_value)}, not {error.instance!r}"
    return str(error.message)


def _untrue(arguments: Mapping[str, Any], listed: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a well-formed report says that does not hold."""
    names = ", ".join(listed) or "none"
    for at, tool in enumerate(arguments["missing_tools"]):
        if (known := _found(tool["name"], listed)) is not None:
            yield f"missing_tools[{at}]: you have the tool {known} already"
        for part in ("inputs", "outputs"):
            if problem := _not_fields(tool[part]):
                yield f"missing_tools[{at}].{part}: {problem}"
    checked = arguments["existing_tools_checked"]
    for at, tool in enumerate(checked):
        if tool["name"].rpartition(".")[2] == TOOL:
            yield f"existing_tools_checked[{at}]: {TOOL} itself is no tool for the task"
        elif _found(tool["name"], listed) is None:
            yield (
                f"existing_tools_checked[{at}]: you have no tool {tool['name']!r}; your tools: "
                f"{names}"
            )
    if not checked and listed:
        yield f"existing_tools_checked: say why the nearest of your tools will not do: {names}"


def _not_fields(value: Mapping[str, Any]) -> str | None:
    """Return why `value` is neither a JSON Schema nor a description of fields; None when it is."""
    import jsonschema

    if not _SCHEMA_WORDS & value.keys():
        strange = [
            key for key, told in value.items()
            if not (isinstance(told, Mapping) or (isinstance(told, str) and told.strip()))
        ]
        return f"describe {', '.join(strange)} in words or by a JSON Schema" if strange else None
    try:
        jsonschema.Draft202012Validator.check_schema(value)
    except jsonschema.SchemaError as error:
        # A field may be called `type`: then every value is a plain description.
        plain = all(isinstance(told, str) and told.strip() for told in value.values())
        return None if plain else f"not a JSON Schema: {error.message}"
    return None


def _evidence(arguments: Mapping[str, Any], listed: Mapping[str, Any]) -> Iterator[CheckedTool]:
    for checked in arguments["existing_tools_checked"]:
        name = _found(checked["name"], listed)
        assert name is not None, "the report was validated"
        yield CheckedTool(
            name=name, why_not=checked["why_not"], evidence=listed[name].get("description", "")
        )


def _found(name: str, listed: Iterable[str]) -> str | None:
    """Return the listed tool that `name` means.

    Frameworks show models names of their own making (`getUser` as `get_user`), and people write
    `server.tool`: where the name itself does not stand there, the only one with the same letters
    and digits does.
    """
    names = list(listed)
    if name in names:
        return name
    for meant in (name, name.rpartition(".")[2]):
        same = [known for known in names if _letters(known) == _letters(meant)]
        if len(same) == 1:
            return same[0]
    return None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
