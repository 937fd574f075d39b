"""What people do in the web client, one function for each thing, found by the names that they read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Locator, expect

from e2e.browser.said import said
from e2e.browser.visitor import Visitor

SLOWLY_MS: Final = 60_000
"""For what goes through mailboxes, where two looks a second are allowed, on a machine that does much else."""


@dataclass(frozen=True, slots=True)
class Words:
    """The three words, as they stand on a page."""

    first: str
    second: str
    third: str

    def __str__(self) -> str:
        return f"{self.first} {self.second} {self.third}"


def text(visitor: Visitor, path: str, *given: str | int | list[str]) -> str:
    return said(visitor.language, path, *given)


def button(
    visitor: Visitor, path: str, *given: str | int | list[str], inside: Locator | None = None
) -> Locator:
    scope = visitor.page if inside is None else inside
    return scope.get_by_role("button", name=text(visitor, path, *given), exact=True)


def field(visitor: Visitor, path: str, *given: str | int | list[str]) -> Locator:
    return visitor.page.get_by_label(text(visitor, path, *given), exact=True)


# ---- coming
async def make_room(
    host: Visitor,
    link: str,
    *,
    title: str,
    name: str,
    parties: Sequence[str] = ("North", "South"),
    suite: int = 83,
) -> None:
    """From a host link to a room that is open."""
    page = host.page
    await page.goto(link)
    await button(host, "making.hostGo").click()
    await fill_in(host, title=title, name=name, parties=parties)
    if suite != 83:
        await page.get_by_text(text(host, "making.details"), exact=True).click()
        await field(host, "making.suite").select_option("classic")
    await button(host, "making.create").click()
    await expect(page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=SLOWLY_MS)
    await is_live(host)


async def fill_in(host: Visitor, *, title: str, name: str, parties: Sequence[str]) -> None:
    await field(host, "making.roomTitle").fill(title)
    await field(host, "making.name").fill(name)
    for at, party in enumerate(parties):
        await field(host, "making.partyName", chr(ord("A") + at)).fill(party)


async def is_live(visitor: Visitor) -> None:
    state = visitor.page.get_by_role("status").get_by_text(text(visitor, "room.live"), exact=True)
    status = visitor.page.locator("header").get_by_text(text(visitor, "room.live"), exact=True)
    await expect(status.or_(state).first).to_be_visible(timeout=SLOWLY_MS)


async def menu(visitor: Visitor, path: str) -> None:
    """Opens the room's menu, and of it one thing."""
    await button(visitor, "room.menu").click()
    await visitor.page.get_by_role("dialog").get_by_role("button", name=text(visitor, path)).first.click()


async def invite(host: Visitor, *, role: str = "participant", party: str = "") -> str:
    """A link for one person."""
    page = host.page
    await menu(host, "room.invitations")
    dialog = page.get_by_role("dialog")
    create = button(host, "invitations.create")
    make = button(host, "invitations.make", inside=dialog)
    await expect(create.or_(make).first).to_be_visible()
    if await make.is_visible():
        await make.click()
    await field(host, "invitations.role").select_option(role)
    await field(host, "invitations.party").select_option(party)
    await create.click()
    link = (await page.locator(".link").inner_text()).strip()
    await button(host, "common.close", inside=dialog).click()
    return link


async def knock(guest: Visitor, link: str, name: str, *, keep: bool = True) -> Words:
    """From an invitation to the three words."""
    await guest.page.goto(link)
    await expect(guest.page.get_by_role("heading", name=text(guest, "invited.title"))).to_be_visible()
    assert "#" not in guest.page.url, "the invitation stands in the address bar"
    await field(guest, "invited.name").fill(name)
    if not keep:
        await guest.page.get_by_role("radio", name=text(guest, "invited.leave")).check()
    await button(guest, "invited.knock").click()
    return await words_of(guest.page.get_by_role("list", name=text(guest, "knock.words")))


async def words_of(shown: Locator) -> Words:
    await expect(shown).to_be_visible(timeout=SLOWLY_MS)
    first, second, third = await shown.get_by_role("listitem").all_inner_texts()
    return Words(first, second, third)


async def at_door(facilitator: Visitor, name: str) -> tuple[Locator, Words]:
    """Who knocks, on the facilitator's page, with the words that it shows."""
    page = facilitator.page
    dialog = page.get_by_role("dialog")
    if not await dialog.is_visible():
        banner = page.get_by_role("button", name=re.compile(re.escape(text(facilitator, "room.look"))))
        await banner.first.click(timeout=SLOWLY_MS)
    card = dialog.get_by_role("region", name=text(facilitator, "doors.knocks", name))
    return card, await words_of(card.get_by_role("list"))


async def approve(facilitator: Visitor, name: str, words: Words) -> None:
    """Compares the words, approves, and closes the sheet."""
    card, shown = await at_door(facilitator, name)
    assert shown == words
    await button(facilitator, "doors.approve", inside=card).click()
    await button(facilitator, "common.close", inside=facilitator.page.get_by_role("dialog")).click()


async def accept(guest: Visitor) -> None:
    """The rules, and then the room."""
    await button(guest, "rules.accept").click(timeout=SLOWLY_MS)
    await expect(composer(guest)).to_be_visible(timeout=SLOWLY_MS)


async def let_in(facilitator: Visitor, guest: Visitor, link: str, name: str, *, keep: bool = True) -> None:
    """The whole way of somebody who was invited."""
    words = await knock(guest, link, name, keep=keep)
    await approve(facilitator, name, words)
    await accept(guest)


# ---- talking
def composer(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("textbox", name=text(visitor, "composer.label"))


async def say(visitor: Visitor, message: str) -> None:
    await composer(visitor).fill(message)
    await button(visitor, "composer.send").click()
    await expect(composer(visitor)).to_have_value("")


def message(visitor: Visitor, content: str) -> Locator:
    """A message in the conversation, with all that stands on it."""
    log = visitor.page.get_by_role("log")
    return log.get_by_role("article").filter(has_text=content)


async def sees(visitor: Visitor, *messages: str) -> None:
    for one in messages:
        await expect(message(visitor, one)).to_be_visible(timeout=SLOWLY_MS)


async def texts(visitor: Visitor) -> list[str]:
    """What was said, in the order of the page."""
    return [one.strip() for one in await visitor.page.get_by_role("log").locator(".text").all_inner_texts()]


async def more(visitor: Visitor, content: str) -> Locator:
    """Opens what can be done with a message."""
    shown = message(visitor, content)
    await shown.hover()
    await shown.locator("[aria-haspopup=dialog]").click()
    return visitor.page.get_by_role("dialog")


async def reply(visitor: Visitor, to: str, answer: str) -> None:
    await button(visitor, "message.reply", inside=await more(visitor, to)).click()
    await say(visitor, answer)


async def retract(visitor: Visitor, content: str) -> None:
    dialog = await more(visitor, content)
    await button(visitor, "message.retract", inside=dialog).click()
    title = visitor.page.get_by_role("heading", name=text(visitor, "message.retractTitle"))
    await expect(title).to_be_visible()
    await button(visitor, "message.retract", inside=dialog).click()
