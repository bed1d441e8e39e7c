"""Run by the crewai environment: each function holds while the adapter still needs its trick."""

import asyncio
from contextlib import suppress
from typing import Any

from crewai import Agent, Crew, Process, Task
from crewai.flow.flow import Flow, listen, router, start
from crewai.llms import retry
from crewai.llms.base_llm import BaseLLM
from crewai.llms.providers.openai.completion import OpenAICompletion
from crewai.tools import BaseTool
from crewai.tools.agent_tools.agent_tools import AgentTools
from crewai.tools.mcp_native_tool import MCPNativeTool
from crewai.utilities import agent_utils
from pydantic import BaseModel

from agentdyno.runners._crewai_parts import silence
from agentdyno.runners._crewai_versions import once, rows_of, tried_within


class _Arguments(BaseModel):
    query: str
    limit: int | None = None


class _Tool(BaseTool):
    name: str = "search"
    description: str = "Search."
    args_schema: type[BaseModel] = _Arguments

    def _run(self, **arguments: Any) -> Any:
        return arguments


def _model(**options: Any) -> OpenAICompletion:
    return OpenAICompletion(
        model="default", custom_openai=True, base_url="http://127.0.0.1:9/v1", api_key="none",
        **options,
    )


class _Limited(BaseLLM):
    """A model that is always busy, and counts how often it was asked."""

    made: int = 0

    @tried_within
    def call(self, *_: Any, **__: Any) -> str:
        self.made += 1
        raise RuntimeError("rate limit")

    async def acall(self, *_: Any, **__: Any) -> str:
        return self.call()


async def _attempts(model: _Limited, ask: Any) -> int:
    with suppress(RuntimeError):
        await asyncio.create_task(ask())
    return model.made


def model_calls_are_tried_three_times_until_told_otherwise() -> None:
    async def no_wait(_: float) -> None:
        return None

    retry.arun_with_rate_limit_retry.__kwdefaults__["sleep"] = no_wait
    model = _Limited(model="m")
    assert asyncio.run(_attempts(model, model.acall)) == 3
    model = _Limited(model="m")
    assert asyncio.run(_attempts(model, once(model.acall))) == 1


def a_call_that_is_marked_gets_no_attempts_of_its_own() -> None:
    model = _Limited(model="m")
    with suppress(RuntimeError):
        model.call()
    assert model.made == 1


def a_forced_call_follows_the_last_round() -> None:
    calls: list[int] = []

    class Model:
        def call(self, *_: Any, **__: Any) -> str:
            calls.append(1)
            return "forced"

    agent_utils.handle_max_iterations_exceeded(None, [], Model(), [], verbose=False)
    assert calls == [1]


def a_synchronous_client_is_built_for_each_model() -> None:
    assert _model()._client is not None
    assert callable(OpenAICompletion._build_sync_client)
    assert callable(OpenAICompletion._build_async_client)
    assert callable(OpenAICompletion._get_client_params)


def tool_choice_is_always_auto() -> None:
    asked = _model(additional_params={"tool_choice": "required"})
    tool = {"type": "function", "function": {"name": "t", "description": "", "parameters": {}}}
    assert asked._prepare_completion_params([], [tool])["tool_choice"] == "auto"


def an_alias_gets_a_small_context_window() -> None:
    assert _model().get_context_window_size() < 10_000


def a_name_with_o1_loses_its_tools() -> None:
    model = OpenAICompletion(
        model="demo1", custom_openai=True, base_url="http://127.0.0.1:9/v1", api_key="none"
    )
    assert not model.supports_function_calling()
    model.is_o1_model = False
    assert model.supports_function_calling()


def tools_fill_in_nulls() -> None:
    assert _Tool().run(query="x") == {"query": "x", "limit": None}


def native_mcp_tools_take_the_servers_name() -> None:
    tool = MCPNativeTool(
        client_factory=lambda: None, tool_name="search", tool_schema={}, server_name="gateway"
    )
    assert tool.name == "gateway_search"


def panels_and_warnings_can_be_silenced() -> None:
    silence()


def the_newest_release_has_all_that_an_older_one_lacks() -> None:
    assert (*rows_of("single"), *rows_of("pipeline")) == ()



class _Remembering(Flow):
    @start()
    async def begin(self) -> None:
        """Nothing to do."""


class _Forgetful(_Remembering):
    _skip_auto_memory: bool = True


class _Sides(Flow):
    """Two routers and two listeners of the same event; pairs meet, or find that they cannot."""

    _skip_auto_memory: bool = True

    @start()
    async def begin(self) -> None:
        """Nothing to do."""

    @router("begin")
    async def first(self) -> str:
        return await self._meet("routers")

    @router("begin")
    async def second(self) -> str:
        return await self._meet("routers")

    @listen("begin")
    async def third(self) -> None:
        await self._meet("listeners")

    @listen("begin")
    async def fourth(self) -> None:
        await self._meet("listeners")

    async def _meet(self, who: str) -> str:
        _HERE[who] = _HERE.get(who, 0) + 1
        for _ in range(100):
            await asyncio.sleep(0)
        _MOST[who] = max(_MOST.get(who, 0), _HERE[who])
        _HERE[who] -= 1
        return f"{who} met"


_HERE: dict[str, int] = {}
_MOST: dict[str, int] = {}


def a_flow_has_a_memory_unless_told_otherwise() -> None:
    assert _Forgetful(tracing=False).memory is None
    assert _Remembering(tracing=False).memory is not None


def routers_work_one_after_the_other_and_listeners_side_by_side() -> None:
    asyncio.run(_Sides(tracing=False).kickoff_async())
    assert _MOST == {"routers": 1, "listeners": 2}


def coworkers_are_known_by_their_roles_alone() -> None:
    roles = ("Digger", "somebody else", '"the   digger"', "THE digger")
    agents = [Agent(role=role, goal="g", backstory="b", llm=_model()) for role in roles]
    tool = AgentTools(agents=agents).tools()[0]
    assert [tool.sanitize_agent_name(agent.role) for agent in agents][2:] == ["the digger"] * 2


def a_manager_with_tools_is_refused() -> None:
    manager = Agent(role="m", goal="g", backstory="b", llm=_model(), tools=[_Tool()])
    worker = Agent(role="w", goal="g", backstory="b", llm=_model())
    crew = Crew(
        agents=[worker], tasks=[Task(description="d", expected_output="e")],
        process=Process.hierarchical, manager_agent=manager,
    )
    refusals: list[str] = []
    try:
        crew.kickoff()
    except Exception as refusal:
        refusals.append(str(refusal))
    assert refusals == ["Manager agent should not have tools"]
