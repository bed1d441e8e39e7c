"""Arguments that a person changes before a call is made: typed as JSON, held against the schema."""

import json
from typing import Any, NoReturn

from agentdyno.core.approval import ApprovalRequest
from agentdyno.tools.approvals import misfit


def changed(request: ApprovalRequest, text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the arguments of the call with those of `text`, a JSON object, in their place.

    Returns:
        The arguments, or null and what is wrong with them.
    """
    given, wrong = _object(text)
    return (None, wrong) if given is None else _fitting(request, {**request.arguments, **given})


def replaced(request: ApprovalRequest, text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the arguments of `text`, a JSON object, in place of all that the call has.

    Returns:
        The arguments, or null and what is wrong with them.
    """
    given, wrong = _object(text)
    if given is not None and given == request.arguments:
        return None, "nothing is changed; approve the call as it is"
    return (None, wrong) if given is None else _fitting(request, given)


def _object(text: str) -> tuple[dict[str, Any] | None, str]:
    try:
        given = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return None, f"this is no JSON: {error.msg} at character {error.pos + 1}"
    except ValueError as error:
        return None, f"this is no JSON: {error}"
    if not isinstance(given, dict):
        return None, 'this is no JSON object, such as {"amount": 5}'
    return given, ""


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number there")


def _fitting(
    request: ApprovalRequest, arguments: dict[str, Any]
) -> tuple[dict[str, Any] | None, str]:
    if wrong := misfit(request.input_schema, arguments):
        return None, f"the tool does not take it: {wrong}"
    return arguments, ""
