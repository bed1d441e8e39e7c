"""`report_missing_tool` at the tool gateway: what is kept, and what is sent back with why."""

import copy
from typing import Any

import pytest

from agentdyno.core.event import ToolCall, ToolGap, ToolsListed

REPORT: dict[str, Any] = {
    "missing_tools": [{
        "name": "send_parcel", "description": "Hands a parcel to a carrier.",
        "inputs": {"type": "object", "properties": {"weight_kg": {"type": "number"}}},
        "outputs": {"tracking": "the carrier's number"},
        "estimated_risk": "high",
    }],
    "existing_tools_checked": [{"name": "echo", "why_not": "It only repeats what it is told."}],
    "proposed_mcp_server": "carrier: books parcels",
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the report with one part in another way; `...` takes the part away."""
    report = copy.deepcopy(REPORT)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = report
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return report


async def opened(bench: Any, *tools: str, **more: Any) -> Any:
    agent = bench.agent(*tools, report_missing_tools=True, **more)
    return await bench.open(agent, servers={"tiny": bench.tiny()})


async def test_a_report_is_kept_with_what_the_tools_list_says_of_the_tools_looked_at(
    bench: Any,
) -> None:
    sink = await opened(bench, "tiny.echo")
    result = await bench.call("report_missing_tool", REPORT)
    assert not result["isError"]
    assert '"recorded":["send_parcel"]' in bench.text(result)
    [gap] = [event for event in sink.events if isinstance(event, ToolGap)]
    [listed] = [event for event in sink.events if isinstance(event, ToolsListed)]
    described = {tool["name"]: tool["description"] for tool in listed.tools}
    assert gap.agent == "worker"
    assert gap.missing_tools[0].estimated_risk == "high"
    [checked] = gap.existing_tools_checked
    assert (checked.name, checked.evidence) == ("echo", described["echo"])
    [call] = [event for event in sink.events if isinstance(event, ToolCall)]
    assert (call.server, call.tool, call.is_error) == ("gaps", "report_missing_tool", False)


async def test_only_agents_whose_scenario_asks_for_it_may_report(bench: Any) -> None:
    await bench.open(bench.agent("tiny.echo"), servers={"tiny": bench.tiny()})
    _, body = await bench.post("tools/list")
    assert "report_missing_tool" not in [tool["name"] for tool in body["result"]["tools"]]
    assert (await bench.call("report_missing_tool", REPORT))["isError"]


async def test_an_agent_without_any_tool_has_looked_at_none(bench: Any) -> None:
    sink = await opened(bench)
    result = await bench.call("report_missing_tool", changed("existing_tools_checked", []))
    assert not result["isError"]
    [gap] = [event for event in sink.events if isinstance(event, ToolGap)]
    assert gap.existing_tools_checked == ()


@pytest.mark.parametrize("name", ["tiny.echo", "Echo", "tiny.Echo"])
async def test_a_name_that_a_framework_made_of_a_tools_name_is_understood(
    bench: Any, name: str
) -> None:
    sink = await opened(bench, "tiny.echo")
    await bench.call("report_missing_tool", changed("existing_tools_checked.0.name", name))
    [gap] = [event for event in sink.events if isinstance(event, ToolGap)]
    assert gap.existing_tools_checked[0].name == "echo"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("missing_tools", [], "missing_tools: must not be empty"),
        ("missing_tools", ..., "'missing_tools' is a required property"),
        ("missing_tools.0.estimated_risk", "huge", "one of low, medium, high, not 'huge'"),
        ("missing_tools.0.inputs", "a weight", "missing_tools[0].inputs: must be of type object"),
        ("missing_tools.0.inputs", {"type": {"no": 1}}, "inputs: not a JSON Schema"),
        ("missing_tools.0.outputs", {"tracking": 7}, "describe tracking in words"),
        ("missing_tools.0.name", "", "missing_tools[0].name: must not be an empty text"),
        ("missing_tools.0.name", "echo", "missing_tools[0]: you have the tool echo already"),
        ("existing_tools_checked.0.name", "ship", "you have no tool 'ship'; your tools: echo"),
        ("existing_tools_checked.0.name", "report_missing_tool", "itself is no tool for the task"),
        ("existing_tools_checked", [], "say why the nearest of your tools will not do: echo"),
        ("existing_tools_checked.0.why_not", ..., "'why_not' is a required property"),
        ("proposed_mcp_server", ..., "'proposed_mcp_server' is a required property"),
        ("urgent", True, "'urgent' was unexpected"),
    ],
)
async def test_a_report_that_is_wrong_comes_back_with_what_is_wrong(
    bench: Any, path: str, value: Any, said: str
) -> None:
    sink = await opened(bench, "tiny.echo")
    result = await bench.call("report_missing_tool", changed(path, value))
    assert result["isError"]
    assert said in bench.text(result)
    assert not [event for event in sink.events if isinstance(event, ToolGap)]


async def test_all_problems_of_a_report_are_told_at_once(bench: Any) -> None:
    await opened(bench, "tiny.echo")
    report = changed("existing_tools_checked.0.name", "ship")
    report["missing_tools"][0]["name"] = "echo"
    told = bench.text(await bench.call("report_missing_tool", report))
    assert "you have the tool echo already" in told
    assert "you have no tool 'ship'" in told


async def test_a_name_alone_may_be_called_type(bench: Any) -> None:
    await opened(bench, "tiny.echo")
    plain = changed("missing_tools.0.inputs", {"type": "kind of parcel", "weight": "in kg"})
    assert not (await bench.call("report_missing_tool", plain))["isError"]
