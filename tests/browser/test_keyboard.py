"""The dashboard by keyboard alone: every control can be reached, and one sees where one is."""

from playwright.async_api import Page

from agentdyno.tests.browser.chromium import browsing, opened, settle
from agentdyno.tests.browser.conftest import Ui

MOST_TABS = 60
# What has the focus: its name, and whether its ring differs from what it looks like without.
FOCUSED = """
() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const look = (element) => {
    const parts = [];
    for (let e = element, n = 0; e && n < 4; e = e.parentElement, n += 1) {
      const s = getComputedStyle(e);
      parts.push([s.outlineStyle, s.outlineColor, s.outlineWidth, s.boxShadow, s.borderColor,
                  s.backgroundColor, s.textDecorationLine].join());
    }
    return parts.join(";");
  };
  const name = at.getAttribute("aria-label") || at.innerText || at.getAttribute("placeholder") || "";
  const focused = look(at);
  at.blur();
  const plain = look(at);
  at.focus({ focusVisible: true, preventScroll: true });
  return {
    name: name.trim().replace(/\\s+/g, " ").slice(0, 60), tag: at.tagName.toLowerCase(),
    role: at.getAttribute("role") || "", seen: focused !== plain,
    href: at.getAttribute("href") || "",
  };
}
"""


async def walked_through(page: Page) -> list[dict[str, str]]:
    """Press Tab until the focus is back at the beginning; return what had it."""
    found: list[dict[str, str]] = []
    # Rings fade in; what is measured is their end.
    await page.add_style_tag(content="* { transition: none !important; }")
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        at = await page.evaluate(FOCUSED)
        if at is None or (found and at == found[0]):
            break
        found.append(at)
    return found


async def test_tab_reaches_the_navigation_and_the_filters_and_the_focus_is_seen(ui: Ui) -> None:
    async with browsing() as (context, _):
        page = await opened(context, ui.page("compare"))
        found = await walked_through(page)
    names = " | ".join(at["name"] for at in found)
    for wanted in ("Overview", "Compare", "Trial", "Experiments", "Live", "Approvals"):
        assert wanted in names, names
    assert [at for at in found if at["tag"] == "input"], f"a filter has the focus: {names}"
    # A table is a canvas, which draws the ring of its cell itself.
    assert [at for at in found if not at["seen"] and at["tag"] != "canvas"] == []


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
