"""Pages and filters as addresses, so that a view can be shared.

Filters are widgets that Streamlit binds to the query: `?runner=crewai&runner=langgraph`. A key is
the same word on every page, so that a filter stays when somebody goes from one page to another.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from agentdyno.dashboards.text import label, shorten

_PAGES = "agentdyno_pages"
_LONGEST_OPTION = 100


def remember(pages: dict[str, Any]) -> None:
    """Keep the session's page objects, by name, for links between pages."""
    st.session_state[_PAGES] = pages


def known(name: str) -> bool:
    """Tell whether there is a page of this name."""
    return name in st.session_state.get(_PAGES, {})


def go(name: str, **parameters: str) -> None:
    """Switch to page `name` with these query parameters: `go("trial", trial=found)`."""
    st.switch_page(st.session_state[_PAGES][name], query_params=parameters)


def link(name: str, text: str, **parameters: str) -> None:
    """Show a link to page `name` with these query parameters; `text` may be anybody's."""
    if known(name):
        st.page_link(st.session_state[_PAGES][name], label=label(text), query_params=parameters)
    else:
        st.caption(label(text))


def address(name: str, **parameters: str) -> str:
    """Return the address of page `name` on this server, for a column of links."""
    # The first page is at the root and nowhere else.
    place = "/" if name == next(iter(st.session_state.get(_PAGES, ())), "") else f"/{name}"
    return f"{place}?{urlencode(parameters)}" if parameters else place


def parameter(name: str) -> str:
    """Return a parameter of the address that no widget is bound to; "" without it."""
    return str(st.query_params.get(name, ""))


def choose(
    words: str, options: Sequence[str], key: str, *, index: int | None = 0,
    shown: Callable[[str], str] = shorten, help: str | None = None,
) -> str | None:
    """Let the user choose one of `options`, kept in the address as `key`; None when none is."""
    if not options:
        return None
    return st.selectbox(
        words, list(options), index=index, key=key, bind="query-params", help=help,
        format_func=_names(options, shown),
    )


def choose_some(
    words: str, options: Sequence[str], key: str, *, default: Sequence[str] = (),
    shown: Callable[[str], str] = shorten, help: str | None = None, placeholder: str = "all",
) -> list[str]:
    """Let the user choose any of `options`, kept in the address as `key`."""
    return st.multiselect(
        words, list(options), default=list(default), key=key, bind="query-params", help=help,
        placeholder=placeholder, format_func=_names(options, shown),
    )


def choose_section(words: str, options: Sequence[str], key: str) -> str:
    """Let the user choose one of our own few `options` in a row, kept in the address as `key`."""
    # Not a segmented control: no colour of its chosen segment can be read on a dark page while a
    # button of that colour can, too.
    found = st.radio(
        words, list(options), key=key, bind="query-params", horizontal=True,
        label_visibility="collapsed",
    )
    return str(found or options[0])


def _names(options: Sequence[str], shown: Callable[[str], str]) -> Callable[[str], str]:
    """Return what options are called. The address holds these names, so two must not be alike."""
    names: dict[str, str] = {}
    for option in options:
        name = shown(option)[:_LONGEST_OPTION]
        names[option] = name if name not in names.values() else f"{name} ({len(names)})"
    return lambda option: names.get(option, shown(option))
