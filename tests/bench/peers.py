"""A client as cheap as Python allows, so that what is measured is the server: raw WebSockets on asyncio.

It unmasks nothing (a mask of zeros leaves bytes as they are) and decodes only what it is asked to.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

_UPGRADE: Final = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: backchannel.v1\r\n\r\n"
)
_BINARY: Final = 2
_PING: Final = 9
_PONG: Final = b"\x8a\x80\0\0\0\0"
_NO_MASK: Final = bytes(4)


class Peer(asyncio.Protocol):
    """One connection; `heard` is called with every binary message."""

    def __init__(self) -> None:
        self.heard: Callable[[bytes], None] = self._queue
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._upgraded = False

    @classmethod
    async def connect(cls, url: str, path: str) -> Peer:
        """A connection that is upgraded, or about to be."""
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_connection(cls, parts.hostname, parts.port)
        peer._transport = transport
        transport.write(_UPGRADE.format(path=path, host=parts.netloc).encode())
        return peer

    async def receive(self) -> bytes:
        """The next binary message, where nobody else hears them."""
        return await self._waiting.get()

    def send(self, data: bytes) -> None:
        """One binary message."""
        assert self._transport is not None
        size = len(data)
        head = bytes((0x82, 0x80 | size)) if size < 126 else b"\x82\xfe" + size.to_bytes(2, "big")
        self._transport.write(head + _NO_MASK + data)

    def stall(self) -> None:
        """Reads no more, and lets the system hold little for it."""
        assert self._transport is not None
        self._transport.pause_reading()
        own: socket.socket = self._transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def close(self) -> None:
        """At once."""
        with suppress(AttributeError):
            self._transport.abort()  # type: ignore[union-attr]  # suppressed

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._buffer += data
        if not self._upgraded:
            head, found, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not found:
                return
            assert head.startswith(b"HTTP/1.1 101"), head[:40]
            self._upgraded, self._buffer = True, bytearray(rest)
        at = 0
        while (end := self._frame_end(at)) is not None:
            opcode, begin = self._buffer[at] & 15, end[0]
            if opcode == _BINARY:
                self.heard(bytes(self._buffer[begin : end[1]]))
            elif opcode == _PING and self._transport is not None:  # else it counts as lost after a minute
                self._transport.write(_PONG)
            at = end[1]
        del self._buffer[:at]

    def _frame_end(self, at: int) -> tuple[int, int] | None:
        """(where the payload begins, where it ends) of the frame at `at`, once it is whole."""
        if len(self._buffer) < at + 2:
            return None
        size, begin = self._buffer[at + 1], at + 2
        if size >= 126:
            begin += 2 if size == 126 else 8
            if len(self._buffer) < begin:
                return None
            size = int.from_bytes(self._buffer[at + 2 : begin], "big")
        return (begin, begin + size) if len(self._buffer) >= begin + size else None

    def _queue(self, data: bytes) -> None:
        self._waiting.put_nowait(data)
