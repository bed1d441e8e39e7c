"""The people whom a run may ask: at its terminal, and through the queue of approvals."""

import contextlib
from collections.abc import AsyncIterator

from agentdyno.cli.approver import TerminalApprover
from agentdyno.cli.progress import RunView
from agentdyno.cli.terminal import Terminal
from agentdyno.core.approval import ApprovalRequest, Approver, ApproverKind
from agentdyno.experiments.approving import Approving, kinds_needed
from agentdyno.experiments.request import Request
from agentdyno.store.approvalqueue import ApprovalQueue
from agentdyno.store.attempt import Revive
from agentdyno.store.database import Pool


def terminal_of(request: Request, view: RunView) -> Terminal | None:
    """Return the terminal that a run asks on; null when it asks nobody there.

    Raises:
        UsageError: it would ask, and there is none; or it names an approver for nothing.
    """
    kinds = kinds_needed(request)
    if request.options.ask_at_90:
        return Terminal(view, "--ask")
    return Terminal(view, "the approver cli") if "cli" in kinds else None


@contextlib.asynccontextmanager
async def open_approving(
    request: Request, view: RunView, terminal: Terminal | None, pool: Pool, revive: Revive
) -> AsyncIterator[Approving]:
    """Give a run its approvers for the duration of the context."""

    def asked(number: int, call: ApprovalRequest) -> None:
        view.note(
            f"{call.scenario} on {call.runner}: {call.agent} waits for approval of "
            f"{call.server}.{call.tool}; agentdyno approvals show {number}"
        )

    queue = ApprovalQueue(pool, revive=revive, asked=asked)
    people: dict[ApproverKind, Approver] = {"queue": queue}
    if terminal is not None:
        people["cli"] = TerminalApprover(terminal)
    try:
        yield Approving(override=request.options.approver, people=people)
    finally:
        await queue.close()
