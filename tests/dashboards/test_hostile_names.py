"""Overview and Compare over a store whose every name and text is hostile."""

import re
from datetime import timedelta
from typing import Any

from streamlit.testing.v1 import AppTest

from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.dashboards.hostile import FORBIDDEN, MARK, TEXTS
from agentdyno.tests.dashboards.stored import Page
from agentdyno.tests.dashboards.test_compare_page import VIEWS

NAMES = [text for name, text in TEXTS.items() if name not in ("control", "surrogate", "long")]
"""What a column of text can hold."""


async def test_hostile_names_are_shown_and_do_nothing(database: str, open_page: Page) -> None:
    await _fill(database)
    seen = ""
    for name, query in (("overview", {}), *(("compare", {"view": view}) for view in VIEWS)):
        page = open_page(name, database, **query)
        assert not page.exception, query
        for text in _markdown(page):
            bare = re.sub(r"\\.", "", text)
            assert not any(word in bare.lower() for word in FORBIDDEN), text
            assert "](" not in bare, text
        seen += "".join(_markdown(page))
    assert MARK.replace("-", "\\-") in seen


async def _fill(database: str) -> None:
    pool = await open_pool(database)
    try:
        store = TrialStore(pool)
        for number, text in enumerate(NAMES):
            await store.create_matrix(f"agentdyno run {text}", {}, f"{number}{text}")
            await store.save(f"{number}{text}", [
                _trial(text, runner, repeat) for runner in ("crewai", "langgraph")
                for repeat in range(2)
            ])
    finally:
        await pool.close()


def _trial(text: str, runner: str, repeat: int) -> made.Pair:
    key = made.key("x", runner, repeat).model_copy(update={
        "scenario": text, "case": text, "runner_version": text, "variant": text,
    })
    call, wire = made.model_call("researcher", 0, 0.1, 900, text=text)
    return made.sealed(key, (call,), made.numbered(wire), passed=repeat == 0, answer=text,
                       at=timedelta(seconds=repeat), reason=text)


def _markdown(page: AppTest) -> list[str]:
    """Return everything that Streamlit takes for Markdown."""
    kinds: list[Any] = [
        page.markdown, page.caption, page.title, page.header, page.subheader, page.info,
        page.error, page.success, page.warning,
    ]
    found = [str(element.value) for kind in kinds for element in kind]
    widgets: list[Any] = [
        page.expander, page.selectbox, page.multiselect, page.radio, page.button, page.metric,
    ]
    found += [str(element.label) for kind in widgets for element in kind]
    found += [link.proto.label for link in page.get("page_link")]
    return found + [option for radio in page.radio for option in radio.options]
