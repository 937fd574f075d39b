"""Nothing is lost, doubled or out of order where pages die, and networks and servers go and come."""

from __future__ import annotations

import asyncio
import random
import re
from typing import Final

import pytest
from playwright.async_api import Browser, expect

from backchannel import Role
from client.people import heard, texts, until
from e2e.browser import acts
from e2e.browser.scene import Interrupted, Scene, come_again, crash
from e2e.browser.visitor import DESK, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUT_S: Final = 60
MANY: Final = [f"message {number} of ten" for number in range(1, 11)]


async def all_have(scene: Scene, guest: Visitor, said: list[str]) -> None:
    """Everybody has every message once, in order."""
    await until(scene.ann, lambda: len(texts(scene.ann)) >= len(said))
    await acts.is_live(guest)
    sent = acts.text(guest, "message.waiting")
    await expect(guest.page.get_by_role("log").get_by_text(f"{sent}.")).to_have_count(
        0, timeout=acts.SLOWLY_MS
    )
    await expect(acts.message(guest, said[-1])).to_be_visible()
    assert texts(scene.ann) == said
    assert await acts.texts(guest) == said


async def test_a_page_that_is_loaded_again_while_it_sends(scene: Scene) -> None:
    async with scene.guest("Bea") as bea:
        for one in MANY[:5]:
            await acts.say(bea, one)
        await bea.page.reload()
        await expect(acts.composer(bea)).to_be_visible()
        for one in MANY[5:]:
            await acts.say(bea, one)
        await all_have(scene, bea, MANY)


async def test_a_page_that_is_killed_while_it_sends(scene: Scene, seed: int) -> None:
    """Closed without a word, and its process killed: each somewhere among ten messages."""
    closed, killed = sorted(random.Random(seed).sample(range(1, 10), 2))
    async with scene.guest("Bea") as bea:
        for number, one in enumerate(MANY):
            if number == closed:
                await bea.page.close()
                await come_again(bea)
            if number == killed:
                await crash(bea.page)
                await come_again(bea)
            await acts.say(bea, one)
        await crash(bea.page)
        await come_again(bea)
        await all_have(scene, bea, MANY)


async def test_a_page_that_is_killed_while_nothing_can_be_sent(
    scene: Scene, interrupted: Interrupted
) -> None:
    async with scene.guest("Bea") as bea:
        with interrupted.paused():
            for one in MANY:
                await acts.say(bea, one)
            await crash(bea.page)
        await come_again(bea)
        await all_have(scene, bea, MANY)


async def test_a_draft_outlives_the_page(scene: Scene) -> None:
    async with scene.guest("Bea") as bea:
        await acts.composer(bea).fill("Half a thought")
        await bea.page.reload()
        await expect(acts.composer(bea)).to_have_value("Half a thought")
        await acts.composer(bea).press_sequentially(", and the other half", delay=30)
        await crash(bea.page)
        await come_again(bea)
        await expect(acts.composer(bea)).to_have_value(re.compile("^Half a thought, and the o"))


async def waiting(guest: Visitor, count: int) -> None:
    """The page says how many messages wait, and that they go by themselves."""
    said = guest.page.get_by_role("status").get_by_text(acts.text(guest, "room.waiting", count))
    await expect(said).to_be_visible(timeout=acts.SLOWLY_MS)
    await expect(
        guest.page.get_by_role("status").get_by_text(acts.text(guest, "room.offline"))
    ).to_be_visible()


async def test_a_network_that_is_away_while_both_write(scene: Scene, long_form: bool) -> None:
    """In the long form for a minute."""
    async with scene.guest("Bea") as bea:
        await acts.say(bea, "before")
        await heard(scene.ann, "before")
        await bea.context.set_offline(True)
        for one in ("from Bea: 1", "from Bea: 2", "from Bea: 3"):
            await acts.say(bea, one)
        await waiting(bea, 3)
        for one in ("from Ann: 1", "from Ann: 2"):
            await (await scene.ann.send(one)).sent()
        if long_form:
            await asyncio.sleep(CUT_S)
        await bea.context.set_offline(False)
        said = ["before", "from Ann: 1", "from Ann: 2", "from Bea: 1", "from Bea: 2", "from Bea: 3"]
        await all_have(scene, bea, said)


async def test_a_network_that_goes_is_told_at_once(scene: Scene) -> None:
    """Though nothing is written, so that the connection itself would not show it for minutes."""
    async with scene.guest("Bea") as bea:
        live = bea.page.locator(".room-head").get_by_text(acts.text(bea, "room.live"), exact=True)
        await expect(live).to_be_visible()
        for said in ("one", "two"):
            await bea.context.set_offline(True)
            await expect(live).not_to_be_visible(timeout=acts.SLOWLY_MS)
            await bea.context.set_offline(False)
            await expect(live).to_be_visible(timeout=acts.SLOWLY_MS)
            await acts.say(bea, said)
            await heard(scene.ann, said)


