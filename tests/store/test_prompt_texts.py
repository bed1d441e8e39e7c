"""Texts of prompts are kept once, by their hash, to the last byte."""

from agentdyno.scenarios.digest import text_digest
from agentdyno.store.database import open_pool
from agentdyno.store.prompts import PromptTexts

AWKWARD = "{{ x }} {% if a %}\r\n{\"b\": {}}\0 é \n\n "


async def test_what_is_kept_is_found_again_by_its_hash(database: str) -> None:
    pool = await open_pool(database)
    texts = PromptTexts(pool)
    await texts.keep([])
    await texts.keep([AWKWARD, "plain", AWKWARD])
    await texts.keep(["plain", "other"])
    found = await texts.load([text_digest(AWKWARD), text_digest("other"), "0" * 64])
    await pool.close()
    assert found == {text_digest(AWKWARD): AWKWARD, text_digest("other"): "other"}
