"""Everything by keyboard: from the host link to an answer, without a pointer."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from backchannel.testing import LocalServer
from e2e.browser import acts
from e2e.browser.visitor import DESK, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOST_STEPS = 60
"""More than there are things to reach on any screen."""

_FOCUSED = """() => {
  const one = document.activeElement
  if (one === null || one === document.body) return ""
  // what is no stop of the Tab key, such as a screen that was just turned to, needs no ring
  const label = one.labels?.[0]?.textContent ?? ""
  const name = one.getAttribute("aria-label") ?? (label || one.textContent || "")
  const { outlineStyle, boxShadow } = getComputedStyle(one)
  const seen = one.tabIndex < 0 || outlineStyle !== "none" || boxShadow !== "none"
  return name.trim() + (seen ? "" : " (and it is not seen)")
}"""


async def go_to(visitor: Visitor, name: str) -> None:
    """Tab by Tab to what is called so; each stop must be visible as such."""
    passed = []
    for _ in range(MOST_STEPS):
        focused: str = await visitor.page.evaluate(_FOCUSED)
        assert "(and it is not seen)" not in focused, focused
        if focused == name:
            return
        passed.append(focused)
        await visitor.page.keyboard.press("Tab")
    pytest.fail(f"{name} is not reached by Tab, after {passed}")


async def press(visitor: Visitor, path: str, *given: str | int | list[str], key: str = "Enter") -> None:
    await go_to(visitor, acts.text(visitor, path, *given))
    await visitor.page.keyboard.press(key)


async def write(visitor: Visitor, path: str, text: str, *given: str | int | list[str]) -> None:
    await go_to(visitor, acts.text(visitor, path, *given))
    await visitor.page.keyboard.type(text)


async def test_two_people_with_keyboards_alone(browser: Browser, server: LocalServer) -> None:
    async with (
        visiting(browser, server.url, size=DESK) as ann,
        visiting(browser, server.url, size=DESK) as bea,
    ):
        await ann.page.goto(f"{server.url}/host#{server.token}")
        await expect(acts.button(ann, "making.hostGo")).to_be_visible()
        await press(ann, "making.hostGo")
        await expect(acts.button(ann, "making.create")).to_be_visible()
        await write(ann, "making.roomTitle", "By keyboard")
        await write(ann, "making.name", "Ann")
        await write(ann, "making.partyName", "North", "A")
        await write(ann, "making.partyName", "South", "B")
        await press(ann, "making.create")
        await acts.is_live(ann)

        await ann.page.keyboard.press("Alt+KeyI")
        await expect(acts.button(ann, "invitations.create")).to_be_visible()
        await press(ann, "invitations.create")
        link = (await ann.page.locator(".link").inner_text()).strip()
        await ann.page.keyboard.press("Escape")
        await expect(ann.page.get_by_role("dialog")).to_be_hidden()

        await bea.page.goto(link)
        await expect(bea.page.get_by_role("heading", name=acts.text(bea, "invited.title"))).to_be_visible()
        await write(bea, "invited.name", "Bea")
        await expect(acts.button(bea, "invited.knock")).to_be_enabled()
        await bea.page.keyboard.press("Enter")
        banner = ann.page.get_by_role("button", name=acts.text(ann, "room.look"))
        await expect(banner).to_be_visible(timeout=acts.SLOWLY_MS)
        name = await banner.evaluate("one => one.textContent.trim()")
        await go_to(ann, name)
        await ann.page.keyboard.press("Enter")
        await expect(acts.button(ann, "doors.approve")).to_be_visible()
        await press(ann, "doors.approve", key="Space")
        await ann.page.keyboard.press("Escape")

        await expect(acts.button(bea, "rules.accept")).to_be_visible(timeout=acts.SLOWLY_MS)
        await press(bea, "rules.accept")
        await expect(acts.composer(bea)).to_be_visible()
        await write(bea, "composer.label", "Without a mouse.")
        await bea.page.keyboard.press("Enter")
        await acts.sees(ann, "Without a mouse.")
        await go_to(ann, acts.text(ann, "composer.label"))
        await ann.page.keyboard.type("One line")
        await ann.page.keyboard.press("Shift+Enter")
        await ann.page.keyboard.type("and another.")
        await ann.page.keyboard.press("Enter")
        await acts.sees(bea, "and another.")
        assert await acts.texts(bea) == ["Without a mouse.", "One line\nand another."]
