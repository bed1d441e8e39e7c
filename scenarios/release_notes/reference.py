"""What the history holds, counted in the stream that it is made of and not through git."""

import re
from pathlib import Path

_STREAM = Path(__file__).with_name("history.stream")


def commits_since_tag() -> int:
    """Return how many commits are not in the tagged release, merges included."""
    text = _STREAM.read_text(encoding="utf-8")
    tagged = re.search(r"^tag v1\.3\.0\nfrom :(\d+)$", text, re.MULTILINE)
    assert tagged
    marks = [int(mark) for mark in re.findall(r"^commit \S+\nmark :(\d+)$", text, re.MULTILINE)]
    # A stream names parents before children, and this history has one line up to the tag.
    return sum(mark > int(tagged[1]) for mark in marks)
