"""The desk where aliases are moved: one at a time, intention first, each on record."""

from collections.abc import Collection, Mapping
from typing import Any

from agentdyno.core.errors import UsageError
from agentdyno.core.promotion import (
    CANDIDATE,
    PRODUCTION,
    Installed,
    PromotionDraft,
    PromotionRow,
    PromptVersion,
)
from agentdyno.experiments.promotion.evidence import Evidence
from agentdyno.experiments.promotion.release import Release
from agentdyno.experiments.promotion.repair import repair
from agentdyno.experiments.prompts.registry import Registry
from agentdyno.store.database import Pool
from agentdyno.store.promotions import PromotionLog

_DONE = {"approve": "approved", "promote": "promoted", "rollback": "rolled back to"}


class PromotionDesk:
    """Approves, promotes and rolls back. Every method raises `HarnessFault` when the database is
    away, and `RegistryAway` when the prompt registry is; an intention that was written by then is
    repaired by whoever comes next."""

    def __init__(self, pool: Pool, registry: Registry) -> None:
        self.log = PromotionLog(pool)
        self._registry = registry

    async def approve(self, release: Release, *, who: str, reason: str = "") -> PromotionRow:
        """Approve what `release` would put in use: its prompts become the alias `candidate`."""
        async with self.log.alone():
            await repair(self.log, self._registry, who)
            note = f"{release.variant} of experiment {release.experiment}, approved by {who}"
            made = await self._registry.register(release.texts, note)
            versions = {
                name: PromptVersion(version=one.version, sha256=one.sha256)
                for name, one in made.items()
            }
            becomes = release.standings(versions)
            return await self._move(PromotionDraft(
                kind="approve", alias=CANDIDATE, who=who, reason=reason,
                was=await self._standing(CANDIDATE, becomes), becomes=becomes, **_about(release),
            ))

    async def promote(
        self, release: Release, evidence: Evidence, *, who: str, seen: int, reason: str = ""
    ) -> PromotionRow:
        """Put a variant in use: its prompts become the alias `production`.

        Args:
            release: the variant.
            evidence: what its experiment has shown.
            who: name of the person.
            seen: number of the newest entry that moved `production` of these scenarios as the
                person knew it (`newest`); 0 for none.
            reason: why, for the log.

        Raises:
            UsageError: the evidence does not do, nobody approved just this, or somebody else was
                there first.
        """
        evidence.check(release.definition, release.variant)
        async with self.log.alone():
            await repair(self.log, self._registry, who)
            await self._check_seen(release.scenarios, seen)
            approval = await self._approval(release)
            was = await self._standing(PRODUCTION, approval.becomes)
            if was == approval.becomes:
                raise UsageError(
                    f"{release.variant} of experiment {release.experiment!r} is in production "
                    "already.", f"agentdyno experiment history {release.experiment}",
                )
            return await self._move(PromotionDraft(
                kind="promote", alias=PRODUCTION, who=who, reason=reason, was=was,
                becomes=approval.becomes, approval=approval.id, verdict=evidence.said,
                evidence=evidence.matrices, **_about(release),
            ))

    async def rollback(
        self, scenarios: Collection[str], *, who: str, seen: int | None = None, reason: str = ""
    ) -> PromotionRow:
        """Take back the newest promotion of any of `scenarios` that was not taken back yet.

        Args:
            scenarios: whose promotion.
            who: name of the person.
            seen: as in `promote`, so that two who roll back at once do not take back two
                promotions; null takes back whatever is newest by then.
            reason: why, for the log.

        Raises:
            UsageError: there is none, or somebody else was there first.
        """
        async with self.log.alone():
            await repair(self.log, self._registry, who)
            if seen is not None:
                await self._check_seen(scenarios, seen)
            undone = await self._newest_standing(scenarios)
            return await self._move(PromotionDraft(
                kind="rollback", alias=PRODUCTION, who=who, reason=reason,
                was=await self._standing(PRODUCTION, undone.becomes), becomes=undone.was,
                undoes=undone.id, **undone.model_dump(
                    include={"experiment", "definition", "variant", "digest", "scenarios"}
                ),
            ))

    async def newest(self, scenarios: Collection[str]) -> int:
        """Return the number of the newest entry that moved `production`; 0 for none."""
        head = await self.log.head(scenarios, PRODUCTION)
        return head.id if head else 0

    async def repair(self, who: str) -> list[PromotionRow]:
        """Find out how intentions without an outcome ended, and write it; returns those."""
        if not await self.log.unfinished():
            return []
        async with self.log.alone():
            return await repair(self.log, self._registry, who)

    async def _move(self, draft: PromotionDraft) -> PromotionRow:
        number = await self.log.begin(draft)
        await self._registry.point(draft.alias, moves(draft.was, draft.becomes))
        await self.log.end(number, "done", who=draft.who)
        return await self.log.get(number)

    async def _standing(
        self, alias: str, becomes: Mapping[str, Installed]
    ) -> dict[str, Installed]:
        """Return what the registry has under `alias`, and what the log says it is."""
        head = {
            scenario: entry.becomes[scenario] if entry else Installed()
            for scenario in becomes
            for entry in [await self.log.head([scenario], alias)]
        }
        names = sorted({
            name for side in (head, becomes) for standing in side.values()
            for name in standing.prompts
        })
        found = await self._registry.find([(name, alias) for name in names])
        there = {
            one.name: PromptVersion(version=one.version, sha256=one.sha256)
            for one in found if one is not None
        }
        return {
            scenario: _real(standing, {
                name: there[name] for name in (*standing.prompts, *becomes[scenario].prompts)
                if name in there
            })
            for scenario, standing in head.items()
        }

    async def _check_seen(self, scenarios: Collection[str], seen: int) -> None:
        head = await self.log.head(scenarios, PRODUCTION)
        if head is None or head.id == seen:
            return
        what = f"{_DONE[head.kind]} {told(head.becomes)}"
        raise UsageError(
            f"{head.who} {what} at {head.at:%Y-%m-%d %H:%M:%S} UTC, meanwhile; nothing was moved.",
            f"agentdyno experiment history {head.experiment}, then the same again if you still "
            "want to",
        )

    async def _approval(self, release: Release) -> PromotionRow:
        entries = await self.log.history(experiment=release.experiment, state="done")
        same = [entry for entry in entries if entry.variant == release.variant]
        hint = f"agentdyno experiment approve {release.experiment} {release.variant} --by NAME"
        for entry in same:
            if entry.kind == "rollback":
                raise UsageError(
                    f"{entry.who} rolled {release.variant} back at {entry.at:%Y-%m-%d %H:%M:%S} "
                    "UTC; approvals from before that do not count any more.", hint,
                )
            if entry.kind == "approve" and entry.digest == release.digest:
                return entry
        approved = next((entry for entry in same if entry.kind == "approve"), None)
        if approved is None:
            raise UsageError(
                f"nobody has approved {release.variant} of experiment {release.experiment!r}.", hint
            )
        raise UsageError(
            f"{approved.who} approved {release.variant} at {approved.at:%Y-%m-%d %H:%M:%S} UTC, "
            "and it was changed since.", hint,
        )

    async def _newest_standing(self, scenarios: Collection[str]) -> PromotionRow:
        entries = await self.log.history(
            scenarios=scenarios, alias=PRODUCTION, state="done", limit=10_000
        )
        undone = {entry.undoes for entry in entries}
        for entry in entries:
            if entry.kind == "promote" and entry.id not in undone:
                return entry
        raise UsageError(
            f"nothing of {', '.join(sorted(scenarios))} is promoted, so there is nothing to roll "
            "back.", "agentdyno experiment history",
        )


def moves(was: Mapping[str, Installed], becomes: Mapping[str, Installed]) -> dict[str, int | None]:
    """Return the version that the alias of each prompt is to mean; None for none any more."""
    before = {name: None for standing in was.values() for name in standing.prompts}
    return before | {
        name: prompt.version
        for standing in becomes.values() for name, prompt in standing.prompts.items()
    }


def told(standings: Mapping[str, Installed]) -> str:
    """Return what stands, in words: the variants of all scenarios."""
    names = dict.fromkeys(standing.variant or "nothing" for standing in standings.values())
    return ", ".join(names)


def _real(standing: Installed, prompts: dict[str, PromptVersion]) -> Installed:
    if prompts == standing.prompts:
        return standing
    # Somebody moved the alias in MLflow itself: the log does not know which variant this is.
    return Installed(prompts=prompts)


def _about(release: Release) -> dict[str, Any]:
    return {
        "experiment": release.experiment, "definition": release.definition,
        "variant": release.variant, "digest": release.digest, "scenarios": release.scenarios,
    }
