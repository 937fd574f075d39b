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
from backchannel_server.record.key import KEY_FILE
from server.server_kit import Clock, hosting


class Attacked(LocalServer):
    """A server whose data folder is in the attacker's hands, too."""

    def record_key(self) -> bytes:
        """The private half, by which it signs checkpoints."""
        return (self._data / KEY_FILE).read_bytes()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    running = Attacked(tmp_path_factory.mktemp("attacked"))
    with running:
        yield running


@pytest.fixture
async def stage(server: Attacked) -> AsyncIterator[Stage]:
    async with staged(server) as one:
        yield one


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses: they are not what these tests are about."""
    monkeypatch.setattr("backchannel.live.STALE_PAUSE_S", 0.01)
    monkeypatch.setattr("backchannel.patience.FIRST_BACKOFF_S", 0.01)


@pytest.fixture
async def direct(server: Attacked) -> AsyncIterator[Stage]:
    """Nobody is between the people and the server; what it logged meanwhile tells nothing."""
    start = len(server.log.read_text())
    async with staged(server, proxied=False) as one:
        yield one
    verify_log(server.log, start, [server.token])


@pytest.fixture
async def inside(tmp_path: Path) -> AsyncIterator[Stage]:
    """The same with a server in this process, whose rules can be taken out."""
    async with hosting(tmp_path / "data", Clock(int(time.time()))) as host:
        key = host.running.key.private
        server = SimpleNamespace(url=host.url, token=host.running.token, record_key=lambda: key)
        async with staged(server, proxied=False) as one:
            yield one
