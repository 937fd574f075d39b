"""A person at a browser of her own: what she sees, and what must not happen while she looks."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, ViewportSize

import toolchain
from e2e.browser.said import Language

WEB: Final = Path(__file__).parents[3] / "client" / "web"
PHONE: Final[ViewportSize] = {"width": 320, "height": 640}
DESK: Final[ViewportSize] = {"width": 1280, "height": 800}

# what a page may say that is no fault of its own: a server that is away is part of several stories
_NO_FAULT: Final = ("net::ERR_", "WebSocket connection to", "Failed to load resource")

_SMALL: Final = """
[...document.querySelectorAll("button, select, input, textarea, summary, [role=button]")]
  .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((one) => !one.matches(".skip:not(:focus)"))
  .map((one) => [one.closest("label") ?? one, one])
  .map(([box, one]) => [box.getBoundingClientRect(), one])
  .filter(([box]) => box.width > 0 && (box.width < 24 || box.height < 24))
  .map(([box, one]) => `${one.outerHTML.slice(0, 90)}: ${box.width} x ${box.height}`)
"""


@dataclass(frozen=True)
class Look:
    """What somebody has asked of her system. `colors`: the system's own few in place of the page's."""

    dark: bool = False
    contrast: Literal["more", "no-preference"] = "no-preference"
    colors: Literal["active", "none"] = "none"
    motion: Literal["reduce", "no-preference"] = "no-preference"
    scale: float = 1


@dataclass
class Visitor:
    """One browser profile with one page. `faults` is what no page of ours may ever do."""

    url: str
    language: Language
    context: BrowserContext
    page: Page
    faults: list[str] = field(default_factory=list)
    pictures: int = 0

    def watch(self, page: Page) -> None:
        """Collects errors, violations of the page's policy, and requests to anybody but its server."""
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"uncaught: {error}"))
        page.on("request", self._asked)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in _NO_FAULT):
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        asked, own = urlsplit(request.url), urlsplit(self.url)
        if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != own.netloc:
            self.faults.append(f"a request to {asked.scheme}://{asked.netloc}")
        if asked.fragment or request.headers.get(
            "referer"
        ):  # Chromium shows an empty one that it does not send
            self.faults.append(f"a request that tells where it comes from: {asked.path}")

    async def breaches(self) -> list[str]:
        """What axe finds on the page as it is now: WCAG 2.2 A and AA, and its best practices."""
        await self.page.evaluate(_axe())
        found: dict[str, Any] = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {json.dumps([node['html'][:120] for node in one['nodes'][:3]])}"
            for one in found["violations"]
        ]

    async def picture(self, name: str) -> None:
        """Takes a screenshot into the folder that BACKCHANNEL_SCREENSHOTS names, where it names one."""
        folder = os.environ.get("BACKCHANNEL_SCREENSHOTS")
        if folder:
            self.pictures += 1
            size = self.page.viewport_size or PHONE
            file = f"{name}-{self.language}-{size['width']}-{id(self) % 1000}-{self.pictures}.png"
            await self.page.screenshot(path=Path(folder) / file)

    async def small_targets(self) -> list[str]:
        """What can be pressed and is smaller than 24 by 24 pixels (WCAG 2.2, 2.5.8)."""
        small: list[str] = await self.page.evaluate(_SMALL)
        return small

    async def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        script = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        wider: int = await self.page.evaluate(script)
        return wider


@cache
def _axe() -> str:
    toolchain.npm_ci(WEB)
    return (WEB / "node_modules" / "axe-core" / "axe.min.js").read_text()


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    size: ViewportSize = PHONE,
    language: Language = "en",
    look: Look = Look(),
) -> AsyncIterator[Visitor]:
    """Opens a browser profile; at the end nothing forbidden must have happened in it."""
    context = await browser.new_context(
        viewport=size,
        device_scale_factor=look.scale,
        locale="ar" if language == "ar" else "en-GB",
        color_scheme="dark" if look.dark else "light",
        contrast=look.contrast,
        forced_colors=look.colors,
        reduced_motion=look.motion,
        has_touch=size is PHONE,
        service_workers="allow",
    )
    try:
        context.set_default_timeout(15_000)
        page = await context.new_page()
        visitor = Visitor(url, language, context, page)
        visitor.watch(page)
        try:
            yield visitor
        except BaseException:
            await visitor.picture("failed")
            raise
        assert visitor.faults == [], "\n".join(visitor.faults)
    finally:
        await context.close()
