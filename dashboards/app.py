"""The dashboard: the table of pages, who may see them, and what happens when one fails."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from agentdyno.core.errors import DynoError
from agentdyno.dashboards import access, frame, links

READABLE = Path(__file__).with_name("readable.css")
"""Our own style sheet, for what the theme's options do not reach."""
# A picture of our own: for an emoji or a symbol a browser would ask a server far away.
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15"'
    ' fill="#1d5fb8"/><path d="M6 20a10 10 0 1 1 20 0M16 20l6-7" fill="none" stroke="#fff"'
    ' stroke-width="3" stroke-linecap="round"/></svg>'
)


@dataclass(frozen=True, kw_only=True)
class PageRow:
    """One page: `pages/NAME.py` with a function `page() -> None`."""

    name: str
    """Module and address."""
    title: str
    icon: str
    """Name of a Material symbol; Streamlit brings the font."""

    def run(self) -> None:
        """Show the page; what it raises for users is shown as they are told on the command line."""
        try:
            importlib.import_module(f"agentdyno.dashboards.pages.{self.name}").page()
        except DynoError as error:
            frame.problem(error)


PAGES = (
    PageRow(name="overview", title="Overview", icon="dashboard"),
    PageRow(name="compare", title="Compare", icon="compare_arrows"),
    PageRow(name="trial", title="Trial", icon="search_insights"),
    PageRow(name="experiments", title="Experiments", icon="science"),
    PageRow(name="live", title="Live", icon="sensors"),
    PageRow(name="approvals", title="Approvals", icon="how_to_reg"),
    PageRow(name="memory", title="Memory", icon="database"),
    PageRow(name="tools", title="Tools", icon="build"),
    PageRow(name="flows", title="Flows", icon="account_tree"),
)
"""Pages in the order of the navigation."""


def main(start: str = PAGES[0].name) -> None:
    """Show the page that the address names, or page `start` where it names none."""
    st.set_page_config(page_title="agentdyno", page_icon=_ICON, layout="wide")
    st.html(READABLE)
    try:
        allowed = access.let_in()
    except DynoError as error:
        frame.problem(error)
        allowed = False
    # The pages are known before anybody has logged in, so that an address leads to its page then.
    pages = {row.name: _page(row, start) for row in PAGES}
    chosen = st.navigation(list(pages.values()), position="sidebar" if allowed else "hidden")
    if allowed:
        links.remember(pages)
        frame.sidebar()
        chosen.run()


def _page(row: PageRow, start: str) -> "st.Page":
    run: Callable[[], None] = row.run
    return st.Page(
        run, title=row.title, icon=f":material/{row.icon}:", url_path=row.name,
        default=row.name == start,
    )
