"""A page as the benchmark sees it: what it fetches, when something is there, how long it was busy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, CDPSession, Page

PATIENCE_MS: Final = 120_000

COMPOSER: Final = ".composer textarea:not([readonly])"
NAME_FIELD: Final = "form input[type=text]"

WHEEL_PX: Final = 800
"""A frame: eight notches of a mouse's wheel, about a window's height."""

SLOW_NETWORK: Final = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}
"""For CDP's Network.emulateNetworkConditions: milliseconds, and bytes a second."""

# resolves with the milliseconds from the navigation's start to the frame after `is there` was first true
_WHEN: Final = """([selector, text]) => new Promise((resolve) => {
  const look = () => {
    const found = [...document.querySelectorAll(selector)]
    const isThere = found.some((one) => text === null || one.textContent.trim() === text)
    if (isThere) requestAnimationFrame(() => resolve(performance.now()))
    else requestAnimationFrame(look)
  }
  look()
})"""

_FETCHED: Final = """() => performance.getEntries()
  .filter((one) => one.entryType === "navigation" || one.entryType === "resource")
  .map((one) => [new URL(one.name).pathname, one.encodedBodySize])"""

# notes when each message was first in the page, in milliseconds since 1970
_WATCH: Final = """() => {
  globalThis.shownAt = new Map()
  const note = () => {
    const now = performance.timeOrigin + performance.now()
    for (const one of document.querySelectorAll("[role=log] .text"))
      if (!shownAt.has(one.textContent)) shownAt.set(one.textContent, now)
  }
  new MutationObserver(note).observe(document.body, { childList: true, subtree: true, characterData: true })
}"""

_BUSY: Final = """() => {
  globalThis.longTasks = []
  new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" })
}"""


@dataclass(frozen=True)
class Opened:
    """A page in a browser profile of its own."""

    context: BrowserContext
    page: Page
    devtools: CDPSession


@asynccontextmanager
async def profile(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser profile, gone at the end."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context
    finally:
        await context.close()


@asynccontextmanager
async def opened(context: BrowserContext, url: str, *, is_cold: bool, is_slow: bool) -> AsyncIterator[Opened]:
    """A page that begins to load `url`.

    is_cold  without anything in the caches, the service worker's included; what is stored is there
    is_slow  over SLOW_NETWORK
    """
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Network.enable")
    if is_cold:
        kinds = "service_workers,cache_storage"
        await devtools.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": kinds})
        await devtools.send("Network.clearBrowserCache")
    if is_slow:
        await devtools.send("Network.emulateNetworkConditions", dict(SLOW_NETWORK))
    try:
        await page.goto(url, wait_until="commit")
        yield Opened(context, page, devtools)
    finally:
        await page.close()


async def seconds_until(page: Page, selector: str, text: str | None = None) -> float:
    """From the navigation's start until such an element is there (with exactly this text)."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        spent: float = await page.evaluate(_WHEN, [selector, text])
    return spent / 1000


async def fetched_bytes(page: Page) -> dict[str, int]:
    """What the page has fetched until now, by path: bytes of the bodies as they came, compressed."""
    found: list[tuple[str, int]] = await page.evaluate(_FETCHED)
    return dict(found)


async def fetch_all(page: Page, paths: list[str]) -> dict[str, int]:
    """Fetches these too, and says what they and all before them weighed."""
    await page.evaluate(
        "(paths) => Promise.all(paths.map((path) => fetch(path).then((a) => a.blob())))", paths
    )
    return await fetched_bytes(page)


# ---- how busy the page is
async def watch_tasks(page: Page) -> None:
    """From now on, tasks of 50 ms and more are noted."""
    await page.evaluate(_BUSY)


async def long_tasks_ms(page: Page) -> list[float]:
    """The tasks that were noted; to be asked when the page rests."""
    await page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 200))")
    found: list[float] = await page.evaluate("longTasks")
    return found


async def trace_tasks(browser: Browser, page: Page) -> None:
    """From now on the browser notes all that its threads do."""
    await browser.start_tracing(page=page, categories=["toplevel"])


async def busiest_task_ms(browser: Browser) -> float:
    """Since `trace_tasks`: the most that a page did in one go, by the time that a processor gave to it."""
    noted: list[dict[str, Any]] = json.loads(await browser.stop_tracing())["traceEvents"]
    pages = {
        (one["pid"], one["tid"])
        for one in noted
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    spent = [one.get("tdur", 0) for one in noted if one["ph"] == "X" and (one["pid"], one["tid"]) in pages]
    return float(max(spent, default=0) / 1000)


async def memory_mib(page: Page) -> float:
    """Of the page and its worker together."""
    found: dict[str, Any] = await page.evaluate("performance.measureUserAgentSpecificMemory()")
    return float(found["bytes"] / (1 << 20))


async def scroll_through(page: Page, top_text: str) -> None:
    """From the newest message to the first: some pages by the keyboard, all others by the wheel."""
    log = page.get_by_role("log")
    await log.focus()
    for _ in range(20):
        await page.keyboard.press("PageUp")
        await _frame(page)
    await log.hover()
    while not await page.evaluate("() => document.querySelector('[role=log]').scrollTop <= 0"):
        await page.mouse.wheel(0, -WHEEL_PX)
        await _frame(page)
    await seconds_until(page, "[role=log] .text", top_text)


async def _frame(page: Page) -> None:
    await page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)))")


# ---- when messages are shown
async def watch_messages(page: Page) -> None:
    """From now on it is noted when a message is first in the page."""
    await page.evaluate(_WATCH)


async def shown_at_s(page: Page, text: str) -> float:
    """When a message was first in the page, by the clock of this machine."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        await page.get_by_role("log").get_by_text(text, exact=True).wait_for()
    at: float = await page.evaluate("(text) => shownAt.get(text)", text)
    return at / 1000
