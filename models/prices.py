"""What a call costs, by the price table of `genai-prices` that lies on this disk.

The table is part of that package. Its own updater (`UpdatePrices`) is never started, and a snapshot
that somebody else in this process may have fetched is never read: a price depends on the installed
version alone. What the table does not know costs None, never 0.
"""

import asyncio
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from agentdyno.core.event import TokenCount
from agentdyno.core.provider import is_billed as is_billed

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice, Provider

_ALIASES = {
    "gemini": "google", "vertex_ai": "google", "vertexai": "google",
    "vertexaianthropic": "google", "google_genai": "google",
    "bedrock": "aws", "azure_openai": "azure", "xai": "x-ai", "x_ai": "x-ai", "grok": "x-ai",
    "together_ai": "together", "fireworks_ai": "fireworks", "mistralai": "mistral",
    "moonshot": "moonshotai", "voyage": "voyageai",
}


def cost_usd(provider: str, model: str, tokens: TokenCount) -> float | None:
    """Return the US dollars that `provider` takes for one call, at today's list price.

    Cached prompt tokens have their own price. The first call loads the table, which takes about a
    second; `load` does so beside the event loop.

    Returns:
        None when the provider, the model, or a price that the call needs is unknown, or nobody
        bills.
    """
    if not is_billed(provider) or not model:
        return None
    found = _find(provider.lower(), model)
    if found is None:
        return None
    table_provider, table_model = found
    return _price(table_provider, table_model, tokens)


def is_priced(provider: str, model: str) -> bool:
    """Tell whether it is known what a chat call costs there; a server of one's own is free."""
    one = TokenCount(prompt=1, completion=1)
    return not is_billed(provider) or cost_usd(provider, model, one) is not None


def price_table() -> str:
    """Return name and version of the price table: all that its prices depend on."""
    return f"genai-prices {version('genai-prices')}"


async def load() -> None:
    """Read the price table now, in a thread, so that no call waits for it."""
    if not _table.cache_info().currsize:
        await asyncio.to_thread(_table)


@cache
def _table() -> "DataSnapshot":
    # Half a second and 40 MB that runs without live calls never pay.
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


@cache
def _find(provider: str, model: str) -> "tuple[Provider, str] | None":
    """Return the table's provider and the model's name there; None when either is unknown.

    The table also matches providers by a part of their name, which would give the prices of OpenAI
    to `my-openai-proxy`; only names that mean one provider are looked up.
    """
    table = _table()
    name = _ALIASES.get(provider, provider)
    if name != "litellm" and all(known.id != name for known in table.providers):
        return None
    try:
        found, _ = table.find_provider_model(model, None, name, None)
    except LookupError:
        return None
    if name == "litellm" and "/" in model:
        return found, model.split("/", 1)[1]
    return found, model


def _price(provider: "Provider", model: str, tokens: TokenCount) -> float | None:
    from genai_prices.types import Usage

    info = provider.find_model(model, all_providers=_table().providers)
    assert info is not None
    now = datetime.now(UTC)
    if not _covers(info.get_prices(now), tokens):
        return None
    usage = Usage(
        input_tokens=tokens.prompt, output_tokens=tokens.completion,
        cache_read_tokens=min(tokens.cached, tokens.prompt),
    )
    return float(info.calc_price(usage, provider, genai_request_timestamp=now).total_price)


def _covers(prices: "ModelPrice", tokens: TokenCount) -> bool:
    """Tell whether there is a price for what the call used: the table's gaps would count as 0."""
    return prices.input_mtok is not None and (
        prices.output_mtok is not None or not tokens.completion
    )
