"""The whole story, browser with browser and browser with Python, in both suites, sizes and languages."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, ViewportSize, expect

import backchannel
from backchannel.testing import LocalServer
from client.people import heard, until
from e2e.browser import acts
from e2e.browser.said import Language
from e2e.browser.visitor import DESK, PHONE, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOOK_S = 0.6


@pytest.mark.parametrize(
    ("suite", "size", "language"),
    [(83, PHONE, "en"), (1, DESK, "ar"), (83, PHONE, "ar"), (1, DESK, "en")],
    ids=["xwing-phone-en", "x25519-desk-ar", "xwing-phone-ar", "x25519-desk-en"],
)
async def test_two_people_of_opposite_sides(
    browser: Browser, server: LocalServer, suite: int, size: ViewportSize, language: Language
) -> None:
    async with AsyncExitStack() as stack:

        async def person() -> Visitor:
            return await stack.enter_async_context(
                visiting(browser, server.url, size=size, language=language)
            )

        ann, bea = await person(), await person()
        await acts.make_room(
            ann, f"{server.url}/host#{server.token}", title="The river", name="Ann", suite=suite
        )
        await acts.let_in(ann, bea, await acts.invite(ann, party="a"), "Bea")
        await acts.say(ann, "Shall we begin?")
        await acts.sees(bea, "Shall we begin?")
        await acts.reply(bea, "Shall we begin?", "Gladly.")
        await acts.sees(ann, "Gladly.")
        await expect(acts.message(ann, "Gladly.").locator(".quote")).to_contain_text("Shall we begin?")

        cy = await stack.enter_async_context(backchannel.open_profile(None, look_s=LOOK_S))
        knocking = await cy.knock(await acts.invite(ann, party="b"), "Cy")
        coming = asyncio.create_task(knocking.admitted())
        await acts.approve(ann, "Cy", acts.Words(*await knocking.words()))
        room = await coming
        await room.accept_rules()
        await (await room.send("Thank you for having me.")).sent()
        for one in (ann, bea):
            await acts.sees(one, "Thank you for having me.")
        await acts.say(bea, "Welcome, Cy.")
        await heard(room, "Welcome, Cy.")
        seen = acts.text(ann, "message.seenBy", 2)
        await room.mark_seen()
        await expect(acts.message(bea, "Welcome, Cy.")).to_contain_text(seen, timeout=acts.SLOWLY_MS)

        await acts.retract(bea, "Welcome, Cy.")
        for visitor in (ann, bea):
            await expect(visitor.page.get_by_text(acts.text(visitor, "message.retracted"))).to_be_visible()
        await until(room, lambda: any(one.text is None for one in room.messages()))
        assert (
            await acts.texts(ann)
            == await acts.texts(bea)
            == ["Shall we begin?", "Gladly.", "Thank you for having me."]
        )
        assert room.state.suite == suite

        await room.leave()
        await until(room, lambda: room.stopped is not None)
        for visitor in (ann, bea):
            assert await visitor.breaches() == []
            assert await visitor.overflow() <= 0
