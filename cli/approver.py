"""Asks on the terminal: may a budget go beyond 90 percent, may a tool call be made."""

import asyncio
import json
from typing import Any, ClassVar

from rich.console import Console

from agentdyno.cli.eventlines import plain, shorten
from agentdyno.cli.person import os_user
from agentdyno.cli.terminal import Terminal
from agentdyno.core.approval import ApprovalRequest, ApproverKind, Decision
from agentdyno.models.account import Level
from agentdyno.models.budget import Approver
from agentdyno.tools.approvers import now
from agentdyno.tools.changes import changed

_DESCRIPTION = 300
"""Characters shown of a tool's description."""
_PROMPT = "[y]es, [n]o REASON, [c]hange {JSON}:"
_HELP = (
    'y approves, "n too dear" rejects and tells the agent why, \'c {"amount": 5}\' changes '
    "these arguments and approves."
)


def ask_on(terminal: Terminal) -> Approver:
    """Return an approver of budgets that asks whoever sits at the terminal."""

    async def approve(level: Level) -> bool:
        async with terminal.asking() as console:
            answer = await terminal.line(console, f"{level} [y/N]")
        return (answer or "").lower() in ("y", "yes")

    return approve


class TerminalApprover:
    """Asks whoever sits at the terminal about every call that waits."""

    kind: ClassVar[ApproverKind] = "cli"

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._who = os_user()

    async def decide(self, request: ApprovalRequest) -> Decision:
        """Return what is typed; nobody has decided when the time is over before."""
        try:
            async with (
                asyncio.timeout(request.timeout_s), self._terminal.asking() as console
            ):
                show_request(console, request)
                return await self._ask(console, request)
        except TimeoutError:
            return Decision(decision="timed_out", decided_by="policy", decided_at=now())

    async def _ask(self, console: Console, request: ApprovalRequest) -> Decision:
        while True:
            typed = await self._terminal.line(console, _PROMPT)
            if typed is None:
                return self._decision("rejected", reason="the terminal's input has ended")
            verb, _, rest = typed.partition(" ")
            match verb.lower():
                case "y" | "yes":
                    return self._decision("approved", reason=rest.strip())
                case "n" | "no":
                    return self._decision("rejected", reason=rest.strip())
                case "c" | "change":
                    arguments, wrong = changed(request, rest)
                    if not wrong:
                        return self._decision("modified", arguments=arguments)
                    console.print(wrong, style="red", markup=False)
                case _:
                    console.print(_HELP, markup=False)

    def _decision(self, decision: Any, **more: Any) -> Decision:
        return Decision(decision=decision, decided_by=self._who, decided_at=now(), **more)


def show_request(console: Console, request: ApprovalRequest) -> None:
    """Print what somebody is to decide about. What a model or a server wrote is plain text."""
    where = f"{request.scenario} on {request.runner}" if request.runner else request.scenario
    lines = [
        f"{where}: {request.agent} wants {request.server}.{plain(request.tool)} "
        f"({request.risk} risk)",
    ]
    if request.description:
        lines.append(f"  {shorten(request.description, False, _DESCRIPTION)}")
    for name, value in request.arguments.items():
        lines.append(f"  {plain(json.dumps(name, ensure_ascii=False))}: "
                     f"{plain(json.dumps(value, ensure_ascii=False))}")
    for number, line in enumerate(lines):
        console.print(line, markup=False, soft_wrap=True, style="" if number else "bold")
