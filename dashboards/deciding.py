"""What a page does for somebody who decides about a tool call that waits."""

import json
import re

from agentdyno.core.approval import ApprovalRequest
from agentdyno.core.errors import UsageError
from agentdyno.dashboards.text import HIDDEN
from agentdyno.store.approvals import ApprovalDesk, Settled
from agentdyno.store.database import Pool
from agentdyno.tools.changes import replaced

_WORDS: dict[Settled, str] = {
    "approved": "is made as it is", "rejected": "is not made, and the agent is told so",
    "modified": "is made with the arguments as you changed them",
}


def arguments_text(request: ApprovalRequest) -> str:
    """Return the call's arguments as JSON to be read and edited.

    Characters that hide or reorder text are escaped, so that what is approved is what is seen.
    """
    text = json.dumps(request.arguments, ensure_ascii=False, indent=2)
    return HIDDEN.sub(_escaped, text)


async def decide(
    pool: Pool, number: int, state: Settled, *, who: str, reason: str, typed: str
) -> str:
    """Decide about one call that waits; returns it in words.

    Args:
        pool: the store.
        number: id of the approval.
        state: the decision.
        who: the user.
        reason: what the agent is told.
        typed: the arguments as they stand in the user's box.

    Raises:
        UsageError: what is typed cannot be the call's arguments, or is not what the decision
            says; or the call does not wait any more.
        HarnessFault: the database is away.
    """
    desk = ApprovalDesk(pool)
    row = await desk.get(number)
    asked, arguments = row.asked, None
    if state == "modified":
        arguments, wrong = replaced(asked, typed)
        if wrong:
            raise UsageError(f"Approval {number} still waits: {wrong}.")
    elif state == "approved" and typed != arguments_text(asked):
        raise UsageError(
            f"Approval {number} still waits: you have changed its arguments, and Approve makes the"
            " call as the agent asked. Choose Approve with changes, or restore the arguments."
        )
    await desk.settle(number, state, by=who, reason=reason, arguments=arguments)
    call = f"{asked.server}.{asked.tool} of {asked.agent} in {asked.scenario}"
    return f"Approval {number}: {call} {_WORDS[state]}."


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]
