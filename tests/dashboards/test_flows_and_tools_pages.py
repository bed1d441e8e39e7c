"""The pages of flows and tools."""

import asyncio
import re

import pytest

from agentdyno.core.event import CheckedTool, MissingTool, ToolCall, ToolGap, ToolsListed
from agentdyno.dashboards.trials.toollines import missed_tools, server_health, tool_lines
from agentdyno.store.database import open_pool
from agentdyno.store.gaps import gaps
from agentdyno.store.toollists import offered_tools
from agentdyno.store.tooluse import tool_use
from agentdyno.store.trials import TrialStore
from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.dashboards.hostile import EVERYTHING, FORBIDDEN, MARK
from agentdyno.tests.dashboards.stored import Page

TRIAL = made.analysis("crewai", 0, prompt=1200)[0].id
_ESCAPED = re.compile(r"\\.", re.DOTALL)
TEXT = EVERYTHING.replace("\ud800", "")


def test_flows_draw_what_ran_over_all_trials_and_in_one(stored: str, open_page: Page) -> None:
    page = open_page("flows", stored, scenario="investment_analysis", runner="crewai")
    assert not page.exception
    agents, ways = page.dataframe[0].value, page.dataframe[1].value
    assert list(agents["agent"]) == ["researcher", "writer"]
    assert list(agents["ran in"]) == ["8 of 8", "8 of 8"]
    assert list(ways["95 % interval"]) == ["68 to 100 %"]
    one = open_page("flows", stored, trial=TRIAL)
    assert list(one.dataframe[0].value["ran"]) == ["yes", "yes"]
    assert any('"aiagent"' in code.value for code in one.code)


def test_flows_of_a_runner_without_trials_say_what_to_run(stored: str, open_page: Page) -> None:
    page = open_page("flows", stored, scenario="order_mail", runner="autogen")
    assert [code.value for code in page.code] == ["agentdyno run order_mail --runner autogen"]


def test_the_registry_tells_of_each_tool_how_it_did(stored: str, open_page: Page) -> None:
    page = open_page("tools", stored, tool="mailbox.send_mail")
    rows = {row["tool"]: row for row in page.dataframe[0].value.to_dict("records")}
    assert set(rows) == {"helpdesk.refund", "mailbox.send_mail", "market.returns"}
    assert rows["mailbox.send_mail"]["errors"] == 5
    assert rows["mailbox.send_mail"]["without errors"] == "81 % (62 to 91, n=26)"
    assert rows["market.returns"]["risk"] == "medium"
    erring = page.dataframe[2].value
    assert len(erring) == 5
    only = open_page("tools", stored, scenario="refund_chat", runner="crewai")
    assert list(only.dataframe[0].value["tool"]) == ["helpdesk.refund"]


def test_health_and_gaps(stored: str, open_page: Page) -> None:
    page = open_page("tools", stored, part="Health")
    assert list(page.dataframe[0].value["server"]) == ["helpdesk", "mailbox", "market"]
    gap = open_page("tools", stored, part="Gaps", runner="crewai")
    [row] = gap.dataframe[0].value.to_dict("records")
    assert (row["lacks"], row["trials"], row["estimated risk"]) == ("send_voucher", 4, "low")
    assert any("vouchers" in code.value for code in gap.code)
    none = open_page("tools", stored, part="Gaps", scenario="order_mail")
    assert [code.value for code in none.code] == ["agentdyno run zero_tools"]


def test_a_server_that_broke_in_its_newest_trial_is_broken(database: str) -> None:
    def call(**more: object) -> ToolCall:
        return made.tool_call("researcher", "market", "returns", 0.0, **more)

    broken = {"is_error": True, "error_kind": "server_crash"}

    async def healths() -> list[str]:
        pool = await open_pool(database)
        try:
            trials, found = TrialStore(pool), []
            matrix = await trials.create_matrix("agentdyno run", {})
            for repeat, more in enumerate(({}, broken, {})):
                trial, wire = made.analysis("crewai", repeat)
                changed = trial.model_copy(update={"events": (call(**more),)})
                await trials.save(matrix, [(changed, wire)])
                lines = tool_lines(await offered_tools(pool), await tool_use(pool))
                found.append(server_health(lines)["market"])
            return found
        finally:
            await pool.close()

    assert asyncio.run(healths()) == ["works", "broken", "broke before"]


@pytest.mark.parametrize("part", ["Registry", "Gaps"])
def test_hostile_tools_are_shown_as_text(database: str, open_page: Page, part: str) -> None:
    tool = {"name": TEXT, "description": TEXT, "inputSchema": {TEXT: TEXT}}
    gap = ToolGap(
        agent="researcher", started_s=0, ended_s=0, proposed_mcp_server=TEXT, missing_tools=(
            MissingTool(name=TEXT, description=TEXT, inputs={TEXT: TEXT}, outputs={},
                        estimated_risk="low"),
        ), existing_tools_checked=(CheckedTool(name=TEXT, why_not=TEXT, evidence=TEXT),),
    )
    events = (
        ToolsListed(agent="researcher", started_s=0, ended_s=0, tools=(tool,),
                    origins=(f"{MARK}.{TEXT}",)),
        made.tool_call("researcher", MARK, TEXT, 0.0, is_error=True, error_kind="tool_error"),
        gap,
    )
    trial, wire = made.analysis("crewai", 0)

    async def save() -> str:
        pool = await open_pool(database)
        try:
            trials = TrialStore(pool)
            changed = trial.model_copy(update={"events": events})
            await trials.save(await trials.create_matrix("run", {}), [(changed, wire)])
            assert missed_tools(await gaps(pool))[0].trials == 1
            return (await offered_tools(pool))[0].tool
        finally:
            await pool.close()

    page = open_page("tools", database, part=part, tool=f"{MARK}.{asyncio.run(save())}")
    assert not page.exception
    for element in (*page.markdown, *page.caption, *page.subheader):
        meant = _ESCAPED.sub("", element.value)
        assert not any(word in meant for word in FORBIDDEN), element.value
    assert any(MARK in code.value for code in page.code)
