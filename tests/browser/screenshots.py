"""Pictures of the README: `python -m agentdyno.tests.browser.screenshots --write`.

Fills a store by real runs (or takes the one that AGENTDYNO_WALKED_STORE names), opens it, and
writes design/images/NAME.png; without --write it says what it would write.
"""

import argparse
import asyncio
import json
import os
import tempfile
from pathlib import Path

from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server
from agentdyno.tests.browser.chromium import browsing, settle
from agentdyno.tests.browser.walked import agentdyno, environment, fill, running

FOLDER = Path(__file__).resolve().parents[2] / "design" / "images"
PAGES = {
    "overview": "", "compare": "compare?scenario=parcel_claims&runner=langgraph", "flows": "flows",
    "tools": "tools", "trial": "trial?trial={trial}&section=Time",
    "experiments": "experiments",
}
"""File -> address on the dashboard."""
MOST_BYTES = 300_000


async def take(dashboard: str, trial: str) -> None:
    """Write every picture; `trial` is the one that is shown."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with browsing() as (context, _):
        for name, address in PAGES.items():
            page = await context.new_page()
            await page.goto(f"{dashboard}/{address.format(trial=trial)}")
            await settle(page)
            await page.wait_for_load_state("networkidle")
            file = FOLDER / f"{name}.png"
            await page.screenshot(path=file)
            size = file.stat().st_size
            assert size < MOST_BYTES, f"{file.name} has {size} bytes"
            print(f"{file.name}: {size // 1000} kB")
            await page.close()


def shown_trial(database: str) -> str:
    """Return the newest trial of a team of three on LangGraph."""
    listed = agentdyno(database, "list", "--scenario", "investment_analysis", "--runner",
                       "langgraph", "--json").stdout
    return str(json.loads(listed.splitlines()[0])["id"])


def main() -> None:
    """Take the pictures of a store that is named, or of one that is made for it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    if not parser.parse_args().write:
        print(", ".join(f"design/images/{name}.png" for name in PAGES))
        return
    if filled := os.environ.get("AGENTDYNO_WALKED_STORE"):
        with running(environment(filled), "--no-mlflow") as links:
            asyncio.run(take(links["dashboard"], shown_trial(filled)))
        return
    with tempfile.TemporaryDirectory(prefix="agentdyno-walked-") as name:
        folder = Path(name)
        try:
            dsn = asyncio.run(ensure_server(folder / "cache"))
            asyncio.run(migrate(dsn))
            fill(dsn, folder, hostile=False)
            agentdyno(dsn, "experiment", "run", "safe_experimentation")
            with running(environment(dsn), "--no-mlflow") as links:
                asyncio.run(take(links["dashboard"], shown_trial(dsn)))
        finally:
            asyncio.run(remove_server(folder / "cache"))


if __name__ == "__main__":
    main()
