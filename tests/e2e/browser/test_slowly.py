"""What a person can do before all of the page is there, and that nothing of it is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Browser, expect

from backchannel.testing import LocalServer
from client.people import texts, until
from e2e.browser import acts
from e2e.browser.page_proxy import PageProxy
from e2e.browser.scene import Scene, come_again, crash, meeting
from e2e.browser.visitor import DESK, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

LATER = "/assets/online"
"""How the path of what connects a room begins: MLS, and whatever speaks with a server."""


def withhold(path: str, content: bytes) -> bytes:
    """All of the page but what connects it."""
    if path.startswith(LATER):
        raise web.HTTPServiceUnavailable
    return content


def bring(_: str, content: bytes) -> bytes:
    return content


async def empty_caches(visitor: Visitor) -> None:
    """The page is fetched anew; what the person keeps is there."""
    devtools = await visitor.context.new_cdp_session(visitor.page)
    kinds = "service_workers,cache_storage"
    await devtools.send("Storage.clearDataForOrigin", {"origin": visitor.url, "storageTypes": kinds})
    await devtools.send("Network.clearBrowserCache")


@asynccontextmanager
async def coming_back(
    browser: Browser, server: LocalServer
) -> AsyncIterator[tuple[Scene, Visitor, PageProxy]]:
    """Bea, who was let in before, opens the page, and nothing of `LATER` reaches her."""
    async with meeting(browser, server) as scene, PageProxy(server.url).running() as proxy:
        assert isinstance(proxy, PageProxy)
        async with visiting(browser, proxy.url, size=DESK) as bea:
            await scene.let_in(bea, "Bea", url=proxy.url)
            await acts.say(bea, "before")
            await until(scene.ann, lambda: texts(scene.ann) == ["before"])
            proxy.page = withhold
            await empty_caches(bea)
            await bea.page.close()
            await come_again(bea)
            yield scene, bea, proxy


async def test_what_is_written_before_the_room_can_connect(browser: Browser, server: LocalServer) -> None:
    """The room is read and written in, and says that it is not connected; then all goes, once, in order."""
    async with coming_back(browser, server) as (scene, bea, proxy):
        await acts.sees(bea, "before")
        await acts.say(bea, "the first")
        await acts.say(bea, "the second")
        unconnected = bea.page.locator("header").get_by_text(acts.text(bea, "room.noConnection"), exact=True)
        await expect(unconnected).to_be_visible()
        waiting = acts.message(bea, "the second").get_by_text(acts.text(bea, "message.waiting"))
        await expect(waiting).to_be_visible()
        assert texts(scene.ann) == ["before"]
        proxy.page = bring
        await until(scene.ann, lambda: len(texts(scene.ann)) == 3)
        await acts.is_live(bea)
        assert texts(scene.ann) == await acts.texts(bea) == ["before", "the first", "the second"]


async def test_what_was_written_before_the_room_could_connect_outlives_the_page(
    browser: Browser, server: LocalServer
) -> None:
    async with coming_back(browser, server) as (scene, bea, proxy):
        await acts.say(bea, "written")
        await acts.composer(bea).fill("a draft")
        await expect(acts.message(bea, "written")).to_be_visible()
        await crash(bea.page)
        await come_again(bea)
        await expect(acts.message(bea, "written")).to_be_visible()
        proxy.page = bring
        await until(scene.ann, lambda: len(texts(scene.ann)) == 2)
        assert texts(scene.ann) == ["before", "written"]


async def test_what_needs_the_rest_of_the_page_says_why_it_is_not_done(
    browser: Browser, server: LocalServer
) -> None:
    """Leaving is judged by the room's rules, which come with the rest."""
    async with coming_back(browser, server) as (scene, bea, proxy):
        await acts.menu(bea, "room.leave")
        await acts.button(bea, "settings.leaveDo").click()
        said = acts.text(bea, "reasons.server-unreachable")
        await expect(bea.page.get_by_role("alert").get_by_text(said).first).to_be_visible()
        proxy.page = bring
        await acts.is_live(bea)
        await acts.say(bea, "still here")
        await until(scene.ann, lambda: texts(scene.ann) == ["before", "still here"])


@pytest.mark.parametrize("part", ["screen", "sheets"])
async def test_a_part_of_the_page_that_did_not_come_is_asked_for_again(
    browser: Browser, server: LocalServer, part: str
) -> None:
    """A browser remembers that a module could not be fetched: the page asks so that it need not."""
    async with meeting(browser, server) as scene, scene.guest("Bea") as bea:
        await acts.say(bea, "before")
        await empty_caches(bea)
        await bea.page.close()
        await bea.context.route(f"**/assets/{part}*", lambda route: route.abort())
        await come_again(bea)
        if part == "sheets":
            await acts.button(bea, "room.menu").click()
        again = acts.button(bea, "start.reload")
        await again.click()
        await expect(again).to_be_visible()
        await bea.context.unroute_all()
        await again.click()
        await expect(again).to_have_count(0)
        await acts.sees(bea, "before")
        if part == "sheets":
            settings = acts.text(bea, "room.settings")
            await expect(bea.page.get_by_role("dialog").get_by_role("button", name=settings)).to_be_visible()
