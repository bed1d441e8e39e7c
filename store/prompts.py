"""Texts of prompts by their hash."""

from collections.abc import Collection, Iterable

from agentdyno.scenarios.digest import text_digest
from agentdyno.store.database import Pool, connected


class PromptTexts:
    """Every prompt text that a run used, once. Methods raise `HarnessFault` when the database is
    away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def keep(self, texts: Iterable[str]) -> None:
        """Keep what is not kept already."""
        rows = [(text_digest(text), text.encode()) for text in dict.fromkeys(texts)]
        if not rows:
            return
        async with connected(self._pool) as link, link.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO prompt_text (sha256, body) VALUES (%s, %s)"
                " ON CONFLICT (sha256) DO NOTHING", rows,
            )

    async def load(self, hashes: Collection[str]) -> dict[str, str]:
        """Return the texts that are kept, by SHA-256 in hex."""
        async with connected(self._pool) as link:
            rows = await link.execute(
                "SELECT sha256, body FROM prompt_text WHERE sha256 = ANY(%s)", [list(hashes)]
            )
            return {digest: bytes(body).decode() async for digest, body in rows}
