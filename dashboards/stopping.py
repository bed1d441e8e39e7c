"""Runs under way in words, and how somebody cancels one from a page."""

from collections.abc import Mapping
from dataclasses import dataclass

from agentdyno.core.errors import UsageError
from agentdyno.store.database import Pool
from agentdyno.store.live import LiveBoard, LiveMatrix, LiveState


@dataclass(frozen=True, kw_only=True, slots=True)
class StopWords:
    """What the button of a run says."""

    button: str
    help: str
    done: str
    """What is said once it was pressed."""


WORDS: Mapping[LiveState, StopWords] = {
    "running": StopWords(
        button="Cancel", help="Trials that run are finished; the others are not begun.",
        done="finishes the trials that run; pressing again drops them",
    ),
    "cancelling": StopWords(
        button="Stop at once", help="Trials that run are dropped.", done="stops at once",
    ),
    "lost": StopWords(
        button="Mark as interrupted", help="Its harness is gone: nobody would hear.",
        done="is marked as interrupted",
    ),
}


async def stop(pool: Pool, seen: LiveMatrix, *, who: str) -> str:
    """Cancel a run as the button said that `who` saw; returns what happens in words.

    Raises:
        UsageError: it has ended, or is not any more what the button said.
        HarnessFault: the database is away.
    """
    board = LiveBoard(pool)
    now = next((row for row in await board.list(seen.matrix_id) if row.matrix_id
                == seen.matrix_id), None)
    if now is not None and (now.state, now.cancels) != (seen.state, seen.cancels):
        by = f" by {now.cancelled_by}" if now.cancelled_by else ""
        raise UsageError(
            f"The run {seen.matrix_id[:10]} is {now.state}{by} meanwhile; nothing was done."
        )
    await board.cancel(seen.matrix_id, by=who)
    return f"The run {seen.matrix_id[:10]} {WORDS[seen.state].done}."


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def progress_words(row: LiveMatrix) -> str:
    """Return how far a run is."""
    planned = row.total("planned")
    if not planned:
        return "its trials are not planned yet"
    told = [f"{row.total('done')} of {planned} trials", f"{row.total('passed')} passed"]
    if faults := row.total("faults"):
        told.append(f"{faults} by fault of the bench")
    if reused := row.total("reused"):
        told.append(f"{reused} more were stored already")
    return ", ".join(told)


def progress_rows(row: LiveMatrix) -> list[dict[str, object]]:
    """Return how far each runner is, as cells of a table."""
    return [
        {
            "runner": label, "progress": counts["done"] / counts["planned"],
            "done": counts["done"], "planned": counts["planned"], "passed": counts["passed"],
            "faults of the bench": counts["faults"],
        }
        for label, counts in sorted(row.progress.items()) if counts.get("planned")
    ]
