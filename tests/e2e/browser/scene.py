"""A room with a Python client and people at browsers, and what may befall them: pauses, kills."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Page, ViewportSize

import backchannel
from backchannel import Room
from backchannel.testing import LocalServer
from client.people import WAIT_S, knock_of, make_room
from e2e.browser import acts
from e2e.browser.said import Language
from e2e.browser.visitor import DESK, Visitor, visiting

LOOK_S: Final = 0.05


class Interrupted(LocalServer):
    """A server that can be held still, and whose folder can be looked into."""

    @property
    def folder(self) -> Path:
        """All that it keeps."""
        return self._data

    def pause(self) -> None:
        """It does nothing any more, and its connections stay as they are."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def revive(self) -> None:
        """It runs, where it was stopped."""
        if self._process is None:
            self.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


@dataclass
class Scene:
    """Ann's room, which she made and facilitates with a Python client."""

    browser: Browser
    server: LocalServer
    ann: Room

    async def invitation(self, url: str = "") -> str:
        """A link for one of party B, perhaps by another address of the server."""
        return (await self.ann.invite(party="b")).replace(self.server.url, url or self.server.url)

    async def let_in(self, guest: Visitor, name: str, *, keep: bool = True, url: str = "") -> None:
        """From the invitation to the conversation."""
        words = await acts.knock(guest, await self.invitation(url), name, keep=keep)
        await self.approve(name, words)
        await acts.accept(guest)
        await acts.is_live(guest)

    async def approve(self, name: str, words: acts.Words) -> None:
        """Ann compares the words."""
        knock = await knock_of(self.ann, name)
        assert acts.Words(*knock.words) == words
        await self.ann.approve(knock)

    @asynccontextmanager
    async def guest(
        self, name: str, *, size: ViewportSize = DESK, language: Language = "en", keep: bool = True
    ) -> AsyncIterator[Visitor]:
        """Somebody at a browser, who has come in."""
        async with visiting(self.browser, self.server.url, size=size, language=language) as visitor:
            await self.let_in(visitor, name, keep=keep)
            yield visitor


@asynccontextmanager
async def meeting(browser: Browser, server: LocalServer) -> AsyncIterator[Scene]:
    """A room of Ann alone."""
    async with backchannel.open_profile(None, look_s=LOOK_S) as client:
        yield Scene(browser, server, await make_room(client, server.url, server.token))


async def crash(page: Page) -> None:
    """The page's process dies in the middle of whatever it does."""
    died = asyncio.get_running_loop().create_future()
    page.once("crash", lambda _: died.set_result(None))
    devtools = await page.context.new_cdp_session(page)
    dying = asyncio.ensure_future(devtools.send("Page.crash"))  # nobody is left to answer it
    async with asyncio.timeout(WAIT_S):
        await died
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await page.close()


async def come_again(visitor: Visitor) -> None:
    """The same browser, a new page: what it keeps is there."""
    visitor.page = await visitor.context.new_page()
    visitor.watch(visitor.page)
    await visitor.page.goto(visitor.url)
