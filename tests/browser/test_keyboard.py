"""The dashboard by keyboard alone: every control can be reached, and one sees where one is."""

from dataclasses import dataclass

from playwright.async_api import Page

from agentdyno.tests.browser.chromium import browsing, opened, settle
from agentdyno.tests.browser.conftest import Ui

MOST_TABS = 60
# What has the focus, how it looks, and how the one before looks now that it has it no more: pages
# may take a moment to draw a ring, so nothing is measured in the same step.
FOCUSED = """
() => {
  const look = (element) => {
    const parts = [];
    for (let e = element, n = 0; e && n < 4; e = e.parentElement, n += 1) {
      const s = getComputedStyle(e);
      parts.push([s.outlineStyle, s.outlineColor, s.outlineWidth, s.boxShadow, s.borderColor,
                  s.backgroundColor, s.textDecorationLine].join());
    }
    return parts.join(";");
  };
  const at = document.activeElement;
  const before = window.dynoLast ? look(window.dynoLast) : "";
  window.dynoLast = at;
  if (!at || at === document.body) return { name: "", tag: "", look: "", before };
  const name = at.getAttribute("aria-label") || at.innerText || "";
  return {
    name: name.trim().replace(/\\s+/g, " ").slice(0, 60),
    // Cells of a table are told to screen readers from inside its canvas.
    tag: at.closest("canvas") ? "canvas" : at.tagName.toLowerCase(),
    look: look(at), before,
  };
}
"""


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where Tab went."""

    name: str
    tag: str
    seen: bool
    """Whether it looks otherwise than without the focus."""


async def walked_through(page: Page) -> list[Stop]:
    """Press Tab until the focus is nowhere; return what had it."""
    # Rings fade in; what is measured is their end.
    await page.add_style_tag(content="* { transition: none !important; }")
    found: list[dict[str, str]] = []
    stops: list[Stop] = []
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        # Two frames, in which whatever follows from the key is drawn.
        await page.evaluate("() => new Promise(r => requestAnimationFrame(() =>"
                            " requestAnimationFrame(r)))")
        at = await page.evaluate(FOCUSED)
        if found:
            last = found[-1]
            stops.append(Stop(name=last["name"], tag=last["tag"],
                              seen=last["look"] != at["before"]))
        if not at["tag"]:
            break
        found.append(at)
    return stops


async def test_tab_reaches_the_navigation_and_the_filters_and_the_focus_is_seen(ui: Ui) -> None:
    async with browsing() as (context, _):
        page = await opened(context, ui.page("compare"))
        found = await walked_through(page)
    names = " | ".join(at.name for at in found)
    for wanted in ("Overview", "Compare", "Trial", "Experiments", "Live", "Approvals"):
        assert wanted in names, names
    assert [at for at in found if at.tag == "input"], f"a filter has the focus: {names}"
    # A table is a canvas, which draws the ring of its cell itself.
    assert [at for at in found if not at.seen and at.tag != "canvas"] == []


async def test_enter_on_a_link_of_the_navigation_opens_its_page(ui: Ui) -> None:
    async with browsing() as (context, _):
        page = await opened(context, ui.page("overview"))
        for _ in range(MOST_TABS):
            await page.keyboard.press("Tab")
            if str(await page.evaluate("() => document.activeElement.href")).endswith("/tools"):
                break
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tools*")
        await settle(page)
        assert (await page.locator("h1").first.inner_text()).startswith("Tools")
