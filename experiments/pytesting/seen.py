"""The answer to a question about a trial: true or false, and what was seen instead."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Seen:
    """What `assert trial.called(...)` looks at; false makes the assertion fail.

    pytest shows an assertion's value on one line, so the plugin adds `evidence` to the failure.
    """

    holds: bool
    question: str
    """The question as a sentence, such as `get_quote(symbol='MSFT') was called`."""
    evidence: tuple[str, ...]
    """Lines that show what was there."""

    def __bool__(self) -> bool:
        return self.holds

    def __repr__(self) -> str:
        return f"<{'yes' if self.holds else 'no'}: {self.question}>"

    def explain(self) -> str:
        """Return the answer and the evidence, line by line."""
        return "\n".join([f"{'yes' if self.holds else 'no'}: {self.question}", *self.evidence])


def shown(value: object, length: int = 100) -> str:
    """Return `value` on one line, cut in the middle where it is longer than `length`."""
    line = " ".join(value.split()) if isinstance(value, str) else repr(value)
    if len(line) > length:
        line = f"{line[: length * 2 // 3]} … {line[-length // 3 :]}"
    return line


def call_text(tool: str, arguments: dict[str, object]) -> str:
    """Return a call as a person would write it."""
    given = ", ".join(f"{name}={shown(value)}" if not isinstance(value, str)
                      else f"{name}={shown(repr(value))}" for name, value in arguments.items())
    return f"{tool}({given})"


def numbered(title: str, lines: Sequence[str], none: str) -> tuple[str, ...]:
    """Return `title` and the lines with their numbers, or `none` where there are no lines."""
    if not lines:
        return (none,)
    return (title, *(f"  {number}. {line}" for number, line in enumerate(lines, start=1)))
