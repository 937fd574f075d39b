"""The WebSocket edge: bytes between a socket and a Session (PROTOCOL.md, sections 4 and 12).

One task a connection, which reads. What is to be written is written from the event loop itself; only
where a peer is slower than that does a task wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from aiohttp import WSCloseCode, WSMsgType, web

from backchannel_protocol.limits import (
    ATTACH_TIMEOUT_S,
    MAX_FRAME_BYTES,
    PING_INTERVAL_S,
    SILENCE_TIMEOUT_S,
)
from backchannel_protocol.refusals import Code
from backchannel_server.addresses import Addresses
from backchannel_server.refusal import Refusal
from backchannel_server.session import Reception, Session
from backchannel_server.visitor import visitor_of

SUBPROTOCOL: Final = "backchannel.v1"

CLOSE_GRACE_S: Final = 1.5
"""How long a peer may take to fetch its last bytes and close; then the connection is torn down."""

COPIED_BYTES: Final = 16 * 1024
"""What is joined into one piece for a connection. More is written as it is: those bytes are the same for all,
so a thousand who do not fetch them cost little."""

_PING: Final = b"\x89\x00"
log = logging.getLogger(__name__)
Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


class Socket(web.WebSocketResponse):
    """aiohttp closes by itself where a message is too large or no WebSocket: Bye is said before."""

    def __init__(self, faulted: Callable[[Code], None]) -> None:
        super().__init__(
            protocols=(SUBPROTOCOL,),
            compress=False,
            autoping=False,
            max_msg_size=MAX_FRAME_BYTES + 1,
            timeout=CLOSE_GRACE_S,
        )
        self._faulted = faulted

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        """See WebSocketResponse."""
        if code == WSCloseCode.MESSAGE_TOO_BIG:
            self._faulted(Code.TOO_LARGE)
        elif code != WSCloseCode.OK:
            self._faulted(Code.MALFORMED)
        return await super().close(code=code, message=message, drain=drain)


class WebSockets:
    """All sockets of a server. `handle` is the route's handler; `spawn` starts a task of the server's."""

    def __init__(self, reception: Reception, addresses: Addresses, spawn: Spawn) -> None:
        self._reception = reception
        self._addresses = addresses
        self._spawn = spawn
        self._open: set[_Line] = set()
        self._all_gone: asyncio.Future[None] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from upgrade to end."""
        self._addresses.verify(request)
        line = _Line(self._reception, self._spawn, request)
        await line.socket.prepare(request)
        self._open.add(line)
        try:
            await line.run()
        finally:
            self._open.discard(line)
            if not line.was_attached:
                self._addresses.charge(request)
            if self._all_gone is not None and not self._open and not self._all_gone.done():
                self._all_gone.set_result(None)
        return line.socket

    async def stop(self) -> None:
        """Bye to everybody; ends when all are gone, at the latest after CLOSE_GRACE_S."""
        if not self._open:
            return
        self._all_gone = asyncio.get_running_loop().create_future()
        for line in list(self._open):
            line.session.end(Refusal(Code.STOPPING))
        await self._all_gone


