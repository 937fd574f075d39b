"""Files that go with messages: from one browser to another, cut and resumed, and under a lying server."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Request, Route, expect

from backchannel import Room
from backchannel_protocol.frames import Refused, encode_frame
from client.people import heard
from e2e.browser import acts
from e2e.browser.scene import Interrupted, meeting
from e2e.browser.test_device import RECORDS
from e2e.browser.visitor import PHONE, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARK: Final = b"PLANTED-WORDS-OF-A-FILE"
CONTENT: Final = (MARK + bytes(at * at % 251 for at in range(5000))) * 627
"""3 MiB and a little."""

DRAWN: Final = """() => {
  const canvas = document.createElement("canvas")
  canvas.width = 96
  canvas.height = 64
  const pen = canvas.getContext("2d")
  pen.fillStyle = "teal"
  pen.fillRect(0, 0, 96, 64)
  return canvas.toDataURL("image/jpeg").split(",")[1]
}"""

CACHED: Final = """async () => {
  const found = []
  for (const name of await caches.keys())
    for (const request of await (await caches.open(name)).keys()) found.push(request.url)
  return found.join()
}"""


@dataclass(frozen=True)
class Pair:
    """Ann's room, with Bea and Carl at browsers, for all tests of this module."""

    ann: Room
    bea: Visitor
    carl: Visitor


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(browser: Browser, interrupted: Interrupted) -> AsyncIterator[Pair]:
    async with (
        meeting(browser, interrupted) as scene,
        scene.guest("Bea") as bea,
        scene.guest("Carl") as carl,
    ):
        yield Pair(scene.ann, bea, carl)


def chooser(visitor: Visitor) -> Locator:
    return visitor.page.locator("input[type=file]")


async def choose(visitor: Visitor, name: str, content: bytes, kind: str = "application/pdf") -> None:
    await chooser(visitor).set_input_files({"name": name, "mimeType": kind, "buffer": content})
    await expect(visitor.page.get_by_role("list").get_by_text(name)).to_be_visible()


async def send(visitor: Visitor, words: str) -> None:
    await acts.composer(visitor).fill(words)
    await acts.button(visitor, "composer.send").click()
    await expect(acts.composer(visitor)).to_have_value("", timeout=acts.SLOWLY_MS)


async def saved(visitor: Visitor, words: str, folder: Path) -> bytes:
    """What the browser saves of a message's file."""
    async with visitor.page.expect_download(timeout=acts.SLOWLY_MS) as coming:
        await acts.button(visitor, "files.save", inside=acts.message(visitor, words)).click()
    to = folder / "saved"
    await (await coming.value).save_as(to)
    return to.read_bytes()


async def photo(visitor: Visitor) -> bytes:
    """A real JPEG with EXIF of a made-up camera in it."""
    jpeg = b64decode(await visitor.page.evaluate(DRAWN))
    exif = b"Exif\0\0" + MARK
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


