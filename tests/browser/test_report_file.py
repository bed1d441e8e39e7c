"""The report, opened as a file by somebody who has nothing but a browser."""

from pathlib import Path

import pytest

from agentdyno.tests.browser.chromium import Theme, browsing
from agentdyno.tests.browser.walked import agentdyno

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_report_opens_from_a_file_can_be_read_and_runs_nothing(
    walked: str, tmp_path: Path, theme: Theme
) -> None:
    file = tmp_path / "report.html"
    agentdyno(walked, "report", "latest", "-o", str(file))
    async with browsing(theme) as (context, seen):
        page = await context.new_page()
        await page.goto(file.as_uri())
        assert "hostile-mark" in await page.inner_text("body"), "it shows what the trial said"
        assert await page.evaluate("() => window.pwned") is None
        assert await page.locator("figure svg").count() >= 2
        measured = await page.evaluate(CONTRAST)
        assert [one for one in measured if one["ratio"] < one["least"]] == []
    assert (seen.complaints, seen.strangers, seen.broken) == ([], [], [])
