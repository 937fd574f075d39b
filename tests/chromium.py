"""Chromium for the tests: the system's, driven by Playwright. Where there is none, its tests are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, async_playwright

import toolchain

VARIABLE: Final = "BACKCHANNEL_CHROMIUM"
"""The environment variable that names another Chromium than the system's."""

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

_QUIET: Final = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
"""It is to talk to nobody but the servers of the tests."""


def executable() -> Path:
    """Where Chromium is; skips the test where it is not."""
    named = os.environ.get(VARIABLE)
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium on PATH (Debian's package is called chromium), and {VARIABLE} names none")
    return Path(found)


@asynccontextmanager
async def running() -> AsyncIterator[Browser]:
    """Chromium, headless."""
    program = executable()
    # Playwright's own Node is for fewer platforms than the wheel's
    os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(toolchain.node())
    # whoever runs as root (a container of CI) has no sandbox to be kept in
    unboxed = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*_QUIET, *unboxed])
        try:
            yield browser
        finally:
            await browser.close()
