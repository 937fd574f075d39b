"""A real server for all attacks of a worker, and a stage with people for each."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from attack.rooms.intruder import verify_log
from attack.rooms.stage import Stage, staged
from backchannel.testing import LocalServer
from server.server_kit import Clock, hosting


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("attacked")) as running:
        yield running


@pytest.fixture
async def stage(server: LocalServer) -> AsyncIterator[Stage]:
    async with staged(server) as one:
        yield one


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses: they are not what these tests are about."""
    monkeypatch.setattr("backchannel.live.FIRST_BACKOFF_S", 0.01)


@pytest.fixture
async def direct(server: LocalServer) -> AsyncIterator[Stage]:
    """Nobody is between the people and the server; what it logged meanwhile tells nothing."""
    start = len(server.log.read_text())
    async with staged(server, proxied=False) as one:
        yield one
    verify_log(server.log, start, [server.token])


@pytest.fixture
async def inside(tmp_path: Path) -> AsyncIterator[Stage]:
    """The same with a server in this process, whose rules can be taken out."""
    async with hosting(tmp_path / "data", Clock(int(time.time()))) as host:
        server = SimpleNamespace(url=host.url, token=host.running.token)
        async with staged(server, proxied=False) as one:
            yield one
