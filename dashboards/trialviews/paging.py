"""Long lists page by page, so that a trial of thousands of events opens as fast as a short one."""

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

Item = TypeVar("Item")


def paged(items: Sequence[Item], key: str, *, size: int = 50) -> Sequence[Item]:
    """Return the page of `items` that the user is at; with buttons where there are several.

    Args:
        key: name of the widget, unique on the page.
        size: items of a page.
    """
    pages = max(1, -(-len(items) // size))
    if pages == 1:
        return items
    at = st.pagination(pages, key=key)
    first = (at - 1) * size
    st.caption(f"{first + 1:,} to {min(first + size, len(items)):,} of {len(items):,}")
    return items[first : first + size]