class _Line:
    """One socket with its session."""

    __slots__ = (
        "_closing",
        "_end_timer",
        "_heard",
        "_loop",
        "_ping_timer",
        "_spawn",
        "_transport",
        "_visitor",
        "session",
        "socket",
        "was_attached",
    )

    def __init__(self, reception: Reception, spawn: Spawn, request: web.Request) -> None:
        self._loop = asyncio.get_running_loop()
        self._spawn = spawn
        self._visitor = visitor_of(request)
        self._transport = request.transport
        self._heard = self._loop.time()
        self._closing: asyncio.Task[None] | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._ping_timer: asyncio.TimerHandle | None = None
        self.was_attached = False
        self.session = Session(reception, spawn, self._filled, self._ending)
        self.socket = Socket(self._fault)

    async def run(self) -> None:
        """Until the connection is over."""
        late = self._loop.call_later(ATTACH_TIMEOUT_S, self._attach_late)
        self._ping_timer = self._loop.call_later(PING_INTERVAL_S, self._tick)
        try:
            self.session.greet()
            await self._read()
            if self._closing is not None:
                await self._closing
        except ConnectionError:
            pass  # the peer is gone; that is how connections end
        except Exception as fault:  # noqa: BLE001 - our fault: it ends this connection and no other
            self._log(fault)
        finally:
            for timer in (late, self._ping_timer, self._end_timer):
                if timer is not None:
                    timer.cancel()
            self.was_attached = self.session.is_attached
            self._abort()
            await self.session.leave()

    # ---- reading
    async def _read(self) -> None:
        is_proved = False
        while True:
            message = await self.socket.receive()
            self._heard = self._loop.time()
            match message.type:
                case WSMsgType.BINARY:
                    await self.session.receive(message.data)
                    if not is_proved and self.session.is_attached:
                        is_proved = True
                        self._visitor.proved()
                case WSMsgType.TEXT:
                    self.session.end(Refusal(Code.MALFORMED))
                case WSMsgType.PING:
                    await self.socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    return

    # ---- writing
    def _filled(self) -> None:
        """What comes in one turn of the loop is joined into one write: the system call is what costs."""
        self._loop.call_soon(self._write)

    def _write(self) -> None:
        """Until nothing waits, or the peer does not fetch it fast enough."""
        outbox = self.session.outbox
        while not self._visitor.writing_paused:
            frames = outbox.take()
            if not frames:
                if outbox.is_over:
                    self._closing = self._closing or self._spawn(self._close())
                return
            if not self._put(frames):
                return
        self._spawn(self._write_on())

    async def _write_on(self) -> None:
        """Goes on when the peer has fetched enough; aiohttp has no public drain for what it did not frame."""
        try:
            await self._visitor._drain_helper()  # noqa: SLF001 - see above
        except ConnectionError:
            return
        self._write()

    def _put(self, frames: Sequence[bytes]) -> bool:
        if self._transport is None or self._transport.is_closing():
            return False
        parts = [part for frame in frames for part in (_header(len(frame)), frame)]
        if sum(map(len, frames)) <= COPIED_BYTES:
            self._transport.write(b"".join(parts))
        else:
            self._transport.writelines(parts)
        return True

    # ---- ending
    async def _close(self) -> None:
        try:
            await self.socket.close()
        except ConnectionError:
            pass
        except Exception as fault:  # noqa: BLE001 - as in `run`
            self._log(fault)

    def _ending(self) -> None:
        """Bye is queued: a peer that does not fetch it does not keep the connection."""
        self._end_timer = self._loop.call_later(CLOSE_GRACE_S, self._abort)

    def _fault(self, code: Code) -> None:
        """Says Bye at once: aiohttp's closing frame comes next."""
        self.session.end(Refusal(code))
        while (frames := self.session.outbox.take()) and self._put(frames):
            pass

    def _attach_late(self) -> None:
        if not self.session.has_proved:
            self.session.end(Refusal(Code.TOO_SLOW))

    def _tick(self) -> None:
        """Pings; gives up on a peer that was silent for too long."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._loop.time() - self._heard > SILENCE_TIMEOUT_S:
            self._abort()
            return
        self._transport.write(_PING)
        self._ping_timer = self._loop.call_later(PING_INTERVAL_S, self._tick)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _log(self, fault: Exception) -> None:
        log.error("a connection failed", extra={"fault": type(fault).__name__})


def _header(size: int) -> bytes:
    """A whole, unmasked, binary frame's header (RFC 6455 section 5.2)."""
    if size < 126:
        return bytes((0x82, size))
    if size < 1 << 16:
        return b"\x82\x7e" + size.to_bytes(2, "big")
    return b"\x82\x7f" + size.to_bytes(8, "big")
