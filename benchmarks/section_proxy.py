"""A live call through the gateway, through a LiteLLM proxy, and straight to the provider.

The provider is a static server that costs next to nothing. Gateway and proxy have one core to
themselves, the provider and the client the other. All three are asked in turn in every round; what
is added is a side's latency less the provider's own in the same round.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import psutil
import uvloop
from figures import spread, target
from http_load import load, request
from litellm_peer import KEY, litellm_proxy
from section_gateway import BODY, serving

CONCURRENCIES, CALLS, PEER_CALLS = (1, 16, 64), 3000, 320
STREAMS, TOKENS, PACE_MS = 8, 500, 4
LASTING = 50_000
LESS_CPU, ADDED_P50, ADDED_P99, BUSY_P50, TOKEN_US, MEMORY, GROWTH = 40, 0.6, 1.2, 15, 45, 80, 2


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to the provider."""

    port: int
    process: psutil.Process
    path: str
    token: str
    calls: int

    def message(self, body: bytes) -> bytes:
        """Return the bytes of one request."""
        return request(self.path, body, self.token)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one load on one side took."""

    cpu_us: float
    """CPU of the server per call."""
    per_s: float
    """Calls per second."""
    p50: float
    p99: float
    """Latency in milliseconds."""


def main(rounds: int) -> None:
    """Print ratio, latency and throughput, then streaming, then memory."""
    with _sides() as (direct, gateway, peer):
        for concurrency in CONCURRENCIES:
            _calls(direct, gateway, peer, concurrency, rounds)
        _streaming(gateway, peer, rounds)
        _memory(gateway, peer)


@contextlib.contextmanager
def _sides() -> Iterator[tuple[Side, Side, Side]]:
    cores = psutil.Process().cpu_affinity() or []
    chat = "/v1/chat/completions"
    with (
        serving("floor_server.py") as (port, provider),
        serving("live_server.py", str(port)) as (gateway_port, gateway),
        litellm_proxy(port) as (peer_port, peer),
    ):
        if len(cores) > 1:
            for process in (gateway, peer):
                process.cpu_affinity(cores[:1])
            for process in (provider, psutil.Process()):
                process.cpu_affinity(cores[1:2])
        else:
            print("only one core: latencies and calls per second include the client's work")
        try:
            yield (
                Side(port=port, process=provider, path=chat, token="", calls=CALLS),
                Side(port=gateway_port, process=gateway, path=f"/t/live/solver{chat}",
                     token="live-token", calls=CALLS),
                Side(port=peer_port, process=peer, path=chat, token=KEY, calls=PEER_CALLS),
            )
        finally:
            psutil.Process().cpu_affinity(cores)


def _measure(side: Side, body: bytes, calls: int, concurrency: int) -> Row:
    before, started = side.process.cpu_times(), time.perf_counter()
    p50, p99 = uvloop.run(load(side.port, side.message(body), calls, concurrency))
    wall, after = time.perf_counter() - started, side.process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return Row(cpu_us=1e6 * used / calls, per_s=calls / wall, p50=p50, p99=p99)


def _calls(direct: Side, gateway: Side, peer: Side, concurrency: int, rounds: int) -> None:
    turns = [
        [_measure(side, BODY, side.calls, concurrency) for side in (direct, gateway, peer)]
        for _ in range(rounds + 1)
    ][1:]
    ratio = [theirs.cpu_us / ours.cpu_us for _, ours, theirs in turns]
    for name, at in (("gateway", 1), ("LiteLLM", 2)):
        print(
            f"c={concurrency:<3} {name}: {spread([t[at].cpu_us for t in turns], 0)} µs CPU, "
            f"{spread([t[at].per_s for t in turns], 0)} calls/s, added "
            f"p50 {spread([t[at].p50 - t[0].p50 for t in turns])} ms, "
            f"p99 {spread([t[at].p99 - t[0].p99 for t in turns])} ms"
        )
    print(f"      LiteLLM / gateway {spread(ratio, 1)} CPU; "
          + target(median(ratio) >= LESS_CPU, f"at least {LESS_CPU}x"), flush=True)
    p50 = median([t[1].p50 - t[0].p50 for t in turns])
    p99 = median([t[1].p99 - t[0].p99 for t in turns])
    if concurrency == 1:
        print("      added p50 " + target(p50 <= ADDED_P50, f"at most {ADDED_P50} ms")
              + ", p99 " + target(p99 <= ADDED_P99, f"at most {ADDED_P99} ms"))
    if concurrency == 64:
        print("      added p50 " + target(p50 <= BUSY_P50, f"at most {BUSY_P50} ms"))


def _stream(pace_ms: int) -> bytes:
    return json.dumps({
        "model": "default", "stream": True, "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Tell me a story."}],
        "max_tokens": TOKENS, "seed": pace_ms,
    }).encode()


def _streaming(gateway: Side, peer: Side, rounds: int) -> None:
    for pace_ms in (PACE_MS, 0):
        turns = [
            [_measure(side, _stream(pace_ms), STREAMS, STREAMS) for side in (gateway, peer)]
            for _ in range(rounds + 1)
        ][1:]
        ours, theirs = ([t[at].cpu_us / TOKENS for t in turns] for at in (0, 1))
        per_s = [[t[at].per_s * TOKENS for t in turns] for at in (0, 1)]
        paced = f"{pace_ms} ms apart" if pace_ms else "as fast as they come"
        print(f"{STREAMS} streams, tokens {paced}: gateway {spread(ours, 1)} µs CPU per token, "
              f"{spread(per_s[0], 0)} tokens/s; LiteLLM {spread(theirs, 1)} µs, "
              f"{spread(per_s[1], 0)} tokens/s", flush=True)
        if pace_ms:
            print("      " + target(median(ours) <= TOKEN_US, f"at most {TOKEN_US} µs per token"))


def _memory(gateway: Side, peer: Side) -> None:
    before = gateway.process.memory_info().rss / 1e6
    _measure(gateway, BODY, LASTING, 16)
    after = gateway.process.memory_info().rss / 1e6
    print(f"memory: gateway {before:.1f} MB, after {LASTING:,} more calls {after:.1f} MB; LiteLLM "
          f"{peer.process.memory_info().rss / 1e6:.0f} MB; "
          + target(after <= MEMORY, f"at most {MEMORY} MB") + ", "
          + target(after - before <= GROWTH, f"flat within {GROWTH} MB"))
