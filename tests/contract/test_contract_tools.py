"""Tools are reached through the gateway, exactly as the model asked for them."""

import pytest

from agentdyno.tests.contract.lab import ORDER, Lab


@pytest.mark.requirement("runner:tool:exact-arguments")
async def test_arguments_of_every_json_type_arrive_as_the_model_gave_them(lab: Lab):
    run = await lab.run("ORDER")
    assert run.texts == ("ordered",)
    (call,) = run.tool_calls
    assert (call.server, call.tool, call.is_error) == ("echo", "order", False)
    assert call.arguments == ORDER
    types = {name: type(value) for name, value in ORDER.items()}
    assert {name: type(value) for name, value in call.arguments.items()} == types


@pytest.mark.requirement("runner:tool:error-reaches-model")
async def test_the_model_is_told_why_a_tool_failed(lab: Lab):
    run = await lab.run("FAIL")
    assert [call.is_error for call in run.tool_calls] == [True]
    assert "cannot do it: it is Sunday" in run.texts[0]


@pytest.mark.requirement("runner:tool:unknown-reaches-model")
async def test_the_model_is_told_that_a_tool_does_not_exist(lab: Lab):
    run = await lab.run("UNKNOWN")
    assert run.texts[0].startswith("I was told: ")
    assert not run.tool_calls


@pytest.mark.requirement("runner:tool:parallel")
async def test_calls_of_one_turn_are_all_made_and_answered_together(lab: Lab):
    run = await lab.run("PARALLEL")
    assert run.texts == ("blue green red",)
    assert sorted(call.arguments["payload"] for call in run.tool_calls) == ["blue", "green", "red"]
    assert len(run.model_calls) == 2


@pytest.mark.requirement("runner:tool:listed-anew")
async def test_the_same_agent_is_offered_what_each_trial_has(lab: Lab):
    offered = [
        (await lab.run("HELLO", flags=flags)).model_calls[0].tools_offered
        for flags in ((), ("--fresh",), ())
    ]
    assert ["fresh" in names for names in offered] == [False, True, False]
    assert all({"echo", "order", "fail"} <= set(names) for names in offered)
