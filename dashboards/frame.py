"""What all pages have around them: title, sidebar, empty states, errors."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamlit as st

from agentdyno.core.errors import DynoError
from agentdyno.core.settings import Settings
from agentdyno.dashboards import access, codecolours, links
from agentdyno.dashboards.bridge import forget, settings
from agentdyno.dashboards.text import label, show, visible
from agentdyno.store.database import describe


def header(title: str, what: str = "") -> None:
    """Show the page's title and, in one sentence, what it is for. Both are ours."""
    st.title(title)
    if what:
        st.caption(what)


def empty(text: str, command: str = "") -> None:
    """Say that there is nothing to show, and the command that changes it. `text` is ours."""
    st.info(text)
    if command:
        st.code(command, language="bash")


def problem(error: DynoError) -> None:
    """Say what went wrong and what to do next."""
    # Each line for itself: a message may quote a file or a server.
    st.error("  \n".join(label(line, 400) for line in visible(error.message).splitlines()) or " ")
    if error.hint:
        show(error.hint, language="bash")
    if st.button("Try again", key="try_again"):
        forget()
        st.rerun()


def table(
    rows: Sequence[Mapping[str, Any]], *, key: str, open: str = "", by: str = "",
    columns: Mapping[str, Any] | None = None, height: int | None = None, hide: Sequence[str] = (),
    plain: bool = False,
) -> int | None:
    """Show rows as a table, times in UTC; returns the number of the row that the user chose.

    Args:
        rows: cells by column; texts are shown as they are.
        key: name of the widget, unique on the page.
        open: page to go to when a row is chosen.
        by: column that names what to open there, and its parameter's name.
        columns: Streamlit's column configuration.
        height: pixels; all rows without it.
        hide: columns that are not shown.
        plain: rows are only read: none can be chosen.
    """
    import pandas as pd

    names = list(rows[0]) if rows else []
    data = pd.DataFrame([{n: _cell(row[n]) for n in names} for row in rows], columns=names)
    how: dict[str, Any] = {
        "hide_index": True, "key": key, "column_config": dict(columns or {}),
        "column_order": [name for name in names if name not in hide],
        **({"height": height} if height else {}),
    }
    if plain:
        st.dataframe(data, **how)
        return None
    chosen = st.dataframe(
        data, on_select="rerun", selection_mode="single-row", **how
    ).selection.rows
    if not chosen:
        return None
    if open and links.known(open):
        links.go(open, **{by: str(rows[chosen[0]][by])})
    return int(chosen[0])


def sidebar() -> None:
    """Show who acts, on which database, and a button that reads it anew."""
    with st.sidebar:
        st.html(f"<style>{codecolours.style()}</style>")
        access.edit_name()
        st.caption(f"Store: {label(_place(settings()), 120)}")
        if st.button("Refresh", icon=":material/refresh:", width="stretch"):
            st.cache_data.clear()
            st.rerun()


def _place(found: Settings) -> str:
    if found.database_url:
        return describe(found.database_url.get_secret_value())
    home = Path.home()
    near = found.cache.is_relative_to(home)
    return f"embedded, in {Path('~') / found.cache.relative_to(home) if near else found.cache}"


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    # pandas warns of times that know their zone; everything here is UTC.
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
