"""What came of the last thing that the user did on a page: kept while he reads it.

A button's work is done before the page is drawn anew, and parts of a page draw themselves every
second; so the answer is put into the session, and shown for a while wherever the page wants it.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import streamlit as st

from agentdyno.core.errors import DynoError
from agentdyno.dashboards.bridge import PATIENCE_S, ask
from agentdyno.dashboards.text import label, show, visible
from agentdyno.store.database import Pool

_SHOWN_S = 20.0
_LINE = 400
"""Characters of one line of an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    words: str
    hint: str
    well: bool
    until: float
    new: bool = True
    """Whether the page has not been drawn since."""


def attempt(
    key: str, work: Callable[[Pool], Awaitable[str]], patience_s: float = PATIENCE_S
) -> None:
    """Do what the user asked for, as the callback of a button; `work` returns it in words.
    Refusals and faults are kept for `told` like answers.

    Args:
        key: name of the page's part, for `told`.
        work: what to do.
        patience_s: seconds after which it is given up.
    """
    try:
        words, hint, well = ask(work, patience_s), "", True
    except DynoError as error:
        words, hint, well = error.message, error.hint, False
    st.session_state[f"said-{key}"] = _Said(
        words=words, hint=hint, well=well, until=time.monotonic() + _SHOWN_S
    )


def told(key: str) -> None:
    """Show what came of the last attempt of this part of the page, if it is not long ago; the whole
    page is drawn anew once, where only this part of it was."""
    said: _Said | None = st.session_state.get(f"said-{key}")
    if said is None or time.monotonic() > said.until:
        return
    if said.new:
        st.session_state[f"said-{key}"] = replace(said, new=False)
        st.rerun()
    words = "  \n".join(label(line, _LINE) for line in visible(said.words).splitlines()) or " "
    (st.success if said.well else st.error)(words)
    if said.hint:
        show(said.hint, language="bash")
