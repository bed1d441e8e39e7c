"""Reading documents: as lax as Windmill, and refused before anything runs where we must."""

from typing import Any

import pytest

from agentdyno.runners.openflow.attributes import Static
from agentdyno.runners.openflow.document import FlowDocumentError, parse


def flow(*modules: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {"value": {"modules": list(modules), **value}}


def of_kind(kind: str, name: str = "m", **value: Any) -> dict[str, Any]:
    return {"id": name, "value": {"type": kind, **value}}


@pytest.mark.parametrize("kind", ["rawscript", "script", "flow", "something_new"])
def test_an_unsupported_kind_is_refused_with_module_and_kind(kind: str) -> None:
    with pytest.raises(FlowDocumentError, match=rf"module `m` is of kind `{kind}`"):
        parse(flow(of_kind(kind)))


def test_a_flow_may_be_called_where_the_host_knows_it() -> None:
    parse(flow(of_kind("flow", path="f/known")), flows=("f/known",))
    with pytest.raises(FlowDocumentError, match=r"calls `f/other`, which is not here \(f/known\)"):
        parse(flow(of_kind("flow", path="f/other")), flows=("f/known",))


def test_all_refusals_of_a_document_are_listed_wherever_they_are() -> None:
    inner = of_kind(
        "branchone", "b", branches=[{"expr": "true", "modules": [of_kind("flow", "f")]}],
        default=[of_kind("script", "s")],
    )
    tool = {"id": "t", "value": {"tool_type": "websearch"}}
    nested = {"type": "aiagent", "input_transforms": {"system_prompt": {"type": "ai"}},
              "tools": [{"id": "u", "value": {"type": "aiagent"}}]}
    tools = [tool, {"id": "old", "value": {"type": "rawscript"}}, {"id": "n", "value": nested}]
    document = flow(
        of_kind("whileloopflow", "l", modules=[inner]),
        of_kind("aiagent", "a", tools=tools),
        of_kind("branchall", "p", branches=[{"modules": [of_kind("script", "q")]}]),
        failure_module=of_kind("rawscript", "failure"), early_return="a",
    )
    with pytest.raises(FlowDocumentError) as caught:
        parse(document)
    named = [
        "the flow uses `early_return`", "module `f` is of kind `flow`",
        "module `s` is of kind `script`", "module `q` is of kind `script`",
        "tool `t` of module `a` is of kind `websearch`",
        "tool `old` of module `a` is of kind `flowmodule` and type `rawscript`",
        "tool `n` of module `a` is an agent, whose own tools can only be MCP servers",
        "tool `n` of module `a` is an agent, whose model gives `user_message` alone",
        "module `failure` is of kind `rawscript`",
    ]
    assert len(caught.value.problems) == len(named)
    assert all(any(text in problem for problem in caught.value.problems) for text in named)


@pytest.mark.parametrize("document", [
    None, [], {}, {"value": None}, flow({"id": "x"}), {"value": {"modules": {}}},
    flow(of_kind("forloopflow", "l")),
    flow(of_kind("aiagent", "a", input_transforms={"x": {"type": "ai"}})),
    flow({**of_kind("identity"), "retry": {"exponential": {"attempts": 1, "seconds": 0}}}),
    flow({**of_kind("identity"), "retry": {"constant": {"attempts": -1}}}),
])
def test_a_malformed_document_is_refused(document: Any) -> None:
    with pytest.raises(FlowDocumentError):
        parse(document)


def test_documents_are_read_as_laxly_as_windmill_reads_them() -> None:
    document = flow(
        {"value": {"type": "identity"}, "suspend": {"required_events": 0}, "sleep": None,
         "timeout": 30, "retry": {"exponential": {"attempts": 0, "seconds": 0}},
         "mock": None, "skip_if": None, "unknown_key": 1},
        {"id": "a", "value": {"type": "identity"}},
        {"value": {"type": "aiagent", "input_transform": {"x": {"type": "static"}},
                   "tools": None, "parallel": None}},
        of_kind("branchone", "e", branches=[{"expr": "true"}], default=None),
        of_kind("forloopflow", "l", iterator=[1, 2], modules=None, skip_failures=None),
        of_kind("branchall", "p", branches=[{"skip_failure": None}], parallel=None),
        {**of_kind("identity", "s"), "suspend": {"required_events": 1, "timeout": None}},
        failure_module=None, same_worker=True, cache_ttl=5,
    )
    parsed = parse({**document, "summary": None, "description": None, "schema": {"type": "object"}})
    modules = parsed.value.modules
    assert [module.id for module in modules] == ["b", "a", "c", "e", "l", "p", "s"]
    assert modules[0].timeout == Static(value=30)
    assert modules[2].value.input_transforms == {"x": Static(value=None)}  # type: ignore[union-attr]
    assert modules[4].value.iterator == Static(value=[1, 2])  # type: ignore[union-attr]
    assert modules[5].value.parallel is True  # type: ignore[union-attr]
    assert modules[6].suspend is not None
    assert modules[6].suspend.timeout == Static(value=1800)
