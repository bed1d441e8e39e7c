"""A stream that ends without a finish reason: an error for everybody, or what each makes of it."""

from collections.abc import AsyncIterator

import orjson
import pytest

from agentdyno.models.upstream import ModelRequest, Passage
from agentdyno.tests.contract.lab import Lab

HALF = "Good day. The figure that you asked for is"
REFUSERS: tuple[str, ...] = ()
"""Frameworks that do not take a text without an end for the whole answer."""


class Cut:
    """A provider whose streams just stop in mid-sentence."""

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, request: ModelRequest) -> Passage:
        self.asked += 1
        return Passage(chunks=self._chunks(), media_type=b"text/event-stream", provider="test")

    async def _chunks(self) -> AsyncIterator[bytes]:
        for word in HALF.split(" "):
            delta = {"role": "assistant", "content": word if word == "Good" else f" {word}"}
            chunk = {
                "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
            }
            yield b"data: " + orjson.dumps(chunk) + b"\n\n"


@pytest.mark.requirement("runner:model:stream-without-end")
async def test_uniform_a_stream_without_an_end_is_an_error_in_every_framework(lab: Lab):
    model = Cut()
    run = await lab.run("HELLO", upstream=model, stream=True)
    assert run.report.ended == "raised"
    assert "finish reason" in (run.report.error or "")
    assert model.asked == 1
    assert [call.finish_reason for call in run.model_calls] == [None]


@pytest.mark.requirement("runner:model:stream-without-end")
async def test_as_shipped_shows_who_takes_half_an_answer_for_a_whole_one(lab: Lab, runner: str):
    run = await lab.run("HELLO", upstream=Cut(), stream=True, retries="as-shipped")
    (call,) = run.model_calls
    assert (call.status, call.finish_reason) == (200, None)
    if runner in REFUSERS:
        assert run.report.ended == "raised"
    else:
        assert run.texts == (HALF,)
