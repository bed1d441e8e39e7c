"""What a document asks for and this engine does not execute: found before anything runs."""

from collections.abc import Collection, Iterator
from typing import Any

from agentdyno.runners.openflow.scripts import script_refusal

KINDS = (
    "aiagent", "branchall", "branchone", "flow", "forloopflow", "identity", "rawscript",
    "whileloopflow",
)
"""Module kinds that the engine executes."""

_UNSUPPORTED_FLOW_KEYS = ("skip_expr", "early_return")


def refusals(document: Any, flows: Collection[str] = ()) -> Iterator[str]:
    """Yield one sentence per thing that makes the document unrunnable, naming module and kind.

    `flows` are the paths that modules of kind `flow` may name.
    """
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, dict):
        yield "an OpenFlow document is an object with `value.modules`"
        return
    for key in _UNSUPPORTED_FLOW_KEYS:
        if value.get(key):
            yield f"the flow uses `{key}`, which this engine does not execute"
    yield from _modules(value.get("modules"), "value.modules", flows)
    if value.get("failure_module") is not None:
        yield from _module(value["failure_module"], "value.failure_module", flows)


def _modules(raw: Any, where: str, flows: Collection[str]) -> Iterator[str]:
    if raw is None:
        return
    if not isinstance(raw, list):
        yield f"{where}: must be a list of modules"
        return
    for index, module in enumerate(raw):
        yield from _module(module, f"{where}[{index}]", flows)


def _module(raw: Any, where: str, flows: Collection[str]) -> Iterator[str]:
    value = raw.get("value") if isinstance(raw, dict) else None
    if not isinstance(value, dict):
        yield f"{where}: a module is an object with an object `value`"
        return
    name = f"module `{raw.get('id') or where}`"
    kind = value.get("type")
    if kind not in KINDS:
        yield (
            f"{name} is of kind `{kind}`, which this engine does not execute "
            f"(it executes {', '.join(KINDS)})"
        )
        return
    if kind == "flow" and value.get("path") not in flows:
        known = ", ".join(sorted(flows)) or "no flow was given to it"
        path = value.get("path")
        yield f"{name} is of kind `flow` and calls `{path}`, which is not here ({known})"
    if kind == "rawscript":
        reason = script_refusal(value.get("language"), value.get("content"))
        if reason:
            yield f"{name} is of kind `rawscript` and {reason}"
    yield from _tools(value.get("tools"), name)
    yield from _modules(value.get("modules"), f"{where}.value.modules", flows)
    yield from _modules(value.get("default"), f"{where}.value.default", flows)
    branches = value.get("branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        if isinstance(branch, dict):
            inner = f"{where}.value.branches[{index}].modules"
            yield from _modules(branch.get("modules"), inner, flows)


def _tools(raw: Any, name: str) -> Iterator[str]:
    for index, tool in enumerate(raw if isinstance(raw, list) else ()):
        label = f"tool `{tool.get('id') if isinstance(tool, dict) else index}` of {name}"
        value = tool.get("value") if isinstance(tool, dict) else None
        value = value if isinstance(value, dict) else {}
        kind = value.get("tool_type") or "flowmodule"
        if kind == "flowmodule" and value.get("type") == "aiagent":
            yield from _nested(value, label)
        elif kind != "mcp":
            yield (
                f"{label} is of kind `{kind}` and type `{value.get('type')}`, which this engine "
                "does not execute (it executes mcp, and flowmodule of type aiagent)"
            )


def _nested(value: dict[str, Any], label: str) -> Iterator[str]:
    for inner in value.get("tools") or ():
        rule = inner.get("value") if isinstance(inner, dict) else None
        if not isinstance(rule, dict) or rule.get("tool_type") != "mcp":
            yield f"{label} is an agent, whose own tools can only be MCP servers"
    inputs = value.get("input_transforms")
    for key, transform in (inputs if isinstance(inputs, dict) else {}).items():
        from_model = isinstance(transform, dict) and transform.get("type") == "ai"
        if from_model and key != "user_message":
            yield f"{label} is an agent, whose model gives `user_message` alone, not `{key}`"
