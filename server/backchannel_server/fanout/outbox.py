"""What waits to be sent on one connection: a bounded queue of encoded frames."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from backchannel_protocol.limits import SEND_QUEUE_BYTES

JOIN_BYTES: Final = 256 * 1024
"""How much is joined into one write."""

REPLAY_BYTES: Final = SEND_QUEUE_BYTES // 4
"""A replay waits while more than this waits: the rest of the queue is for what is live."""

_OVERHEAD_BYTES: Final = 64
"""What a waiting frame costs beyond its own bytes, so that many small ones count too."""


class Outbox:
    """`overflow` is called when a frame does not fit. One task takes; anybody may push."""

    def __init__(self, overflow: Callable[[], None], limit: int = SEND_QUEUE_BYTES) -> None:
        self._overflow = overflow
        self._limit = limit
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def push(self, frame: bytes) -> None:
        """Queues a frame; nothing after `end`."""
        if self._ended:
            return
        if self._bytes + len(frame) > self._limit:
            self._overflow()
            return
        self._append(frame)

    def end(self, last: bytes | None = None, *, drop: bool = False) -> None:
        """Nothing comes after `last`. `drop`: what waits is not sent any more."""
        if self._ended:
            return
        if drop:
            self._frames.clear()
            self._bytes = 0
        if last is not None:
            self._append(last)
        self._ended = True
        self._filled.set()
        self._emptied.set()

    async def space(self) -> None:
        """Waits until there is room for a replay's next frame."""
        while self._bytes > REPLAY_BYTES and not self._ended:
            self._emptied.clear()
            await self._emptied.wait()

    async def take(self) -> list[bytes]:
        """What waits, up to JOIN_BYTES; waits for the first. Empty at the end."""
        while not self._frames and not self._ended:
            self._filled.clear()
            await self._filled.wait()
        taken: list[bytes] = []
        size = 0
        while self._frames and (not taken or size + len(self._frames[0]) <= JOIN_BYTES):
            frame = self._frames.popleft()
            size += len(frame)
            self._bytes -= len(frame) + _OVERHEAD_BYTES
            taken.append(frame)
        if self._bytes <= REPLAY_BYTES:
            self._emptied.set()
        return taken

    def take_all(self) -> list[bytes]:
        """Everything that waits, at once."""
        taken = list(self._frames)
        self._frames.clear()
        self._bytes = 0
        return taken

    def _append(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame) + _OVERHEAD_BYTES
        self._filled.set()
