"""Intentions without an outcome: their promoter was killed between the registry and the log."""

from agentdyno.core.promotion import Installed, PromotionRow, PromptVersion
from agentdyno.experiments.prompts.registry import Registry
from agentdyno.store.promotions import PromotionLog


async def repair(log: PromotionLog, registry: Registry, who: str) -> list[PromotionRow]:
    """Look at the registry and write the outcome of every intention without one.

    To be called inside `log.alone()`, so that none of them is under way. An alias that was never
    moved abandons the intention; aliases of which some were moved are moved to the end.

    Args:
        who: who repairs.

    Returns:
        The entries, as they are now.
    """
    repaired = []
    for entry in await log.unfinished():
        was, becomes = _versions(entry.was), _versions(entry.becomes)
        names = sorted({*was, *becomes})
        found = await registry.find([(name, entry.alias) for name in names])
        now = {
            name: None if one is None else one.version
            for name, one in zip(names, found, strict=True)
        }
        old = {name: was.get(name) for name in names}
        new = {name: becomes.get(name) for name in names}
        foreign = [name for name in names if now[name] not in (old[name], new[name])]
        if now == new:
            detail = "its process was killed after the alias was moved"
            await log.end(entry.id, "done", who=who, detail=detail)
        elif now == old:
            detail = "its process was killed before the alias was moved"
            await log.end(entry.id, "abandoned", who=who, detail=detail)
        elif foreign:
            detail = f"somebody moved {entry.alias} of {', '.join(foreign)} since; left as it is"
            await log.end(entry.id, "abandoned", who=who, detail=detail)
        else:
            await registry.point(entry.alias, new)
            detail = "its process was killed while aliases were moved; the rest was moved now"
            await log.end(entry.id, "done", who=who, detail=detail)
        repaired.append(await log.get(entry.id))
    return repaired


def _versions(standings: dict[str, Installed]) -> dict[str, int]:
    prompts: dict[str, PromptVersion] = {}
    for standing in standings.values():
        prompts |= standing.prompts
    return {name: prompt.version for name, prompt in prompts.items()}
