"""The README's picture: a real room in real Chromium.

python tests/e2e/browser/picture.py client/web/room.png
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.async_api import Browser, ViewportSize, expect

import backchannel
import chromium
from backchannel import Role
from backchannel.testing import LocalServer
from client.people import heard, let_in
from e2e.browser import acts
from e2e.browser.scene import Scene
from e2e.browser.visitor import Look, visiting

SIZE: Final[ViewportSize] = {"width": 1120, "height": 700}
LOOK_S: Final = 0.05


async def take(browser: Browser, server: LocalServer, to: Path) -> None:
    """What Leila of the southern delegation sees, some messages into a first meeting."""
    async with AsyncExitStack() as stack:

        async def person() -> backchannel.Client:
            return await stack.enter_async_context(backchannel.open_profile(None, look_s=LOOK_S))

        ann = await (await person()).create_room(
            server.url,
            server.token,
            title="The upper river",
            name="Ann Weber",
            rules=["Speak for yourself.", "What is said here stays here.", "Ask before you quote."],
            parties=[("a", "North"), ("b", "South")],
        )
        yusuf = await let_in(ann, await person(), "Yusuf", "a")
        await let_in(ann, await person(), "Tomas", "a", Role.OBSERVER)
        leila = await stack.enter_async_context(
            visiting(browser, server.url, size=SIZE, language="en", look=Look(scale=1.5))
        )
        await Scene(browser, server, ann).let_in(leila, "Leila")

        await (await ann.send("Good morning. One question for today: who measures the water?")).sent()
        await (
            await yusuf.send("Our engineers do, every morning at six. Nobody downstream believes them.")
        ).sent()
        await acts.sees(leila, "Nobody downstream believes them.")
        await acts.reply(
            leila,
            "Nobody downstream believes them.",
            "Because we never see the raw numbers. Publish them, and I can defend them at home.",
        )
        told = await heard(
            yusuf, "Because we never see the raw numbers. Publish them, and I can defend them at home."
        )
        await (
            await yusuf.reply(
                told, "I could propose that. One gauge, read by both of us.", quotable="anonymous"
            )
        ).sent()
        await acts.sees(leila, "One gauge, read by both of us.")
        await acts.say(leila, "Then let us write down which one.")
        await heard(ann, "Then let us write down which one.")
        for room in (ann, yusuf):
            await room.mark_seen()
        seen = acts.text(leila, "message.seenBy", 2)
        await expect(acts.message(leila, "Then let us write down which one.")).to_contain_text(
            seen, timeout=acts.SLOWLY_MS
        )
        await acts.composer(leila).fill("The one at the old bridge: it is")
        await leila.page.screenshot(path=to)


async def main(to: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, LocalServer(Path(folder)) as server:
        async with chromium.running() as browser:
            await take(browser, server, to)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
