"""MLflow's own pages over what was exported: the runs, two of them compared, one trace."""

import re

from agentdyno.tests.browser.chromium import PATIENCE_MS, browsing
from agentdyno.tests.browser.conftest import Ui

SCENARIO = "investment_analysis"
OURS = "pydantic_ai"
THEIRS = "langgraph"


async def test_mlflow_shows_runs_a_comparison_case_by_case_and_a_trace(ui: Ui) -> None:
    async with browsing() as (context, seen):
        page = await context.new_page()
        await page.set_viewport_size({"width": 1800, "height": 1100})
        await page.goto(f"{ui.mlflow}/#/experiments")
        await page.get_by_role("link", name=SCENARIO, exact=True).click()
        await page.wait_for_url(re.compile(r"/experiments/\d+"))
        found = re.search(r"/experiments/(\d+)", page.url)
        assert found
        experiment = f"{ui.mlflow}/#/experiments/{found[1]}"

        await page.goto(f"{experiment}/evaluation-runs")
        for runner in (OURS, THEIRS):
            row = page.get_by_role("row").filter(has_text=re.compile(rf"{runner} .* x baseline"))
            await row.first.get_by_role("checkbox").click()
        await page.get_by_role("button", name="Actions").first.click()
        await page.get_by_role("menuitem", name="Compare").click()
        await page.get_by_text("Comparing").wait_for()
        for repeat in (0, 1):
            pair = page.get_by_role("row").filter(has_text=f"{SCENARIO} · repeat {repeat}")
            await pair.first.wait_for()
            assert len(re.findall(r"\btr-\w+", await pair.first.inner_text())) == 2, (
                "each case is paired with itself"
            )

        await page.goto(f"{experiment}/traces")
        link = page.locator("a[href*='traceId=tr-']").first
        await link.wait_for(state="attached")
        address = await link.get_attribute("href")
        assert address
        await page.goto(f"{ui.mlflow}/{address.removeprefix('/')}")
        for span in ("invoke_agent researcher", "chat default", "execute_tool"):
            await page.get_by_text(span).first.wait_for(timeout=PATIENCE_MS)
    assert seen.strangers == []