def asked_for(visitor: Visitor) -> list[str]:
    """What the page asks the server for about files, from now on."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/blobs/" in request.url:
            asked.append(request.url)

    visitor.context.on("request", note)
    return asked


async def test_a_file_comes_as_it_was_sent(pair: Pair, tmp_path: Path) -> None:
    bea, carl = pair.bea, pair.carl
    asked = asked_for(carl)
    await choose(bea, "report.pdf", CONTENT)
    await expect(bea.page.get_by_text(acts.text(bea, "files.documents"))).to_be_visible()
    await send(bea, "the report")
    await acts.sees(carl, "the report")
    await expect(acts.message(carl, "the report")).to_contain_text("report.pdf")
    assert asked == []
    assert await saved(carl, "the report", tmp_path) == CONTENT
    assert MARK.decode() not in await carl.page.evaluate(RECORDS)
    assert "blobs" not in await carl.page.evaluate(CACHED)


async def test_files_between_a_browser_and_a_python_client(pair: Pair, tmp_path: Path) -> None:
    ann, carl = pair.ann, pair.carl
    await choose(carl, "browser.bin", CONTENT)
    await send(carl, "from a browser")
    (attachment,) = (await heard(ann, "from a browser")).attachments
    assert (attachment.name, attachment.type) == ("browser.bin", "application/pdf")
    assert await ann.fetch(attachment) == CONTENT
    await ann.send("from Python", attachments=[("python.bin", "application/octet-stream", CONTENT)])
    await acts.sees(carl, "from Python")
    assert await saved(carl, "from Python", tmp_path) == CONTENT


async def test_a_picture_is_shown_when_asked_for_and_tells_nothing_else(pair: Pair, tmp_path: Path) -> None:
    bea, carl = pair.bea, pair.carl
    asked = asked_for(carl)
    await choose(bea, "bridge.jpg", await photo(bea), "image/jpeg")
    await expect(bea.page.get_by_text(acts.text(bea, "files.pictures"))).to_be_visible()
    await send(bea, "the old bridge")
    await acts.sees(carl, "the old bridge")
    said = acts.message(carl, "the old bridge")
    shown = said.get_by_role("img", name=acts.text(carl, "files.alt", "bridge.jpg"))
    await expect(shown).to_have_count(0)
    assert asked == []
    await acts.button(carl, "files.show", inside=said).click()
    await expect(shown).to_be_visible(timeout=acts.SLOWLY_MS)
    assert await shown.evaluate("one => [one.src.startsWith('blob:'), one.naturalWidth]") == [True, 96]
    clean = await saved(carl, "the old bridge", tmp_path)
    assert clean.startswith(b"\xff\xd8")
    assert MARK not in clean
    assert b"Exif" not in clean
    await acts.button(carl, "files.hide", inside=said).click()
    await expect(shown).to_have_count(0)


async def test_what_is_no_picture_is_not_shown(pair: Pair) -> None:
    bea, carl = pair.bea, pair.carl
    await choose(bea, "page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
    await send(bea, "a drawing")
    await acts.sees(carl, "a drawing")
    said = acts.message(carl, "a drawing")
    await expect(acts.button(carl, "files.save", inside=said)).to_be_visible()
    await expect(acts.button(carl, "files.show", inside=said)).to_have_count(0)
    await chooser(bea).set_input_files(
        {"name": "x.jpg", "mimeType": "image/jpeg", "buffer": b"<html>no picture</html>"}
    )
    await acts.button(bea, "composer.send").click()
    await expect(bea.page.get_by_text(acts.text(bea, "reasons.picture-unclean"))).to_be_visible()
    await acts.button(bea, "files.remove", "x.jpg").click()


async def test_an_upload_goes_on_after_a_reload_and_holds_nothing_up(pair: Pair, tmp_path: Path) -> None:
    bea, carl = pair.bea, pair.carl
    parts: list[str] = []
    three = asyncio.Event()

    async def hold(route: Route) -> None:
        """Three parts, and then the network is gone for the others."""
        parts.append(route.request.url)
        if len(parts) > 3:
            three.set()
            await route.abort()
        else:
            await route.continue_()

    await bea.context.route("**/v1/blobs/part", hold)
    await choose(bea, "plan.bin", CONTENT)
    await send(bea, "the plan")
    await asyncio.wait_for(three.wait(), 30)
    pending = acts.message(bea, "the plan")
    await expect(pending.get_by_role("progressbar")).to_be_visible()
    await acts.say(bea, "words are quicker")
    await acts.sees(carl, "words are quicker")
    assert MARK.decode() not in await bea.page.evaluate(RECORDS)
    await bea.page.reload()
    await acts.sees(bea, "the plan")
    await bea.context.unroute("**/v1/blobs/part")
    before = len(parts)
    await acts.sees(carl, "the plan")
    assert await saved(carl, "the plan", tmp_path) == CONTENT
    await expect(acts.message(carl, "the plan")).to_have_count(1)
    await expect(acts.message(bea, "the plan")).to_have_count(1)
    await expect(bea.page.get_by_role("progressbar")).to_have_count(0)
    assert before >= 4


async def test_an_upload_is_taken_away(pair: Pair) -> None:
    bea, carl = pair.bea, pair.carl
    await bea.context.route("**/v1/blobs/part", lambda route: route.abort())
    await choose(bea, "no.bin", CONTENT)
    await send(bea, "not this one")
    await acts.button(bea, "files.cancel", inside=acts.message(bea, "not this one")).click()
    await expect(acts.composer(bea)).to_have_value("not this one")
    await expect(acts.message(bea, "not this one")).to_have_count(0)
    await bea.context.unroute("**/v1/blobs/part")
    await acts.composer(bea).fill("")
    await acts.say(bea, "only words")
    await acts.sees(carl, "only words")
    await expect(acts.message(carl, "not this one")).to_have_count(0)


async def test_a_lying_server_shows_nothing_false(pair: Pair) -> None:
    bea, carl = pair.bea, pair.carl
    await choose(bea, "bridge.jpg", await photo(bea), "image/jpeg")
    await send(bea, "the old bridge")
    await acts.sees(carl, "the old bridge")

    async def lie(route: Route) -> None:
        answer = await route.fetch()
        (body,) = cast("list[bytes]", msgspec.msgpack.decode(await answer.body()))
        changed = body[:99] + bytes([body[99] ^ 1]) + body[100:]
        await route.fulfill(response=answer, body=msgspec.msgpack.encode([changed]))

    await carl.context.route("**/v1/blobs/read", lie)
    said = acts.message(carl, "the old bridge")
    await acts.button(carl, "files.show", inside=said).click()
    sentence = acts.text(carl, "reasons.attachment-altered")
    await expect(said.get_by_text(sentence)).to_be_visible(timeout=acts.SLOWLY_MS)
    await expect(said.get_by_role("img")).to_have_count(0)
    await carl.context.unroute("**/v1/blobs/read")


async def test_a_refused_upload_says_why_and_is_tried_again(pair: Pair) -> None:
    bea, carl = pair.bea, pair.carl
    refused = encode_frame(Refused(None, "too-many", "This room is full."))

    async def refuse(route: Route) -> None:
        await route.fulfill(status=409, body=refused, content_type="application/msgpack")

    await bea.context.route("**/v1/blobs/begin", refuse)
    await choose(bea, "late.bin", CONTENT)
    await send(bea, "the late one")
    failed = acts.message(bea, "the late one")
    await expect(failed.get_by_text(acts.text(bea, "files.notUploaded"))).to_be_visible()
    await expect(failed.get_by_text(acts.text(bea, "reasons.too-many"))).to_be_visible()
    await bea.context.unroute("**/v1/blobs/begin")
    await acts.button(bea, "files.again", inside=failed).click()
    await acts.sees(carl, "the late one")


async def test_files_on_a_phone(pair: Pair) -> None:
    bea, carl = pair.bea, pair.carl
    for one in (bea, carl):
        await one.page.set_viewport_size(PHONE)
        await one.page.keyboard.press("Alt+ArrowDown")  # to the newest: all is elsewhere now
    await offered_and_shown(bea, carl)


async def test_files_on_a_phone_in_arabic(browser: Browser, interrupted: Interrupted) -> None:
    async with (
        meeting(browser, interrupted) as scene,
        scene.guest("Dana", language="ar", size=PHONE) as dana,
    ):
        await offered_and_shown(dana, dana)


async def offered_and_shown(author: Visitor, reader: Visitor) -> None:
    """Both kinds of files, with a long name and one from right to left."""
    await choose(author, "a-rather-long-name-of-a-report-for-the-second-meeting.pdf", b"%PDF")
    await choose(author, "الجسر القديم.jpg", await photo(author), "image/jpeg")
    await look(author, "files-chosen")
    await send(author, "both of them")
    await reader.page.keyboard.press("Alt+ArrowDown")
    said = acts.message(reader, "both of them")
    await expect(acts.button(reader, "files.show", inside=said)).to_be_visible(timeout=acts.SLOWLY_MS)
    await look(reader, "files-offered")
    await acts.button(reader, "files.show", inside=said).click()
    await expect(said.get_by_role("img")).to_be_visible(timeout=acts.SLOWLY_MS)
    await look(reader, "files-shown")


async def look(visitor: Visitor, name: str) -> None:
    """The page fits, axe finds nothing, and everything is large enough to be pressed."""
    await visitor.picture(name)
    assert await visitor.overflow() == 0
    assert await visitor.breaches() == []
    assert await visitor.small_targets() == []
