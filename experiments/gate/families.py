"""Checks of one kind are judged together: a dozen single checks would find changes by chance."""

from collections.abc import Mapping, Sequence

from agentdyno.core.check import CheckSpec

FAMILIES = {
    "contains": "text", "regex": "text", "similarity": "text", "same_answer": "text",
    "json_schema": "schema", "numeric": "numeric", "sql": "state",
    "end_state": "state", "mail_sent": "state", "memory_used": "tools", "tools_called": "tools",
    "same_tool_calls": "tools", "no_duplicates": "tools", "permission": "tools", "path": "path",
    "citations": "citations", "limits": "limits", "approval": "approvals",
    "gap_reported": "gaps", "confidence": "confidence", "judge": "judge", "python": "custom",
}


def family_of(check: str, specs: Sequence[CheckSpec]) -> str:
    """Return the family of the check with id `check`: by its type; a type that is not in the table
    is a family of its own; a check of the harness is of the family before its slash."""
    spec = next((spec for spec in specs if spec.id == check), None)
    if spec is None:
        return check.partition("/")[0]
    return FAMILIES.get(spec.type, spec.type)


def family_values(
    verdicts: Mapping[str, str], families: Mapping[str, str]
) -> dict[str, float | None]:
    """Return for each family 0 when a check of it failed, 1 when all passed, and None when one
    could not tell: an error never counts as a pass.

    Args:
        verdicts: status by check.
        families: family by check.
    """
    found: dict[str, list[str]] = {}
    for check, status in verdicts.items():
        found.setdefault(families.get(check, check.partition("/")[0]), []).append(status)
    return {
        name: 0.0 if "fail" in some else 1.0 if set(some) == {"pass"} else None
        for name, some in found.items()
    }
