"""What a room shows and tells while others go on."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from backchannel.testing import LocalServer
from client.people import until
from e2e.browser import acts, picture
from e2e.browser.scene import meeting

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFTEN_S = 0.3


async def test_what_is_seen_is_told_while_others_go_on_writing(browser: Browser, server: LocalServer) -> None:
    async with meeting(browser, server) as scene, scene.guest("Bea") as bea:

        async def write_on() -> None:
            for number in count(1):
                await (await scene.ann.send(f"message {number}")).sent()
                await asyncio.sleep(OFTEN_S)  # before the page would have told of the one before

        writing = asyncio.create_task(write_on())
        await acts.sees(bea, "message 5")
        await until(scene.ann, lambda: any(map(scene.ann.seen_by, scene.ann.messages())))
        assert not writing.done()
        writing.cancel()
        # the list beside the open room counts nothing that stands before the reader's eyes
        await expect(bea.page.get_by_role("navigation").locator(".count")).to_have_count(0)


async def test_the_picture_of_the_readme_can_be_taken(
    browser: Browser, server: LocalServer, tmp_path: Path
) -> None:
    taken = tmp_path / "room.png"
    await picture.take(browser, server, taken)
    assert taken.read_bytes().startswith(b"\x89PNG")
