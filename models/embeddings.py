"""The Embeddings dialect, and `hash-ngram-v1`: vectors that know spelling, never meaning."""

import base64
import math
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from agentdyno.models.conversation import RequestError
from agentdyno.models.wire import model_name

HASH_NGRAM = "hash-ngram-v1"
_DIMENSIONS = 256
_MOST_DIMENSIONS = 4096
_ENCODINGS: dict[str, Literal["float", "base64"]] = {
    "None": "float", "float": "float", "base64": "base64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """One request for vectors."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    """Length of the vectors; null leaves it to the model."""
    encoding: Literal["float", "base64"] = "float"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """Vectors and the name of what really made them."""

    model: str
    vectors: "tuple[array[float], ...]"
    """One per text, 32-bit floats."""


def hash_ngrams(texts: Sequence[str], dimensions: int | None = None) -> Embeddings:
    """Embed `texts` by hashing: equal on every machine, close for similar spelling only.

    Each word and each of its character trigrams adds +1 or -1 at a place that its CRC-32 picks
    (the hashing trick of Weinberger et al. 2009); the vector is then scaled to length 1.
    """
    size = dimensions or _DIMENSIONS
    return Embeddings(model=HASH_NGRAM, vectors=tuple(_vector(text, size) for text in texts))


def parse_embeddings(body: dict[str, Any]) -> EmbeddingRequest:
    """Read the body of an embeddings request; raises `RequestError`."""
    given = body.get("input")
    texts = (given,) if isinstance(given, str) else given
    if not isinstance(texts, list | tuple) or not texts:
        raise RequestError("input must be a string or a non-empty array of strings", "input")
    if not all(isinstance(text, str) for text in texts):
        raise RequestError("input must be text; arrays of tokens are not supported", "input")
    dimensions = body.get("dimensions")
    if dimensions is not None and (
        not isinstance(dimensions, int) or not 1 <= dimensions <= _MOST_DIMENSIONS
    ):
        raise RequestError(f"dimensions must be between 1 and {_MOST_DIMENSIONS}", "dimensions")
    encoding = _ENCODINGS.get(str(body.get("encoding_format", "float")))
    if encoding is None:
        raise RequestError("encoding_format must be float or base64", "encoding_format")
    return EmbeddingRequest(model=model_name(body), texts=tuple(texts), dimensions=dimensions,
                            encoding=encoding)


def render_embeddings(request: EmbeddingRequest, made: Embeddings, tokens: int) -> bytes:
    """Return the body of the response; `model` names what made the vectors."""
    data = [
        {"object": "embedding", "index": at, "embedding": _encoded(vector, request.encoding)}
        for at, vector in enumerate(made.vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return orjson.dumps({"object": "list", "data": data, "model": made.model, "usage": usage})


def _vector(text: str, size: int) -> "array[float]":
    sums = [0.0] * size
    for word in text.lower().split():
        padded = f" {word} "
        grams = [padded] + [padded[at : at + 3] for at in range(len(padded) - 2)]
        for gram in grams:
            code = zlib.crc32(gram.encode())
            sums[(code >> 1) % size] += 1.0 if code & 1 else -1.0
    length = math.sqrt(sum(value * value for value in sums))
    return array("f", [value / length for value in sums] if length else sums)


def _encoded(vector: "array[float]", encoding: str) -> Any:
    if encoding == "float":
        return vector.tolist()
    if vector.itemsize != 4:
        raise AssertionError("base64 embeddings are 32-bit floats")
    return base64.b64encode(vector.tobytes()).decode()
