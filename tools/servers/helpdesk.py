"""Helpdesk of a hosting company: customers, invoices, sites and tickets of one JSON file.

Credits, restarts and tickets are kept per trial and are its end state.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess

Args = dict[str, Any]
Record = Mapping[str, Any]

_KEYS = ("credit_limit_eur", "customers", "invoices", "sites", "queues")
_FIRST_TICKET = 4101
_TEXT = {"type": "string"}


def new_state() -> State:
    """Return what a trial starts with."""
    return {"credits": [], "restarts": [], "tickets": []}


class Desk:
    """The records of one file, which no trial changes."""

    def __init__(self, data: Record) -> None:
        """`data` has the keys that `tools/servers/README.md` lists."""
        missing = [key for key in _KEYS if key not in data]
        if missing:
            raise ValueError(f"a helpdesk file needs {', '.join(missing)}")
        self._limit = float(data["credit_limit_eur"])
        self._customers = {record["mail"].lower(): record for record in data["customers"]}
        self._invoices: list[Record] = data["invoices"]
        self._sites = {record["domain"]: record for record in data["sites"]}
        self._queues = {record["name"]: record for record in data["queues"]}

    @classmethod
    def read(cls, path: Path) -> "Desk":
        """Read a file; raises OSError and ValueError."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def find_customer(self, _: State, arguments: Args) -> Any:
        """Return the customer with a mail address."""
        found = self._customers.get(arguments["mail"].strip().lower())
        if found is None:
            raise ToolError(f"find_customer: nobody has the address {arguments['mail']!r}.")
        return found

    def list_invoices(self, state: State, arguments: Args) -> Any:
        """Return a customer's invoices, newest first, with what was credited on each."""
        customer = arguments["customer"]
        if customer not in {record["id"] for record in self._customers.values()}:
            raise ToolError(f"list_invoices: there is no customer {customer!r}.")
        credited = {credit["invoice"]: credit["amount_eur"] for credit in state["credits"]}
        return {"customer": customer, "invoices": [
            {**invoice, "credited_eur": credited.get(invoice["id"], 0)}
            for invoice in self._invoices if invoice["customer"] == customer
        ]}

    def issue_credit(self, state: State, arguments: Args) -> Any:
        """Credit an amount on one invoice, once."""
        invoice, amount = arguments["invoice"], float(arguments["amount_eur"])
        found = next((record for record in self._invoices if record["id"] == invoice), None)
        if found is None:
            raise ToolError(f"issue_credit: there is no invoice {invoice!r}.")
        if any(credit["invoice"] == invoice for credit in state["credits"]):
            raise ToolError(f"issue_credit: {invoice} has a credit; a second needs a ticket.")
        if amount > found["total_eur"]:
            raise ToolError(
                f"issue_credit: {amount:.2f} euros are more than {invoice} was about,"
                f" {found['total_eur']:.2f} euros."
            )
        if amount > self._limit:
            raise ToolError(
                f"issue_credit: {amount:.2f} euros are above the {self._limit:.2f} euros that"
                " support may credit; open a ticket for somebody who may."
            )
        credit = {"invoice": invoice, "amount_eur": amount, "reason": arguments["reason"]}
        state["credits"].append(credit)
        return {"credit": f"CR-{len(state['credits']):03d}", **credit}

    def check_site(self, _: State, arguments: Args) -> Any:
        """Return how a site is doing."""
        return self._site("check_site", arguments["domain"])

    def restart_site(self, state: State, arguments: Args) -> Any:
        """Restart a site's processes, and say how it is doing after that."""
        domain = self._site("restart_site", arguments["domain"])["domain"]
        state["restarts"].append(domain)
        after = self._sites[domain]["status_after_restart"]
        return {"domain": domain, "restarted": True, "http_status": after}

    def open_ticket(self, state: State, arguments: Args) -> Any:
        """Put a case into the queue of people."""
        queue = self._queues.get(arguments["queue"])
        if queue is None:
            raise ToolError(
                f"open_ticket: there is no queue {arguments['queue']!r}."
                f" Queues: {', '.join(self._queues)}."
            )
        ticket = {"ticket": f"T-{_FIRST_TICKET + len(state['tickets'])}", **arguments,
                  "answer_within_minutes": queue["answer_within_minutes"], "status": "waiting"}
        state["tickets"].append(ticket)
        return {key: ticket[key] for key in ("ticket", "queue", "answer_within_minutes", "status")}

    def get_ticket(self, state: State, arguments: Args) -> Any:
        """Return one ticket of this trial."""
        for ticket in state["tickets"]:
            if ticket["ticket"] == arguments["ticket"]:
                return ticket
        raise ToolError(f"get_ticket: there is no ticket {arguments['ticket']!r}.")

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools over these records."""
        domain = {"domain": _TEXT | {"description": "Such as shop.example.org."}}
        return (
            Tool(name="find_customer", run=self.find_customer, parameters={"mail": _TEXT},
                 description="Find a customer by mail address: number, plan, monthly fee, domain."),
            Tool(name="list_invoices", run=self.list_invoices,
                 description="List a customer's invoices with their lines, newest first.",
                 parameters={"customer": _TEXT | {"description": "Customer number."}}),
            Tool(name="issue_credit", run=self.issue_credit, read_only=False,
                 description="Credit an amount on an invoice. Once per invoice, up to"
                 f" {self._limit:.2f} euros.",
                 parameters={"invoice": _TEXT, "amount_eur": {"type": "number", "minimum": 0.01},
                             "reason": _TEXT}),
            Tool(name="check_site", run=self.check_site, parameters=domain,
                 description="Check a site: HTTP status, since when, and what monitoring found."),
            Tool(name="restart_site", run=self.restart_site, parameters=domain, read_only=False,
                 description="Restart a site's processes; visitors are cut off for some seconds."),
            Tool(name="open_ticket", run=self.open_ticket, read_only=False,
                 description="Hand a case to people. Queues: " + ", ".join(
                     f"{name} ({queue['about']})" for name, queue in self._queues.items()) + ".",
                 parameters=dict.fromkeys(("queue", "subject", "body"), _TEXT)),
            Tool(name="get_ticket", run=self.get_ticket, parameters={"ticket": _TEXT},
                 description="Read a ticket."),
        )

    def _site(self, tool: str, domain: str) -> Record:
        site = self._sites.get(domain)
        if site is None:
            raise ToolError(f"{tool}: {domain!r} is not hosted here.")
        return {key: value for key, value in site.items() if key != "status_after_restart"}


if __name__ == "__main__":
    ToolProcess("helpdesk", Desk.read(Path(sys.argv[1])).tools(), new_state).serve()
