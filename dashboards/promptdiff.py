"""What one prompt says otherwise than another: pure text, for `st.code(..., language="diff")`."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+(?=\S)")
_LONG = 80
"""Characters from which a line is compared sentence by sentence: prompts are often one paragraph,
and a diff that says that the one line differs says nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptDiff:
    """The difference between two prompts, as a page shows it."""

    lines: tuple[str, ...]
    """Lines of a unified diff with all of the text around; empty when only `note` says it."""
    added: int
    """Lines, or sentences of long lines, that only the second has."""
    removed: int
    """Those that only the first has."""
    note: str = ""
    """What the lines do not show: that nothing differs, or nothing that can be seen."""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def prompt_diff(before: str, after: str) -> PromptDiff:
    """Return what `after` says otherwise than `before`."""
    if before == after:
        return PromptDiff(lines=(), added=0, removed=0, note="word for word the same")
    one, other = list(_pieces(before)), list(_pieces(after))
    if one == other:
        return PromptDiff(lines=(), added=0, removed=0,
                          note="the same words; only white space differs")
    lines = tuple(
        line for line in difflib.ndiff(one, other, charjunk=None) if not line.startswith("?")
    )
    return PromptDiff(
        lines=lines, added=sum(line.startswith("+") for line in lines),
        removed=sum(line.startswith("-") for line in lines),
    )


def _pieces(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if len(line) <= _LONG:
            yield line.rstrip()
        else:
            yield from (piece.rstrip() for piece in _SENTENCE_END.split(line))
