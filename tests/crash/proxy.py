"""A TCP proxy that cuts, delays, half-closes and swallows, and keeps what servers acknowledged.

It lives in the test's process, so nothing that dies takes its memory along: an Ack that passed
here was given.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import Ack, parse_server_frame

PIECE_BYTES = 65_536


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]


@dataclass(eq=False)
class Link:
    """One connection: both streams. `delay_s` holds back what either says, though it be dead by then; while
    the gate is closed, nothing passes, and neither end hears of it."""

    down: asyncio.StreamWriter
    up: asyncio.StreamWriter
    gate: asyncio.Event
    delay_s: float = 0
    bytes_left: int | None = None

    def cut(self) -> None:
        """Both ends at once, with what was on its way."""
        self.down.transport.abort()
        self.up.transport.abort()

    def cut_within(self, count: int) -> None:
        """After that many bytes more of the server: in the middle of a frame, as likely as not."""
        self.bytes_left = count

    def half_close(self) -> None:
        """The client's side says that it sends no more, though it does."""
        with contextlib.suppress(OSError, RuntimeError):
            self.up.write_eof()


@dataclass
class Proxy:
    """Listens on a port of its own; `links` are the connections that are open. `taps`: that a server's
    WebSockets pass here."""

    connect: Connect
    taps: bool = True
    port: int = 0
    links: set[Link] = field(default_factory=set)
    acks: list[tuple[bytes, int, int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """All that are open."""
        for link in list(self.links):
            link.cut()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end is gone."""
        await self.gate.wait()
        try:
            from_server, to_server = await self.connect()
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, to_server, self.gate)
        self.links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_up(reader, link))
                group.create_task(_down(from_server, link, AckTap(self.acks) if self.taps else None))
        finally:
            self.links.discard(link)
            link.cut()

    def pick(self, moments: random.Random) -> Link | None:
        """One of those that are open."""
        return moments.choice(sorted(self.links, key=id)) if self.links else None


async def _up(reader: asyncio.StreamReader, link: Link) -> None:
    """What the client says, to the server."""
    with contextlib.suppress(OSError, RuntimeError):
        while piece := await reader.read(PIECE_BYTES):
            await link.gate.wait()
            await asyncio.sleep(link.delay_s)
            link.up.write(piece)
            await link.up.drain()
    link.half_close()


async def _down(reader: asyncio.StreamReader, link: Link, tap: AckTap | None) -> None:
    """What the server says, to the client. The tap sees only what is passed on."""
    with contextlib.suppress(OSError, RuntimeError):
        while piece := await reader.read(PIECE_BYTES):
            await link.gate.wait()
            await asyncio.sleep(link.delay_s)
            if link.bytes_left is not None:
                piece, link.bytes_left = piece[: link.bytes_left], link.bytes_left - len(piece)
            if tap is not None:
                tap.feed(piece)
            link.down.write(piece)
            await link.down.drain()
            if link.bytes_left is not None and link.bytes_left <= 0:
                break
    link.cut()


class AckTap:
    """Reads a server's side of a WebSocket: HTTP's head, then frames, which servers do not mask."""

    def __init__(self, acks: list[tuple[bytes, int, int]]) -> None:
        self._acks = acks
        self._rest = b""
        self._speaks: bool | None = None

    def feed(self, piece: bytes) -> None:
        """What the server said next, in pieces of any size."""
        self._rest += piece
        if self._speaks is None:
            head, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return
            self._speaks, self._rest = head.startswith(b"HTTP/1.1 101"), rest
        while self._speaks and (taken := _frame(self._rest)) is not None:
            payload, self._rest = taken
            self._note(payload)

    def _note(self, payload: bytes) -> None:
        with contextlib.suppress(RemoteProtocolError):
            frame = parse_server_frame(payload)
            if isinstance(frame, Ack):
                self._acks += [(placed.id, placed.seq, placed.time) for placed in frame.placed]


def _frame(data: bytes) -> tuple[bytes, bytes] | None:
    """The payload of the first WebSocket frame (RFC 6455, 5.2), and what follows; None: not all is there."""
    if len(data) < 2:
        return None
    length, begin = data[1] & 0x7F, 2
    if length >= 126:
        begin = 4 if length == 126 else 10
        if len(data) < begin:
            return None
        length = int.from_bytes(data[2:begin], "big")
    if len(data) < begin + length:
        return None
    return data[begin : begin + length], data[begin + length :]


def to_port(port: int) -> Connect:
    """Of this machine."""
    return lambda: asyncio.open_connection("127.0.0.1", port)


@asynccontextmanager
async def proxied(connect: Connect, *, taps: bool = True) -> AsyncIterator[Proxy]:
    """A proxy in front of something that one connects to."""
    proxy = Proxy(connect, taps)
    proxy.gate.set()
    server = await asyncio.start_server(proxy.carry, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.gate.set()
        proxy.cut()
        async with asyncio.timeout(10):
            while proxy.links:  # noqa: ASYNC110 - each connection's own task ends it
                await asyncio.sleep(0.01)
