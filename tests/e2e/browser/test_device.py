"""What stays on a device and what does not: wiping, two tabs, no storage, no network, new versions."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Final

import pytest
from playwright.async_api import Page, expect

from backchannel_protocol.invitation import Invitation
from client.people import heard
from e2e.browser import acts
from e2e.browser.page_proxy import PageProxy
from e2e.browser.scene import Interrupted, Scene, come_again
from e2e.browser.visitor import DESK, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEPT: Final = """async () => ({
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  local: { ...localStorage },
  session: { ...sessionStorage },
  cookies: document.cookie,
})"""

MARK: Final = b"<!-- newer -->"
"""What another build of the page ends with."""

REFUSE: Final = b"indexedDB.open = () => { throw new DOMException('no', 'SecurityError') };\n"
"""Before the engine: a browser that keeps nothing."""

NEWEST: Final = "() => document.lastChild.data ?? ''"

NOTHING: Final = {"databases": [], "caches": [], "workers": 0, "local": {}, "session": {}, "cookies": ""}

RECORDS: Final = """async () => {
  const opened = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
  const latin = (bytes) => Array.from(bytes, (one) => String.fromCharCode(one)).join("")
  const plain = (value) => {
    if (value instanceof Uint8Array) return latin(value)
    if (value instanceof ArrayBuffer) return latin(new Uint8Array(value))
    if (value instanceof CryptoKey) return value.extractable ? "a key that scripts can read" : ""
    if (Array.isArray(value)) return value.map(plain)
    if (typeof value === "object" && value !== null) return Object.entries(value).map(plain)
    return String(value)
  }
  const database = await opened(indexedDB.open("backchannel"))
  const found = []
  for (const table of database.objectStoreNames) {
    const store = database.transaction(table).objectStore(table)
    const [keys, values] = await Promise.all([opened(store.getAllKeys()), opened(store.getAll())])
    found.push(table, plain(keys), plain(values))
  }
  database.close()
  return JSON.stringify(found)
}"""

PAGE_SAYS: Final = """() => JSON.stringify([location.href, history.state, document.title,
  performance.getEntriesByType('resource').map(({ name }) => name), { ...localStorage },
  { ...sessionStorage }, document.cookie])"""


async def kept(visitor: Visitor) -> dict[str, Any]:
    found: dict[str, Any] = await visitor.page.evaluate(KEPT)
    return found


async def to_rooms(visitor: Visitor) -> None:
    """The list of rooms, where leaving nothing is offered: beside the room on a desk."""
    await expect(acts.button(visitor, "rooms.wipe")).to_be_visible()


async def test_leaving_nothing_on_this_device(scene: Scene) -> None:
    async with scene.guest("Bea") as bea:
        await acts.say(bea, "I was here")
        await bea.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        assert (await kept(bea))["databases"] == ["backchannel"]
        await to_rooms(bea)
        await acts.button(bea, "rooms.wipe").click()
        await acts.button(bea, "rooms.wipeDo", inside=bea.page.get_by_role("dialog")).click()
        await expect(bea.page.get_by_text(acts.text(bea, "start.signedOut"))).to_be_visible()
        assert await kept(bea) == NOTHING
        shown = await bea.page.locator("body").inner_text()
        assert not any(word in shown for word in ("I was here", "Bea", "Ann", "The harbour"))
        await bea.page.reload()
        await expect(bea.page.get_by_text(acts.text(bea, "start.how"))).to_be_visible()
        assert await kept(bea) == NOTHING
        await bea.page.close()
        await come_again(bea)
        await expect(bea.page.get_by_text(acts.text(bea, "start.how"))).to_be_visible()
        assert await kept(bea) == NOTHING


async def test_who_leaves_nothing_keeps_nothing_at_any_time(scene: Scene) -> None:
    async with visiting(scene.browser, scene.server.url, size=DESK) as bea:
        await bea.page.goto(await scene.invitation())
        await bea.page.get_by_role("radio", name=acts.text(bea, "invited.leave")).check()
        await expect(bea.page.get_by_text(acts.text(bea, "invited.leaveWarning"))).to_be_visible()
        await acts.field(bea, "invited.name").fill("Bea")
        await acts.button(bea, "invited.knock").click()
        words = await acts.words_of(bea.page.get_by_role("list", name=acts.text(bea, "knock.words")))
        assert await kept(bea) == NOTHING
        await scene.approve("Bea", words)
        await acts.accept(bea)
        assert await kept(bea) == NOTHING
        await expect(bea.page.get_by_text(acts.text(bea, "composer.keepSigned"))).to_be_visible()
        await acts.say(bea, "off the record")
        await acts.sees(bea, "off the record")
        assert await kept(bea) == NOTHING
        await bea.page.reload()
        await expect(bea.page.get_by_text(acts.text(bea, "start.how"))).to_be_visible()
        assert await kept(bea) == NOTHING


@pytest.mark.parametrize("keep", [False, True], ids=["nothing-kept", "kept"])
async def test_closing_a_page_while_something_waits(
    scene: Scene, interrupted: Interrupted, *, keep: bool
) -> None:
    """The browser asks where the words would be gone with the page, and at no other time."""
    async with scene.guest("Bea", keep=keep) as bea:
        page = bea.page
        with interrupted.paused():
            await acts.say(bea, "not sent yet")
            await expect(page.get_by_text(acts.text(bea, "rooms.waiting", 1))).to_be_visible()
            async with page.expect_event("close" if keep else "dialog") as happened:
                await page.close(run_before_unload=True)
            if not keep:
                asked = await happened.value
                assert asked.type == "beforeunload"
                await asked.dismiss()
        if keep:
            await come_again(bea)
        await heard(scene.ann, "not sent yet")
        await expect(bea.page.get_by_text(acts.text(bea, "rooms.waiting", 1))).to_have_count(0)
        async with bea.page.expect_event("close"):
            await bea.page.close(run_before_unload=True)


async def test_a_second_tab_says_where_the_room_is_open(scene: Scene) -> None:
    async with scene.guest("Bea") as bea:
        first = bea.page
        await come_again(bea)
        title = bea.page.get_by_role("heading", name=acts.text(bea, "start.elsewhere"))
        await expect(title).to_be_visible()
        await acts.button(bea, "start.openHere").click()
        await expect(title).to_be_visible()
        await first.close()
        await acts.button(bea, "start.openHere").click()
        await acts.say(bea, "from the second tab")
        await acts.sees(bea, "from the second tab")


async def test_a_browser_that_refuses_to_keep_anything(scene: Scene) -> None:
    """As some private windows do: it is said plainly, and the person can take part all the same."""
    async with PageProxy(scene.server.url).running() as proxy:
        assert isinstance(proxy, PageProxy)
        proxy.page = lambda path, content: REFUSE + content if path.startswith("/assets/engine") else content
        async with visiting(scene.browser, proxy.url, size=DESK) as bea:
            await bea.page.goto(await scene.invitation(proxy.url))
            await acts.field(bea, "invited.name").fill("Bea")
            await acts.button(bea, "invited.knock").click()
            said = acts.text(bea, "reasons.storage-unavailable")
            await expect(bea.page.get_by_role("alert").get_by_text(said)).to_be_visible()
            await bea.page.get_by_role("radio", name=acts.text(bea, "invited.leave")).check()
            await acts.button(bea, "invited.knock").click()
            words = await acts.words_of(bea.page.get_by_role("list", name=acts.text(bea, "knock.words")))
            await scene.approve("Bea", words)
            await acts.accept(bea)
            await acts.say(bea, "it works all the same")
            await acts.sees(bea, "it works all the same")


async def test_secrets_are_nowhere_in_clear(scene: Scene, interrupted: Interrupted) -> None:
    """Not on the page, not in what the browser keeps or sends, not in what the server keeps or logs."""
    async with PageProxy(interrupted.url).running() as proxy:
        assert isinstance(proxy, PageProxy)
        async with visiting(scene.browser, proxy.url, size=DESK) as bea:
            link = await scene.invitation(proxy.url)
            fragment = link.partition("#")[2]
            words = await acts.knock(bea, link, "Beatrix Planted")
            at_door = await bea.page.evaluate(PAGE_SAYS)
            await scene.approve("Beatrix Planted", words)
            await acts.accept(bea)
            await acts.say(bea, "a planted message")
            await acts.sees(bea, "a planted message")
            await acts.composer(bea).fill("a planted draft")
            await scene.ann.set_title("A planted title")
            await expect(bea.page.get_by_role("heading", name="A planted title")).to_be_visible()
            records = await bea.page.evaluate(RECORDS)
            in_room = await bea.page.evaluate(PAGE_SAYS)
        said = ["Beatrix", "planted", "The harbour", "Speak for yourself"]
        secret = Invitation.parse_fragment(fragment).secret
        hidden = [fragment, fragment[:20], fragment[20:40], secret.hex(), secret.decode("latin-1")]
        for text in (at_door, in_room, records):
            assert [one for one in [*said, *hidden] if one in text or json.dumps(one)[1:-1] in text] == []
        assert "a key that scripts can read" not in records
        sent = b"\n".join(proxy.told)
        held = b"".join(file.read_bytes() for file in interrupted.folder.rglob("*") if file.is_file())
        for data in (sent, held, interrupted.log.read_bytes()):
            forms = [*(one.encode() for one in [*said, *hidden[:4]]), secret]
            assert [one for one in forms if one in data] == []


async def test_the_page_starts_without_a_network(scene: Scene, interrupted: Interrupted) -> None:
    async with scene.guest("Bea") as bea:
        await acts.say(bea, "before")
        await heard(scene.ann, "before")
        await bea.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await bea.page.close()
        interrupted.kill()
        await come_again(bea)
        await acts.sees(bea, "before")
        await acts.say(bea, "written without a network")
        said = bea.page.get_by_role("status").get_by_text(acts.text(bea, "room.waiting", 1))
        await expect(said).to_be_visible(timeout=acts.SLOWLY_MS)
        interrupted.start()
        await acts.is_live(bea)
        await acts.sees(bea, "written without a network")


async def builds(visitor: Visitor) -> tuple[bytes, bytes]:
    """The hash of the page in the list of the service worker, and that of the newer page."""
    page: list[int] = await visitor.page.evaluate(
        "fetch('/', { cache: 'no-store' }).then((one) => one.arrayBuffer())"
        ".then((one) => Array.from(new Uint8Array(one)))"
    )
    return integrity(bytes(page)), integrity(bytes(page) + MARK)


def integrity(content: bytes) -> bytes:
    return b"sha256-" + b64encode(sha256(content).digest())


async def reloads(page: Page) -> None:
    await page.reload()


async def comes_back_to_the_tab(page: Page) -> None:
    """A browser without a screen hides no tab: what the page would be told."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def stays_for_an_hour(page: Page) -> None:
    await page.clock.fast_forward("01:00:01")


