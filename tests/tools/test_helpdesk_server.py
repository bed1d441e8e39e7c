"""The helpdesk: by the official client, and what it refuses."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from agentdyno.tools.servers import docs
from agentdyno.tools.servers.arguments import checked
from agentdyno.tools.servers.base import ToolError
from agentdyno.tools.servers.helpdesk import Desk, new_state

FILE = (Path(docs.__file__).parents[2] / "scenarios" / "support_triage" / "data" / "helpdesk.json")
NAMES = ["find_customer", "list_invoices", "issue_credit", "check_site", "restart_site",
         "open_ticket", "get_ticket"]
SHOP = "shop.aalto-ceramics.example"


class Play:
    """One trial at the desk."""

    def __init__(self) -> None:
        self.state = new_state()
        self._tools = {tool.name: tool for tool in Desk.read(FILE).tools()}

    def __call__(self, name: str, **arguments: Any) -> Any:
        tool = self._tools[name]
        return tool.run(self.state, checked(name, tool.wire()["inputSchema"], arguments))

    def refused(self, name: str, **arguments: Any) -> str:
        """Return why a call is refused."""
        with pytest.raises(ToolError) as caught:
            self(name, **arguments)
        return str(caught.value)


async def test_it_speaks_mcp_and_tells_what_a_trial_left() -> None:
    args = ["-m", "agentdyno.tools.servers.helpdesk", str(FILE)]
    async with Client(stdio_client(StdioServerParameters(command=sys.executable, args=args))) as c:
        assert [tool.name for tool in (await c.list_tools()).tools] == NAMES
        await c.call_tool("restart_site", {"domain": SHOP})
        read = await c.read_resource("state://trial")
        assert json.loads(read.contents[0].text)["restarts"] == [SHOP]  # type: ignore[union-attr]


def test_a_credit_is_given_once_up_to_the_limit_and_shows_on_the_invoice() -> None:
    desk = Play()
    credit = {"invoice": "INV-12240", "reason": "twice"}
    assert "25.00 euros that support may credit" in desk.refused(
        "issue_credit", amount_eur=28.44, **credit
    )
    assert "more than INV-12240 was about" in desk.refused(
        "issue_credit", amount_eur=400, **credit
    )
    assert desk("issue_credit", amount_eur=12.5, **credit)["credit"] == "CR-001"
    assert "has a credit" in desk.refused("issue_credit", amount_eur=1, **credit)
    invoices = desk("list_invoices", customer="K-20731")["invoices"]
    assert [(i["id"], i["credited_eur"]) for i in invoices] == [("INV-12240", 12.5),
                                                               ("INV-11862", 0)]


def test_a_restart_shows_what_it_did_only_when_it_is_made() -> None:
    desk = Play()
    assert "status_after_restart" not in desk("check_site", domain=SHOP)
    assert desk("restart_site", domain=SHOP)["http_status"] == 502


def test_a_ticket_is_found_again_in_its_own_trial_alone() -> None:
    desk = Play()
    opened = desk("open_ticket", queue="duty_manager", subject="s", body="b")
    assert opened["ticket"] == "T-4101"
    assert desk("get_ticket", ticket="T-4101")["body"] == "b"
    assert "no ticket" in Play().refused("get_ticket", ticket="T-4101")


def test_what_is_not_there_is_refused_in_words() -> None:
    desk = Play()
    assert "nobody has the address" in desk.refused("find_customer", mail="x@y.example")
    assert "no customer" in desk.refused("list_invoices", customer="K-1")
    assert "no invoice" in desk.refused("issue_credit", invoice="I", amount_eur=1, reason="r")
    assert "not hosted here" in desk.refused("check_site", domain="example.org")
    assert "Queues: duty_manager, engineering." in desk.refused(
        "open_ticket", queue="boss", subject="s", body="b"
    )


def test_a_file_without_its_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="a helpdesk file needs sites, queues"):
        Desk({"credit_limit_eur": 1, "customers": [], "invoices": []})