async def test_a_server_that_stands_still(scene: Scene, interrupted: Interrupted) -> None:
    """The page notices that nobody answers, when an answer has had its time."""
    async with scene.guest("Bea") as bea:
        with interrupted.paused():
            own = [await scene.ann.send(one) for one in ("from Ann: 1", "from Ann: 2")]
            await acts.say(bea, "from Bea: 1")
            await acts.say(bea, "from Bea: 2")
            await waiting(bea, 2)
            await bea.context.set_offline(True)
            await bea.context.set_offline(False)
        for one in own:
            await one.sent()
        await until(scene.ann, lambda: len(texts(scene.ann)) == 4)
        assert [one for one in texts(scene.ann) if "Bea" in str(one)] == ["from Bea: 1", "from Bea: 2"]
        await all_have(scene, bea, [str(one) for one in texts(scene.ann)])


async def test_a_server_that_is_killed_and_comes_again(scene: Scene, interrupted: Interrupted) -> None:
    async with scene.guest("Bea") as bea:
        await acts.say(bea, "before")
        interrupted.kill()
        await acts.say(bea, "while it was away: 1")
        await acts.say(bea, "while it was away: 2")
        await waiting(bea, 3 if texts(scene.ann) == [] else 2)
        interrupted.start()
        await all_have(scene, bea, ["before", "while it was away: 1", "while it was away: 2"])


async def test_a_room_that_is_wished_while_the_server_is_away(
    browser: Browser, interrupted: Interrupted
) -> None:
    """The list of rooms says that it waits; it is made by itself, and keeps what else was wished."""
    async with visiting(browser, interrupted.url, size=DESK) as ann:
        await ann.page.goto(f"{interrupted.url}/host#{interrupted.token}")
        await acts.button(ann, "making.hostGo").click()
        await acts.fill_in(ann, title="The pier", name="Ann", parties=("North", "South"))
        await ann.page.get_by_text(acts.text(ann, "making.details"), exact=True).click()
        await acts.field(ann, "making.admission").select_option("party")
        await ann.picture("wish")
        assert await ann.breaches() == []
        interrupted.kill()
        try:
            await acts.button(ann, "making.create").click()
            waiting = ann.page.get_by_text(f"The pier: {acts.text(ann, 'reasons.room-waits')}")
            await expect(waiting).to_be_visible(timeout=acts.SLOWLY_MS)
            await ann.picture("waits")
            assert await ann.breaches() == []
        finally:
            interrupted.start()
        await ann.page.evaluate("dispatchEvent(new Event('online'))")
        await ann.page.get_by_role("button", name="The pier").click()
        await acts.is_live(ann)
        await expect(waiting).to_have_count(0)
        await expect(ann.page.get_by_role("alert").get_by_role("button")).to_have_count(0)
        await acts.menu(ann, "room.settings")
        await expect(acts.field(ann, "making.admission")).to_have_value("party")
        await expect(ann.page.get_by_text(acts.text(ann, "making.admissionPartyLater"))).to_be_visible()
        await ann.picture("wished")
        assert await ann.breaches() == []


async def test_what_was_refused_can_be_put_back_into_the_editor(scene: Scene) -> None:
    """Bea may not write any more when her message comes, and may again later."""
    async with scene.guest("Bea") as bea:
        (seat,) = [seat for seat, one in scene.ann.members().items() if one.name == "Bea"]
        await bea.context.set_offline(True)
        await acts.say(bea, "too late")
        await waiting(bea, 1)
        await scene.ann.set_role(seat, Role.OBSERVER)
        await until(scene.ann, lambda: scene.ann.members()[seat].role is Role.OBSERVER)
        await bea.context.set_offline(False)
        failed = acts.message(bea, "too late")
        await expect(failed).to_contain_text(acts.text(bea, "message.notSent"), timeout=acts.SLOWLY_MS)
        assert texts(scene.ann) == []
        await acts.button(bea, "message.takeBack").click()
        await expect(acts.composer(bea)).to_have_value("too late")
        await expect(failed).to_have_count(0)
        await scene.ann.set_role(seat, Role.PARTICIPANT)
        await expect(acts.composer(bea)).to_be_editable()
        await acts.button(bea, "composer.send").click()
        await expect(acts.composer(bea)).to_have_value("")
        await all_have(scene, bea, ["too late"])
