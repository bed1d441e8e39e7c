"""What a call costs: from the table on this disk, and "unknown" where the table does not know."""

import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from agentdyno.core.event import TokenCount
from agentdyno.models import prices
from agentdyno.models.prices import cost_usd, is_billed, load, price_table
from agentdyno.models.upstream import ModelRequest, Passage

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


def test_runs_without_live_calls_never_load_the_table() -> None:
    code = "import sys, agentdyno.models.budget; assert 'genai_prices' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_table_tells_its_version() -> None:
    assert price_table().startswith("genai-prices 0.")


@dataclass
class Provider:
    """Answers with a passage that names its model and usage."""

    source: Literal["live", "recorded"] = "live"
    named: str = "gpt-4o-mini-2024-07-18"

    async def answer(self, request: ModelRequest) -> Passage:
        return Passage(
            chunks=self._chunks(), source=self.source, provider="openai", model="gpt-4o-mini"
        )

    async def _chunks(self) -> AsyncIterator[bytes]:
        yield json.dumps({
            "id": "1", "object": "chat.completion", "created": 1, "model": self.named,
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": "hi"}}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
                      "prompt_tokens_details": {"cached_tokens": 800}},
        }).encode()


@pytest.mark.parametrize(("provider", "cost"), [
    (Provider(), 200 * 0.15e-6 + 800 * 0.075e-6 + 100 * 0.6e-6),
    (Provider(named="what-a-proxy-calls-it"), 200 * 0.15e-6 + 800 * 0.075e-6 + 100 * 0.6e-6),
    (Provider(named="gpt-4o"), 200 * 2.5e-6 + 800 * 1.25e-6 + 100 * 10e-6),
    (Provider(source="recorded"), None),
])
async def test_a_live_answer_costs_what_the_model_costs_that_it_names_and_a_recorded_one_nothing(
    bench: Any, provider: Provider, cost: float | None
) -> None:
    client = bench.open(provider)
    assert (await client.chat("hello")).status_code == 200
    (call,) = client.sink.events
    assert call.cost_usd == (None if cost is None else pytest.approx(cost))
    assert call.tokens.cached == 800
