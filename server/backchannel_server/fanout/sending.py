"""What brokers have in common: packets that wait to be sent, and connections that are made for ever."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

PAUSE_S: Final = 0.5
"""How long until a broker that could not be reached is tried again."""

WAITING: Final = 1_024
"""The most packets that wait for a broker; older ones are dropped."""


class Packets:
    """Of which the newest are worth most."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._filled = asyncio.Event()

    def put(self, packet: bytes) -> None:
        """At the end."""
        self._waiting.append(packet)
        self._filled.set()

    async def take(self, most: int) -> list[bytes]:
        """Those that wait, some at least."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


async def for_ever(serve: Callable[[], Awaitable[None]]) -> None:
    """One connection after the other. Whatever ends one, the silence is told by who listens for itself."""
    while True:
        with suppress(Exception):
            await serve()
        await asyncio.sleep(PAUSE_S)
