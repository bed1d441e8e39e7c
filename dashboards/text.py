"""Text of models, users and files on a page: shown as it is, and never executed.

Two rules keep it harmless. Longer text goes through `show`, which is Streamlit's code block: no
Markdown, no HTML. Where Streamlit takes Markdown (labels, captions, headings, errors), text that is
not ours goes through `label`, which takes every character of its meaning.
"""

import re

import streamlit as st

MOST = 20_000
"""Characters of one text that are shown at once; more would freeze the browser."""
SHORT = 80
"""Characters of a text in a table or a label."""

# C0 but for tab and newline, DEL, C1, half surrogate pairs, and what changes the direction of text
# or hides it: an attacker could make a word read as another one.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=@/\"'%])")


def visible(text: str) -> str:
    """Return `text` with every character that steers, hides or reorders as U+FFFD."""
    return HIDDEN.sub("\ufffd", text.replace("\r\n", "\n"))


def shorten(text: str, most: int = SHORT) -> str:
    """Return `text` on one line of at most `most` characters, for a cell of a table."""
    # Whoever shows a list of long texts needs only their beginnings.
    line = visible(" ".join(text[: 4 * most].split()))
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"


def label(text: str, most: int = SHORT) -> str:
    """Return `text` on one line, escaped for places where Streamlit takes Markdown."""
    return _MARKDOWN.sub(r"\\\1", shorten(text, most))


def show(text: str, *, language: str | None = None, most: int = MOST) -> None:
    """Show `text` as it is, in a block that can be copied; the beginning of one that is too long.

    Args:
        language: for colours alone, such as `json`.
    """
    shown = visible(text[:most])
    st.code(shown, language=language, wrap_lines=True)
    if len(text) > most:
        st.caption(f"The first {most:,} of {len(text):,} characters.")
