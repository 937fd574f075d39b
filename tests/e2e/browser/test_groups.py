"""Four pages and four Python clients in one room: people write, reload, go and come; all agree after each.

Every plaintext carries the hash of its author's state of the room, and all others check it: where a page's
message counts at Python's members, and Python's on the pages, their states are the same. The same with path
updates, and with many gone at once, is in web/test_mls_groups.py.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any, Final, Generic, TypeVar

import pytest
from playwright.async_api import Browser, expect

import backchannel
from backchannel import Room
from backchannel.testing import LocalServer
from client.people import WAIT_S, let_in, texts, until
from e2e.browser import acts
from e2e.browser.scene import LOOK_S, Scene, meeting
from e2e.browser.visitor import DESK, Visitor, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")

OF_EACH: Final = 4
LAST: Final = 8
"""So many messages are in a page's DOM wherever it stands."""

DECK: Final = ("page writes", "Python writes", "page reloads", "page writes", "Python writes") * 2 + (
    "Python replaced",
    "page replaced",
)
ROUNDS: Final = 1
LONG_ROUNDS: Final = 42
"""Of the deck: 504 steps."""


Face = TypeVar("Face")


@dataclass
class Present(Generic[Face]):
    """Somebody in the room, and what ends with her."""

    face: Face
    stack: AsyncExitStack
    seat: str
    since: int
    """How many messages Ann had when she came: she has not those."""


@dataclass
class Group:
    """The room's people; Ann, who facilitates, is the first of those with Python."""

    scene: Scene
    random: Random
    pages: list[Present[Visitor]] = field(default_factory=list)
    clients: list[Present[Room]] = field(default_factory=list)
    names: Any = field(default_factory=lambda: count(1))
    happened: Counter[str] = field(default_factory=Counter)

    @property
    def ann(self) -> Room:
        return self.scene.ann

    @property
    def rooms(self) -> list[Room]:
        return [self.ann, *(one.face for one in self.clients)]

    # ---- coming and going
    async def add_page(self) -> None:
        before = set(self.ann.members())
        stack, scene = AsyncExitStack(), self.scene
        visitor = await stack.enter_async_context(visiting(scene.browser, scene.server.url, size=DESK))
        await scene.let_in(visitor, f"Page {next(self.names)}")
        (seat,) = set(self.ann.members()) - before
        self.pages.append(Present(visitor, stack, seat, len(self.said())))

    async def add_client(self) -> None:
        stack = AsyncExitStack()
        client = await stack.enter_async_context(backchannel.open_profile(None, look_s=LOOK_S))
        room = await let_in(self.ann, client, f"Client {next(self.names)}")
        self.clients.append(Present(room, stack, room.ledger.view.own, len(self.said())))

    async def remove(self, gone: Present[Any]) -> None:
        assert await self.ann.remove(gone.seat) == ()
        await until(self.ann, lambda: gone.seat not in self.ann.members())
        await gone.stack.aclose()

    async def end(self) -> None:
        for stack in [one.stack for one in self.pages] + [one.stack for one in self.clients]:
            await stack.aclose()

    # ---- steps
    async def step(self, what: str) -> None:
        steps: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "page writes": self.page_writes,
            "Python writes": self.python_writes,
            "page reloads": self.page_reloads,
            "page replaced": self.replace_page,
            "Python replaced": self.replace_client,
        }
        await steps[what]()
        self.happened[what] += 1

    async def page_writes(self) -> None:
        said = f"{next(self.names)} by a page"
        await acts.say(self.random.choice(self.pages).face, said)
        await until(self.ann, lambda: said in texts(self.ann))

    async def python_writes(self) -> None:
        room = self.random.choice(self.rooms)
        said = await room.send(f"{next(self.names)} by Python")
        await said.sent()

    async def page_reloads(self) -> None:
        visitor = self.random.choice(self.pages).face
        await visitor.page.reload()
        await acts.is_live(visitor)

    async def replace_page(self) -> None:
        await self.remove(self.pages.pop(self.random.randrange(OF_EACH)))
        await self.add_page()

    async def replace_client(self) -> None:
        await self.remove(self.clients.pop(self.random.randrange(OF_EACH - 1)))
        await self.add_client()

    # ---- agreement
    async def agree(self) -> None:
        """The same log, epoch and state at all Python members, the same conversation on all pages."""
        async with asyncio.timeout(WAIT_S):
            while len({room.ledger.view.seq for room in self.rooms}) > 1:
                head = max(room.ledger.view.seq for room in self.rooms)
                for room in self.rooms:
                    await reached(room, head)
        for room in self.rooms:
            assert room.stopped is None
            assert room.trouble is None
            assert room.ledger.view.chain == self.ann.ledger.view.chain
            assert room.ledger.view.mls.epoch_authenticator == self.ann.ledger.view.mls.epoch_authenticator
            assert room.state.hash() == self.ann.state.hash()
        for one in self.pages:
            await self.shows(one)

    async def shows(self, one: Present[Visitor]) -> None:
        """The page is live and shows what was said since she came, with nothing twice and nothing missing."""
        await acts.is_live(one.face)
        wanted = self.said()[one.since :][-LAST:]
        if wanted:
            await acts.sees(one.face, wanted[-1])
            assert (await acts.texts(one.face))[-len(wanted) :] == wanted
        await expect(one.face.page.locator(".banner.stopped, .notice.failed")).to_have_count(0)

    async def show_members(self) -> None:
        """Every page names exactly those whom Python computes."""
        wanted = sorted(seat.name for seat in self.ann.members().values())
        for one in self.pages:
            await acts.menu(one.face, "room.members")
            dialog = one.face.page.get_by_role("dialog")
            await expect(dialog.locator(".people bdi")).to_have_count(len(wanted))
            assert sorted(await dialog.locator(".people bdi").all_inner_texts()) == wanted
            await acts.button(one.face, "common.close", inside=dialog).click()

    def said(self) -> list[str]:
        return [one for one in texts(self.ann) if one is not None]


async def reached(room: Room, seq: int) -> None:
    await until(room, lambda: room.ledger.view.seq >= seq)


async def test_random_steps(browser: Browser, server: LocalServer, long_form: bool, seed: int) -> None:
    async with meeting(browser, server) as scene:
        group = Group(scene, Random(seed))
        try:
            await group.ann.accept_rules()
            for _ in range(OF_EACH - 1):
                await group.add_client()
            for _ in range(OF_EACH):
                await group.add_page()
            for _ in range(LONG_ROUNDS if long_form else ROUNDS):
                for what in group.random.sample(DECK, len(DECK)):
                    await group.step(what)
                    await group.agree()
                await group.show_members()
        finally:
            await group.end()
        assert set(group.happened) == set(DECK)
