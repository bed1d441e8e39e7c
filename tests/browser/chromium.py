"""A headless Chromium that reaches loopback alone, and what it saw."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    async_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-extensions",
    # What a page asks for elsewhere must fail in the browser, not only be seen.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)
SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"
"""The app once the script has run to its end."""
PROBED = re.compile(r"/[a-z]+/_stcore/(health|host-config)$")
"""Where Streamlit's own page looks for its server first when it is opened by a page's address."""
PATIENCE_MS = 30_000
Theme = Literal["light", "dark"]


def executable() -> str:
    """Return where Chromium is. Without one the test is skipped, and fails where CI asks for it."""
    named = os.environ.get("AGENTDYNO_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        why = "no Chromium on PATH: apt-get install chromium, or set AGENTDYNO_CHROMIUM"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return found


@dataclass
class Seen:
    """What went on in a page."""

    complaints: list[str] = field(default_factory=list)
    """Errors and warnings on the console, and exceptions that nobody caught."""
    strangers: list[str] = field(default_factory=list)
    """Addresses outside loopback that were asked for."""
    broken: list[str] = field(default_factory=list)
    """Answers of 400 and more."""

    def console(self, message: ConsoleMessage) -> None:
        """Take down what the page complains about."""
        where = str(message.location.get("url"))
        if message.type == "error" and not PROBED.search(where):
            self.complaints.append(f"{message.text} ({where})")

    def answer(self, reply: Response) -> None:
        """Take down what was refused or is not there."""
        if reply.status >= 400 and not PROBED.search(reply.url):
            self.broken.append(f"{reply.status} {reply.url}")

    def request(self, request: Request) -> None:
        """Take down what leads elsewhere."""
        where = urlsplit(request.url)
        if where.scheme in ("http", "https", "ws", "wss") and where.hostname not in (
            "127.0.0.1", "localhost", "::1"
        ):
            self.strangers.append(request.url)


@asynccontextmanager
async def browsing(theme: Theme = "light") -> AsyncIterator[tuple[BrowserContext, Seen]]:
    """Open a browser with an empty profile; what its pages do is taken down."""
    seen = Seen()
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=executable(), args=list(FLAGS))
        context = await browser.new_context(
            viewport={"width": 1400, "height": 1000}, color_scheme=theme, service_workers="block",
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("console", seen.console)
        context.on("weberror", lambda error: seen.complaints.append(str(error.error)))
        context.on("request", seen.request)
        context.on("response", seen.answer)
        try:
            yield context, seen
        finally:
            await context.close()
            await browser.close()


async def opened(context: BrowserContext, url: str) -> Page:
    """Open a page of the dashboard and wait until it has drawn everything."""
    page = await context.new_page()
    await page.goto(url)
    await settle(page)
    return page


async def settle(page: Page) -> None:
    """Wait until the script has run and nothing is stale any more."""
    await page.wait_for_selector(SETTLED)
    await page.wait_for_function(
        "() => !document.querySelector('[data-stale=true], [data-testid=stSkeleton],"
        " [data-testid=stSpinner]')"
    )
