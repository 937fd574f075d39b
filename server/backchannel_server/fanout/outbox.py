"""What waits to be sent on one connection: a bounded queue of encoded frames.

A connection that is idle, as most are, holds an empty list here and no task.
"""

from __future__ import annotations

import asyncio
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
    """`filled` is called when there is something to take again, `overflow` when a frame does not fit."""

    __slots__ = ("_bytes", "_ended", "_filled", "_frames", "_limit", "_overflow", "_told", "_waiting")

    def __init__(
        self, overflow: Callable[[], None], filled: Callable[[], None], limit: int = SEND_QUEUE_BYTES
    ) -> None:
        self._overflow = overflow
        self._filled = filled
        self._limit = limit
        self._frames: list[bytes] = []
        self._bytes = 0
        self._ended = False
        self._told = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing waits and nothing will."""
        return self._ended and not self._frames

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
        self._tell()
        self._let_replay_go_on()

    async def space(self) -> None:
        """Waits until there is room for a replay's next frame. One replay waits at most."""
        while self._bytes > REPLAY_BYTES and not self._ended:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting

    def take(self) -> list[bytes]:
        """What waits, up to JOIN_BYTES. Where it is nothing, `filled` says when there is something."""
        count = size = 0
        for frame in self._frames:
            if count and size + len(frame) > JOIN_BYTES:
                break
            count += 1
            size += len(frame)
        taken, self._frames[:count] = self._frames[:count], []
        self._bytes -= size + count * _OVERHEAD_BYTES
        self._told = bool(taken)
        if self._bytes <= REPLAY_BYTES:
            self._let_replay_go_on()
        return taken

    def _append(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame) + _OVERHEAD_BYTES
        self._tell()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._filled()

    def _let_replay_go_on(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
