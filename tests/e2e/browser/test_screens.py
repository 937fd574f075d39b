"""All screens on phone and desk, light and dark, in both languages: nothing cut off, nothing axe finds."""

from __future__ import annotations

from functools import partial
from typing import Final, cast

import pytest
from playwright.async_api import Browser, expect

from backchannel.testing import LocalServer
from conftest import is_long
from e2e.browser import acts
from e2e.browser.said import Language
from e2e.browser.visitor import DESK, PHONE, Look, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def look(visitor: Visitor, name: str) -> None:
    """The screen as it is now. What is wrong with it is told at the end, with all the others'."""
    await visitor.page.wait_for_timeout(250)  # what appears has appeared: contrast is judged as it stays
    await visitor.picture(name)
    wider = await visitor.overflow()
    found = [
        *await visitor.breaches(),
        *await visitor.small_targets(),
        *([f"{wider} px too wide"] if wider > 0 else []),
    ]
    visitor.faults += [f"{name}: {one}" for one in found]


LOOKS: Final = {
    "light": Look(),
    "dark": Look(dark=True),
    "contrast": Look(contrast="more", motion="reduce"),
    "contrast-dark": Look(dark=True, contrast="more", motion="reduce"),
    "forced-colors": Look(colors="active"),
}
SIZES: Final = {"phone": PHONE, "desk": DESK}
IN_CI: Final = ["desk-en-light", "phone-ar-dark", "phone-en-contrast"]
ALL: Final = [f"{size}-{language}-{look}" for size in SIZES for language in ("en", "ar") for look in LOOKS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "setting" in metafunc.fixturenames:
        metafunc.parametrize("setting", ALL if is_long(metafunc.config) else IN_CI)


async def test_all_screens(browser: Browser, server: LocalServer, setting: str) -> None:
    size, language, look = setting.split("-", 2)
    visit = partial(
        visiting, browser, server.url, size=SIZES[size], language=cast("Language", language), look=LOOKS[look]
    )
    async with visit() as ann, visit() as bea:
        await the_way_to_a_room(ann, server)
        link = await acts.invite(ann, party="a")
        await the_way_in(ann, bea, link)
        await the_conversation(ann, bea)
        await the_sheets(ann)
        await the_end(ann, bea)


async def the_way_to_a_room(ann: Visitor, server: LocalServer) -> None:
    page = ann.page
    for path, shown in (
        ("/", "start.lead"),
        ("/i#AAAA", "invited.malformed"),
        ("/host#AAAA", "invited.malformed"),
    ):
        await page.goto(server.url + path)
        await expect(page.get_by_role("heading", name=acts.text(ann, shown))).to_be_visible()
        await look(ann, shown)
    await page.goto(f"{server.url}/host#{server.token}")
    await expect(acts.button(ann, "making.hostGo")).to_be_visible()
    await look(ann, "host")
    await acts.button(ann, "making.hostGo").click()
    await page.get_by_text(acts.text(ann, "making.details"), exact=True).click()
    await acts.button(ann, "making.create").click()  # with nothing filled in: it says what is missing
    await look(ann, "making")
    await acts.fill_in(ann, title="Water of the upper valley", name="Ann", parties=("North", "South"))
    await acts.button(ann, "making.create").click()
    await acts.is_live(ann)
    await look(ann, "room-empty")


async def the_way_in(ann: Visitor, bea: Visitor, link: str) -> None:
    page = bea.page
    await page.goto(link)
    await expect(page.get_by_role("heading", name=acts.text(bea, "invited.title"))).to_be_visible()
    await page.get_by_role("radio", name=acts.text(bea, "invited.leave")).check()
    await look(bea, "invited")
    words = await acts.knock(bea, link, "Bea")
    await look(bea, "knock")
    _, shown = await acts.at_door(ann, "Bea")
    assert shown == words
    await look(ann, "doors")
    await acts.button(ann, "doors.approve").click()
    await acts.button(ann, "common.close", inside=ann.page.get_by_role("dialog")).click()
    await expect(acts.button(bea, "rules.accept")).to_be_visible(timeout=acts.SLOWLY_MS)
    await look(bea, "rules")
    await acts.accept(bea)


async def the_conversation(ann: Visitor, bea: Visitor) -> None:
    await acts.say(ann, "Shall we begin with the allocation of last year? " * 6)
    await acts.say(bea, "لنبدأ بالأرقام التي اتفقنا عليها.")
    await acts.sees(ann, "لنبدأ")
    await acts.reply(
        ann, "لنبدأ", "https://example.org/a-very-long-address/that-does-not-break/anywhere/at-all"
    )
    await acts.say(ann, "A mistake.")
    await acts.retract(ann, "A mistake.")
    await expect(ann.page.get_by_text(acts.text(ann, "message.retracted"))).to_be_visible()
    await look(ann, "room")
    await look(bea, "room-of-a-participant")
    await acts.more(ann, "Shall we begin")
    await look(ann, "message")
    await ann.page.keyboard.press("Escape")
    await ann.page.locator(".exposure").click()
    await look(ann, "exposure")
    await ann.page.keyboard.press("Escape")


async def the_sheets(ann: Visitor) -> None:
    await acts.button(ann, "room.menu").click()
    await look(ann, "menu")
    await ann.page.keyboard.press("Escape")
    for path in (
        "room.members",
        "room.invitations",
        "room.search",
        "room.settings",
        "room.keyboard",
        "room.leave",
    ):
        await acts.menu(ann, path)
        if path == "room.search":
            await ann.page.get_by_label(acts.text(ann, "search.label")).fill("allocation")
        await look(ann, path)
        await ann.page.keyboard.press("Escape")
        await expect(ann.page.get_by_role("dialog")).to_be_hidden()


async def the_end(ann: Visitor, bea: Visitor) -> None:
    await acts.menu(ann, "room.settings")
    await acts.button(ann, "settings.end").click()
    await look(ann, "end")
    await acts.button(ann, "settings.endDo").click()
    for visitor in (ann, bea):
        await expect(visitor.page.get_by_text(acts.text(visitor, "room.over"))).to_be_visible(
            timeout=acts.SLOWLY_MS
        )
        await look(visitor, "closed")
    if bea.page.viewport_size == PHONE:  # on a desk they stand beside the room
        await bea.page.get_by_role("button", name=acts.text(bea, "rooms.title")).first.click()
        await look(bea, "rooms")
    requests = bea.page.get_by_role("heading", name=acts.text(bea, "rooms.requests"))
    await expect(requests).to_have_count(0)
