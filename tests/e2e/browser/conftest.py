"""One Chromium for all tests of a process, and servers; Ann's room at one that can be interrupted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

import chromium
from backchannel.testing import LocalServer
from e2e.browser.scene import Interrupted, Scene, meeting


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.running() as running:
        yield running


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupted]:
    """One for a module's tests."""
    running = Interrupted(tmp_path_factory.mktemp("interrupted"))
    with running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def scene(browser: Browser, interrupted: Interrupted) -> AsyncIterator[Scene]:
    """A room of Ann's for each test, whatever the one before left of the server."""
    interrupted.revive()
    async with meeting(browser, interrupted) as one:
        yield one


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with LocalServer(tmp_path) as running:
        yield running
