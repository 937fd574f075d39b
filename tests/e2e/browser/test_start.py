"""The first screen of somebody who comes without a link."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, ViewportSize, expect

from backchannel.testing import LocalServer
from e2e.browser import acts
from e2e.browser.visitor import DESK, PHONE, Look, visiting

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_start(browser: Browser, server: LocalServer, size: ViewportSize, dark: bool) -> None:
    async with visiting(browser, server.url, size=size, look=Look(dark=dark)) as visitor:
        await visitor.page.goto(server.url)
        await expect(visitor.page.get_by_role("heading", level=1)).to_be_visible()
        await expect(visitor.page.get_by_text(acts.text(visitor, "start.sealed"))).to_be_visible()
        assert await visitor.breaches() == []
        assert await visitor.overflow() <= 0
        assert await visitor.page.evaluate("isSecureContext && crossOriginIsolated")
