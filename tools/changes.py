"""Arguments that a person changes before a call is made: typed as JSON, held against the schema."""

import json
from typing import Any

from agentdyno.core.approval import ApprovalRequest
from agentdyno.tools.approvals import misfit


def changed(request: ApprovalRequest, text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the arguments of the call with those of `text`, a JSON object, in their place.

    Returns:
        The arguments, or null and what is wrong with them.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        return None, f"this is no JSON: {error.msg} at character {error.pos + 1}"
    if not isinstance(given, dict):
        return None, 'this is no JSON object, such as {"amount": 5}'
    arguments = {**request.arguments, **given}
    if wrong := misfit(request.input_schema, arguments):
        return None, f"the tool does not take it: {wrong}"
    return arguments, ""
