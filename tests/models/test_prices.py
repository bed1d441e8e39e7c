"""What a call costs: from the table on this disk, and "unknown" where the table does not know."""

import socket
from typing import Any

import pytest

from agentdyno.core.event import TokenCount
from agentdyno.models import prices
from agentdyno.models.prices import cost_usd, is_billed, load, price_table

_CALL = TokenCount(prompt=1000, completion=100)


def test_a_known_model_is_priced_by_tokens_in_and_out() -> None:
    assert cost_usd("openai", "gpt-4o-mini", _CALL) == pytest.approx(1000 * 0.15e-6 + 100 * 0.6e-6)


def test_the_exact_name_that_a_response_gives_finds_the_same_price() -> None:
    precise = cost_usd("openai", "gpt-4o-mini-2024-07-18", _CALL)
    assert precise == cost_usd("openai", "gpt-4o-mini", _CALL)


def test_cached_tokens_are_a_part_of_the_prompt_with_their_own_price() -> None:
    cached = TokenCount(prompt=1000, completion=100, cached=800)
    expected = 200 * 0.15e-6 + 800 * 0.075e-6 + 100 * 0.6e-6
    assert cost_usd("openai", "gpt-4o-mini", cached) == pytest.approx(expected)


def test_embeddings_have_a_price_for_their_input_alone() -> None:
    only_input = TokenCount(prompt=1000, completion=0)
    assert cost_usd("openai", "text-embedding-3-small", only_input) == pytest.approx(2e-5)


@pytest.mark.parametrize(("provider", "model"), [
    ("openai", "gpt-of-nobody"),
    ("provider_of_nobody", "gpt-4o-mini"),
    ("my-openai-proxy", "gpt-4o-mini"),
    ("openai", "moderation"),
    ("openai", "text-embedding-3-small"),
    ("openai", ""),
])
def test_what_the_table_does_not_know_is_unknown_and_never_zero(provider: str, model: str) -> None:
    assert cost_usd(provider, model, _CALL) is None
    assert is_billed(provider)


@pytest.mark.parametrize("provider", ["ollama", "vllm", "llamacpp", "lmstudio", ""])
def test_a_server_of_ones_own_sends_no_bill(provider: str) -> None:
    assert cost_usd(provider, "gpt-4o-mini", _CALL) is None
    assert not is_billed(provider)


def test_names_that_mean_the_same_provider_have_the_same_prices() -> None:
    model = "gemini-2.5-flash"
    assert cost_usd("gemini", model, _CALL) == cost_usd("google", model, _CALL) != None  # noqa: E711


async def test_prices_need_no_network_and_nobody_updates_them(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("a price was looked up in the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    prices._table.cache_clear()
    await load()
    assert cost_usd("openai", "gpt-4o-mini", _CALL)

    from genai_prices.update_prices import _shared_updater

    assert _shared_updater.ref_count == 0
    assert not prices._table().from_auto_update


def test_a_snapshot_that_somebody_fetched_changes_no_price() -> None:
    from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot

    before = cost_usd("openai", "gpt-4o-mini", _CALL)
    prices._find.cache_clear()
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=True))
    try:
        assert cost_usd("openai", "gpt-4o-mini", _CALL) == before
    finally:
        set_custom_snapshot(None)


def test_the_table_tells_its_version() -> None:
    assert price_table().startswith("genai-prices 0.")
