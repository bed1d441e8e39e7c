"""A real byte-pair encoding that works offline: `cl100k_base` out of the PyPI package `toktok-rs`.

The vocabulary is compiled into the package, so nothing is downloaded. `o200k_base` takes twice as
long to load, and only ratios between frameworks are read from these numbers.
"""

import threading
from collections.abc import Iterable

import toktok  # type: ignore[import-untyped]

from agentdyno.models.memo import Memo

ENCODING = "cl100k_base"

_counts: Memo[str, int] = Memo()
_loading: threading.Thread | None = None


def warm_up() -> threading.Thread:
    """Load the vocabulary in a background thread (it releases the GIL) and return the thread.

    It takes 39 MB, so nobody asks for it before tokens must be counted here. A second call does
    nothing.
    """
    global _loading
    if _loading is None:
        _loading = threading.Thread(
            target=count_text, args=("warm",), name="tokenizer", daemon=True)
        _loading.start()
    return _loading


def is_warm() -> bool:
    """Whether the vocabulary is there, so that a short text is counted at once."""
    return _loading is not None and not _loading.is_alive()


def count_text(text: str) -> int:
    """Return the tokens of `text`; special tokens in it count as the ordinary text they are."""
    return count_texts((text,))


def count_texts(texts: Iterable[str]) -> int:
    """Return the sum of the tokens of `texts`, each encoded by itself.

    Counts are remembered, since each call of a conversation repeats all the texts before it; what
    is new is encoded in one go, since a call of the encoder costs more than a short text.
    """
    total, new = 0, []
    for text in texts:
        known = _counts.get(text)
        if known is None:
            new.append(text)
        else:
            total += known
    if new:
        counts: list[int] = toktok.batch_count(new, ENCODING, 1)
        total += sum(counts)
        for text, count in zip(new, counts, strict=True):
            _counts.keep(text, count)
    return total
