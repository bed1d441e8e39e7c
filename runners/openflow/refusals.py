"""What a document asks for and this engine does not execute: found before anything runs."""

from collections.abc import Iterator
from typing import Any

KINDS = ("aiagent", "branchone", "forloopflow", "identity")
"""Module kinds that the engine executes."""

_UNSUPPORTED_KEYS = ("sleep", "suspend", "stop_after_all_iters_if")
_UNSUPPORTED_FLOW_KEYS = ("skip_expr", "early_return")


def refusals(document: Any) -> Iterator[str]:
    """Yield one sentence per thing that makes the document unrunnable, naming module and kind."""
    value = document.get("value") if isinstance(document, dict) else None
    if not isinstance(value, dict):
        yield "an OpenFlow document is an object with `value.modules`"
        return
    for key in _UNSUPPORTED_FLOW_KEYS:
        if value.get(key):
            yield f"the flow uses `{key}`, which this engine does not execute"
    yield from _modules(value.get("modules"), "value.modules")
    if value.get("failure_module") is not None:
        yield from _module(value["failure_module"], "value.failure_module")


def _modules(raw: Any, where: str) -> Iterator[str]:
    if raw is None:
        return
    if not isinstance(raw, list):
        yield f"{where}: must be a list of modules"
        return
    for index, module in enumerate(raw):
        yield from _module(module, f"{where}[{index}]")


def _module(raw: Any, where: str) -> Iterator[str]:
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
    for key in _UNSUPPORTED_KEYS:
        if _asks(raw.get(key)):
            yield f"{name} of kind `{kind}` uses `{key}`, which this engine does not execute"
    if kind == "forloopflow" and value.get("parallel"):
        yield f"{name} of kind `{kind}` is parallel; this engine runs loops sequentially"
    yield from _tools(value.get("tools"), name)
    yield from _modules(value.get("modules"), f"{where}.value.modules")
    yield from _modules(value.get("default"), f"{where}.value.default")
    branches = value.get("branches")
    for index, branch in enumerate(branches if isinstance(branches, list) else ()):
        if isinstance(branch, dict):
            yield from _modules(branch.get("modules"), f"{where}.value.branches[{index}].modules")


def _asks(setting: Any) -> bool:
    """Whether an attribute asks for anything: null and `required_events: 0` do not."""
    if isinstance(setting, dict) and "required_events" in setting:
        return bool(setting["required_events"])
    return bool(setting)


def _tools(raw: Any, name: str) -> Iterator[str]:
    for index, tool in enumerate(raw if isinstance(raw, list) else ()):
        value = tool.get("value") if isinstance(tool, dict) else None
        kind = value.get("tool_type", "flowmodule") if isinstance(value, dict) else None
        if kind != "mcp":
            label = tool.get("id") if isinstance(tool, dict) else None
            yield (
                f"tool `{label or index}` of {name} is of kind `{kind}`, "
                "which this engine does not execute (it executes mcp)"
            )
