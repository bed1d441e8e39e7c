"""Run by the openai_agents environment: each holds while the adapter still needs its trick."""

import inspect
from typing import Any, cast

from agents.tool import default_tool_error_function

from agents import Agent, Runner


def the_sdk_hides_from_a_manager_why_its_worker_failed() -> None:
    told = default_tool_error_function(cast(Any, None), RuntimeError("the provider is on fire"))
    assert "on fire" not in told


def the_limit_of_model_calls_is_one_for_all_agents_of_a_run() -> None:
    assert "max_turns" in inspect.signature(Runner.run).parameters
    assert "max_turns" not in inspect.signature(Agent.__init__).parameters