@pytest.mark.parametrize("how", [reloads, comes_back_to_the_tab, stays_for_an_hour])
async def test_a_new_version_waits_until_it_is_wanted(
    scene: Scene, how: Callable[[Page], Awaitable[None]]
) -> None:
    async with PageProxy(scene.server.url).running() as proxy:
        assert isinstance(proxy, PageProxy)
        async with visiting(scene.browser, proxy.url, size=DESK) as bea:
            await scene.let_in(bea, "Bea", url=proxy.url)
            await bea.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            await bea.page.clock.install()
            await bea.page.reload()
            await acts.is_live(bea)
            before = await kept(bea)
            old, new = await builds(bea)
            proxy.page = lambda path, content: (
                content + MARK if path == "/" else content.replace(old, new) if path == "/sw.js" else content
            )
            await how(bea.page)
            notice = bea.page.get_by_role("status").filter(has_text=acts.text(bea, "common.newVersion"))
            await expect(notice).to_be_visible()
            assert await bea.page.evaluate(NEWEST) == ""
            await acts.composer(bea).fill("what I was writing")
            await acts.button(bea, "common.useNewVersion").click()
            await expect(notice).to_have_count(0)
            await expect(acts.composer(bea)).to_have_value("what I was writing")
            assert await bea.page.evaluate(NEWEST) == " newer "
            after = await kept(bea)
            assert len(after["caches"]) == 1
            assert after["caches"] != before["caches"]
