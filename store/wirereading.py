"""Single exchanges out of a trial's wire, without reading all of it into memory.

A trial's wire is one compressed stream of JSON lines. A long trial sends its whole conversation
again with each call, so the stream can be a hundred times what a page shows of it.
"""

import asyncio
import json
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from agentdyno.core.event import WireRecord
from agentdyno.store.database import Pool, connected

_STEP = 1 << 20
"""Bytes that are unpacked at a time."""
_HEAD = re.compile(
    rb'\{"seq": ?(\d+), ?"channel": ?"(\w+)", ?"agent": ?"([^"\\]*)", ?"started_s": ?([-+.eE\d]+),'
)
"""How a record begins; payloads are not parsed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WireLine:
    """One exchange, without its bytes."""

    seq: int
    channel: str
    agent: str
    started_s: float
    size: int
    """Bytes of request and response together, as JSON."""


async def wire_lines(pool: Pool, trial_id: str) -> tuple[WireLine, ...]:
    """Return what exchanges the newest attempt of a trial had; none when it had none."""
    body = await _body(pool, trial_id)
    return await asyncio.to_thread(lambda: tuple(map(_head, _lines(body)))) if body else ()


async def wire_records(
    pool: Pool, trial_id: str, seqs: Collection[int]
) -> tuple[WireRecord, ...]:
    """Return the exchanges with these numbers, in the order of the wire; unknown ones are left
    out."""
    body = await _body(pool, trial_id)
    return await asyncio.to_thread(_records, body, frozenset(seqs)) if body else ()


def _records(body: bytes, seqs: frozenset[int]) -> tuple[WireRecord, ...]:
    found: list[WireRecord] = []
    for line in _lines(body):
        if len(found) == len(seqs):
            break
        if _head(line).seq in seqs:
            found.append(_record(line))
    return tuple(found)


async def _body(pool: Pool, trial_id: str) -> bytes | None:
    async with connected(pool) as link:
        rows = await link.execute(
            "SELECT w.body FROM wire w JOIN trial t ON t.row_id = w.trial"
            " WHERE t.id = %s AND NOT t.superseded", [trial_id],
        )
        row = await rows.fetchone()
    return row[0] if row else None


def _lines(body: bytes) -> Iterator[bytes]:
    unpacking = zlib.decompressobj()
    rest, data = b"", body
    while data:
        parts = (rest + unpacking.decompress(data, _STEP)).split(b"\n")
        data = unpacking.unconsumed_tail
        rest = parts.pop()
        yield from parts
    yield from (rest + unpacking.flush()).split(b"\n")


def _record(line: bytes) -> WireRecord:
    try:
        return WireRecord.model_validate_json(line)
    except ValidationError:
        # JSON can hold half of a surrogate pair, which only the standard library reads.
        return WireRecord.model_validate(json.loads(line))


def _head(line: bytes) -> WireLine:
    head = _HEAD.match(line)
    if head is None:
        record = _record(line)
        return WireLine(seq=record.seq, channel=record.channel, agent=record.agent,
                        started_s=record.started_s, size=len(line))
    seq, channel, agent, started = head.groups()
    return WireLine(seq=int(seq), channel=channel.decode(), agent=agent.decode(),
                    started_s=float(started), size=len(line) - head.end())
