"""Pictures of the README: `python -m agentdyno.tests.browser.screenshots --write`.

Fills a store by real runs (or takes the one that AGENTDYNO_WALKED_STORE names), opens it, and
writes design/images/NAME.png; without --write it says what it would write.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server
from agentdyno.tests.browser.chromium import browsing, settle
from agentdyno.tests.browser.walked import environment, fill, running

FOLDER = Path(__file__).resolve().parents[2] / "design" / "images"
PAGES = {"overview": "", "compare": "compare", "flows": "flows", "tools": "tools"}
"""File -> address on the dashboard."""
MOST_BYTES = 300_000


async def take(dashboard: str) -> None:
    """Write every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with browsing() as (context, _):
        for name, address in PAGES.items():
            page = await context.new_page()
            await page.goto(f"{dashboard}/{address}")
            await settle(page)
            await page.wait_for_load_state("networkidle")
            file = FOLDER / f"{name}.png"
            await page.screenshot(path=file)
            size = file.stat().st_size
            assert size < MOST_BYTES, f"{file.name} has {size} bytes"
            print(f"{file.name}: {size // 1000} kB")
            await page.close()


def main() -> None:
    """Take the pictures of a store that is named, or of one that is made for it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    if not parser.parse_args().write:
        print(", ".join(f"design/images/{name}.png" for name in PAGES))
        return
    if filled := os.environ.get("AGENTDYNO_WALKED_STORE"):
        with running(environment(filled), "--no-mlflow") as links:
            asyncio.run(take(links["dashboard"]))
        return
    with tempfile.TemporaryDirectory(prefix="agentdyno-walked-") as name:
        folder = Path(name)
        try:
            dsn = asyncio.run(ensure_server(folder / "cache"))
            asyncio.run(migrate(dsn))
            fill(dsn, folder, hostile=False)
            with running(environment(dsn), "--no-mlflow") as links:
                asyncio.run(take(links["dashboard"]))
        finally:
            asyncio.run(remove_server(folder / "cache"))


if __name__ == "__main__":
    main()
