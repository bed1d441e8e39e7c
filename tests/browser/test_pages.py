"""Every page of the dashboard in a real browser, over a store that real runs have filled."""

from pathlib import Path

import pytest

from agentdyno.dashboards.app import PAGES
from agentdyno.tests.browser.chromium import Theme, browsing, opened
from agentdyno.tests.browser.conftest import Ui

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
NAMES = [row.name for row in PAGES]


async def test_every_page_shows_without_console_error_or_request_outside_loopback(ui: Ui) -> None:
    async with browsing() as (context, seen):
        for name in NAMES:
            page = await opened(context, ui.page(name))
            assert await page.locator("h1").count(), f"{name} has a title"
            assert not await page.locator("[data-testid=stException]").all_inner_texts(), name
            await page.close()
    assert seen.complaints == []
    assert seen.strangers == []
    assert seen.broken == []


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_visible_text_can_be_read_against_what_it_stands_on(
    ui: Ui, theme: Theme
) -> None:
    pale = []
    async with browsing(theme) as (context, _):
        for name in NAMES:
            page = await opened(context, ui.page(name))
            measured = await page.evaluate(CONTRAST)
            assert len(measured) > 5, name
            pale += [(name, one) for one in measured if one["ratio"] < one["least"]]
            await page.close()
    assert pale == []


async def test_nothing_that_a_trial_says_is_run(ui: Ui) -> None:
    async with browsing() as (context, seen):
        for name in NAMES:
            page = await opened(context, ui.page(name))
            assert await page.evaluate("() => window.pwned") is None, name
            assert not await page.locator("a[href^='javascript:']").count(), name
            await page.close()
    assert seen.strangers == []
