"""What a page does for somebody who approves, promotes or rolls back a variant."""

from dataclasses import dataclass

from agentdyno.core.errors import UsageError
from agentdyno.core.promotion import PromotionKind, PromotionRow
from agentdyno.experiments.promotion.desk import PromotionDesk
from agentdyno.experiments.promotion.evidence import ready
from agentdyno.experiments.prompts.registry import Registry
from agentdyno.store.database import Pool

PATIENCE_S = 600.0
"""Seconds for one wish: each question to the registry starts a process, which imports MLflow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a person asked for, with what he saw when he did."""

    kind: PromotionKind
    experiment: str
    definition: str
    """Digest of the version that he saw."""
    variant: str
    scenarios: tuple[str, ...]
    seen: int
    """Number of the newest entry that had moved `production` of these scenarios; 0 for none."""
    who: str
    reason: str = ""


async def fulfil(pool: Pool, wish: Wish, registry: Registry) -> str:
    """Do it; returns what was done in words. The promotion log and the audit log have who did.

    Raises:
        UsageError: it may not be done, or things are not any more what the person saw.
        HarnessFault: the database or the prompt registry is away.
    """
    desk = PromotionDesk(pool, registry)
    entry = await (_roll_back if wish.kind == "rollback" else _go_on)(pool, desk, wish)
    return _told(entry)


async def _go_on(pool: Pool, desk: PromotionDesk, wish: Wish) -> PromotionRow:
    release, evidence, found = await ready(pool, wish.experiment, wish.variant)
    if found.row.digest != wish.definition:
        raise UsageError(
            f"experiment {wish.experiment!r} has a newer version than the one that you saw; nothing"
            " was done.", f"agentdyno experiment status {wish.experiment}",
        )
    if wish.kind == "approve":
        return await desk.approve(release, who=wish.who, reason=wish.reason)
    return await desk.promote(
        release, evidence, who=wish.who, seen=wish.seen, reason=wish.reason
    )


async def _roll_back(pool: Pool, desk: PromotionDesk, wish: Wish) -> PromotionRow:
    if await desk.newest(wish.scenarios) != wish.seen:
        # A second click would else take back the promotion before.
        raise UsageError(
            "somebody has promoted or rolled back meanwhile; nothing was done.",
            f"agentdyno experiment history {wish.experiment}",
        )
    return await desk.rollback(
        wish.scenarios, who=wish.who, seen=wish.seen, reason=wish.reason
    )


def _told(entry: PromotionRow) -> str:
    what = f"{entry.variant} of {entry.experiment}"
    match entry.kind:
        case "approve":
            done = f"{what} is approved: it stands under the alias {entry.alias}"
        case "promote":
            done = f"{what} is in production"
        case "rollback":
            done = f"{what} is taken out of production; what was there before is back"
    return f"{done} (entry {entry.id} of the promotion log)."
