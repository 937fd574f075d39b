"""A lying server against the web client in Chromium: one red banner in plain words, nothing false shown.

Each attack is made at the same time on a Python client in the same room: both stop, with the same code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import Browser, Locator, expect

from attack.rooms.conftest import Attacked
from attack.rooms.stage import Seated, Stage, heard, say, staged, until
from attack.rooms.test_log import altered, first_only, flipped, repeating, swapping
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import parse_b64u
from client.people import knock_of
from e2e.browser import acts
from e2e.browser.page_proxy import PageProxy
from e2e.browser.visitor import DESK, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

Twist = Callable[[LogEvent], list[LogEvent]]
DRAFT: Final = "What I was about to say"


def leaving_out() -> Twist:
    """An event is left out, and the rest gets its numbers."""
    dropped: list[LogEvent] = []

    def twist(event: LogEvent) -> list[LogEvent]:
        if dropped:
            return [replace(event, seq=event.seq - 1)]
        dropped.append(event)
        return []

    return twist


def withholding() -> Twist:
    """Of what was governed, the body is said to be gone."""

    def twist(event: LogEvent) -> list[LogEvent]:
        if event.kind is not EventKind.GOVERNANCE:
            return [event]
        return [replace(event, body=None, body_hash=event.hash_of_body())]

    return twist


ATTACKS: Final[dict[str, tuple[Callable[[], Twist], str]]] = {
    "left_out": (lambda: first_only(lambda _: []), "log-gap"),
    "left_out_and_renumbered": (leaving_out, "log-differs"),
    "altered": (lambda: first_only(flipped), "log-differs"),
    "another_order": (swapping, "log-differs"),
    "forked": (repeating, "log-differs"),
    "clock_turned_back": (lambda: altered(time=1), "log-time"),
    "withheld": (withholding, "body-withheld"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    running = Attacked(tmp_path_factory.mktemp("attacked"))
    with running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def stage(server: Attacked) -> AsyncIterator[Stage]:
    async with staged(server) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(server: Attacked) -> AsyncIterator[PageProxy]:
    async with PageProxy(server.url).running() as running:
        assert isinstance(running, PageProxy)
        yield running


@dataclass
class Deceived:
    """Bo at a browser, whose server lies."""

    visitor: Visitor
    proxy: PageProxy


async def bring(ann: Seated, visitor: Visitor, proxy: PageProxy) -> Deceived:
    """Bo is let in through his proxy, and begins to write."""
    link = (await ann.room.invite(party="b")).replace(ann.proxy.url, proxy.url)
    words = await acts.knock(visitor, link, "Bo")
    knock = await knock_of(ann.room, "Bo")
    assert acts.Words(*knock.words) == words
    await ann.room.approve(knock)
    await acts.accept(visitor)
    await acts.is_live(visitor)
    await acts.composer(visitor).fill(DRAFT)
    return Deceived(visitor, proxy)


def alarm(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("alert").filter(has_text=acts.text(visitor, "room.stopped"))


async def is_stopped(visitor: Visitor, code: str, shown: list[str]) -> None:
    """One banner, which says what and what to do; the draft is kept; nothing more is shown."""
    await expect(alarm(visitor)).to_have_count(1, timeout=acts.SLOWLY_MS)
    await expect(alarm(visitor)).to_contain_text(acts.text(visitor, f"reasons.{code}"))
    await expect(alarm(visitor)).to_contain_text(acts.text(visitor, "room.stoppedMore"))
    await expect(alarm(visitor)).not_to_contain_text(code)
    await expect(acts.composer(visitor)).to_have_value(DRAFT)
    assert await acts.texts(visitor) == shown


@pytest.mark.parametrize(("made", "code"), ATTACKS.values(), ids=ATTACKS.keys())
async def test_it_stops_where_python_stops(
    browser: Browser, stage: Stage, proxy: PageProxy, made: Callable[[], Twist], code: str
) -> None:
    ann = await stage.found()
    cy = await stage.bring(ann, "Cy")
    async with visiting(browser, proxy.url, size=DESK) as visitor:
        bo = await bring(ann, visitor, proxy)
        await say(ann, "before", cy)
        await acts.sees(visitor, "before")
        bo.proxy.event, cy.proxy.event = made(), made()
        await say(ann, "attacked")
        await ann.room.set_title("Another title")
        await say(ann, "marker")
        await say(ann, "after it")
        await until(cy, lambda: "after it" in cy.texts)
        assert cy.stopped is not None
        assert cy.stopped.code == code
        shown = [str(one) for one in cy.texts]
        await is_stopped(visitor, code, shown)
        assert await visitor.breaches() == []
        await visitor.page.reload()
        await is_stopped(visitor, code, shown)


async def test_what_this_device_sent_is_altered(browser: Browser, stage: Stage, proxy: PageProxy) -> None:
    """The report of what was seen, which Bo's device sends by itself, is enough to find it out."""
    ann = await stage.found()
    async with visiting(browser, proxy.url, size=DESK) as visitor:
        bo = await bring(ann, visitor, proxy)
        (own,) = [parse_b64u(seat) for seat, one in ann.room.members().items() if one.name == "Bo"]
        bo.proxy.event = lambda event: (
            flipped(event) if (event.seat, event.kind) == (own, EventKind.CHAT) else [event]
        )
        await say(ann, "something to see")
        told = acts.text(visitor, "reasons.own-altered")
        await expect(alarm(visitor)).to_contain_text(told, timeout=acts.SLOWLY_MS)
        await expect(acts.composer(visitor)).to_have_value(DRAFT)
        assert ann.stopped is None


GARBAGE: Final[dict[str, bytes | str]] = {
    "html": "<!doctype html><title>502 Bad Gateway</title>",
    "noise": bytes(range(256)) * 8,
    "nothing": b"",
    "huge": b"\xc6\xff\xff\xff\xff" + bytes(1 << 25),
}


async def test_garbage_instead_of_an_answer(browser: Browser, stage: Stage, proxy: PageProxy) -> None:
    """At the door and in the room: the truth is said, nothing hangs, and it goes on by itself."""
    ann = await stage.found()
    async with visiting(browser, proxy.url, size=DESK) as visitor:
        page = visitor.page
        link = (await ann.room.invite(party="b")).replace(ann.proxy.url, proxy.url)
        proxy.garbage = GARBAGE["html"]
        await page.goto(link)
        await acts.field(visitor, "invited.name").fill("Bo")
        await acts.button(visitor, "invited.knock").click()
        await expect(page.get_by_text(acts.text(visitor, "reasons.server-unreachable"))).to_be_visible()
        proxy.garbage = None
        words = await acts.words_of(page.get_by_role("list", name=acts.text(visitor, "knock.words")))
        knock = await knock_of(ann.room, "Bo")
        assert acts.Words(*knock.words) == words
        await ann.room.approve(knock)
        await acts.accept(visitor)
        for name, garbage in GARBAGE.items():
            await acts.is_live(visitor)
            proxy.garbage = garbage
            await proxy.cut()
            await acts.say(visitor, f"through {name}")
            said = acts.text(visitor, "room.waiting", 1)
            await expect(page.get_by_role("status").get_by_text(said)).to_be_visible()
            proxy.garbage = None
            await visitor.context.set_offline(True)  # it tries again at once
            await visitor.context.set_offline(False)
            await heard(ann, f"through {name}")
        assert ann.texts == [f"through {name}" for name in GARBAGE]
