"""What every kind of check is made of."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name


def _is_regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return pattern


def has_one_group(pattern: str) -> str:
    """Return `pattern`; raises ValueError unless it has exactly one group."""
    groups = re.compile(pattern).groups
    if groups != 1:
        raise ValueError(f"needs exactly one (group), the number; it has {groups}")
    return pattern


Regex = Annotated[str, Field(min_length=1), AfterValidator(_is_regex)]
"""A Python regular expression, searched for; write flags inline, as in `(?i)`."""

ToolName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\.[^\s.][^\s]*$")]
"""`server.tool`; memory tools are `memory.memory_search` and `memory.memory_write`."""


class Check(Noun):
    """What every check has."""

    id: Name
    """Identifier of the check in tables and verdicts."""


class AnswerCheck(Check):
    """A check of what the team said."""

    turn: int | None = Field(default=None, ge=1)
    """User turn whose answer is looked at, from 1; the last one when absent."""


class Computed(Noun):
    """A value that the scenario computes by itself, apart from the tools."""

    python: str = Field(pattern=r"^[A-Za-z0-9_]+\.py:[A-Za-z_][A-Za-z0-9_]*$")
    """`file.py:function`, in the scenario's folder."""
    args: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the function."""
