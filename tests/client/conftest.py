"""Fixtures of the client's tests: a server in memory, and profiles that use it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

import backchannel
from backchannel import Client
from client.memory_host import MemoryHost

Open = Callable[..., AbstractAsyncContextManager[Client]]


class Clock:
    """The time of everybody, which a test may move: `clock.ahead` is in seconds."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(clock: Clock) -> MemoryHost:
    return MemoryHost(lambda: int(clock()))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses and a cheap key derivation: neither is what these tests are about."""
    monkeypatch.setattr("backchannel.live.STALE_PAUSE_S", 0.01)
    monkeypatch.setattr("backchannel.patience.FIRST_BACKOFF_S", 0.01)
    monkeypatch.setattr("backchannel.store.seal.ARGON2_MEMORY_KIB", 64)
    monkeypatch.setattr("backchannel.store.seal.ARGON2_ITERATIONS", 1)


@pytest.fixture
def open_client(host: MemoryHost, clock: Clock) -> Open:
    """A profile at a path, or in memory; `own` is the clock of a device that has another time."""

    def opened(
        path: Path | None = None, *, connect: bool = True, own: Clock | None = None
    ) -> AbstractAsyncContextManager[Client]:
        return backchannel.open_profile(
            path,
            "correct horse",
            connect=connect,
            hosts=host.at,
            look_s=0.01,
            sweep_s=0.01,
            clock=own or clock,
        )

    return opened


@pytest.fixture
async def clients(open_client: Open) -> AsyncIterator[list[Client]]:
    """Four people with profiles in memory."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_client()) for _ in range(4)]
