"""The WebSocket edge: bytes between a socket and a Session (PROTOCOL.md, sections 4 and 12)."""

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

SUBPROTOCOL: Final = "backchannel.v1"

CLOSE_GRACE_S: Final = 2.0
"""How long a peer may take to fetch its last bytes and close; then the connection is torn down."""

UNATTACHED: Final = 1_000
"""How many connections may be about to attach at the same time."""

_PING: Final = b"\x89\x00"
log = logging.getLogger(__name__)


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
    """All sockets of a server. `handle` is the route's handler."""

    def __init__(self, reception: Reception, addresses: Addresses) -> None:
        self._reception = reception
        self._addresses = addresses
        self._open: set[_Line] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from upgrade to end."""
        self._addresses.verify(request)
        if sum(not line.session.is_attached for line in self._open) >= UNATTACHED:
            raise Refusal(Code.TOO_FAST, retry_after_s=1)
        line = _Line(self._reception)
        await line.socket.prepare(request)
        self._open.add(line)
        try:
            await line.run(request)
        finally:
            self._open.discard(line)
            if not line.was_attached:
                self._addresses.charge(request)
        return line.socket

    async def stop(self) -> None:
        """Bye to everybody; ends when all are gone, at the latest after CLOSE_GRACE_S."""
        lines = list(self._open)
        for line in lines:
            line.session.end(Refusal(Code.STOPPING))
        await asyncio.gather(*(line.done.wait() for line in lines))


class _Line:
    """One socket with its session: one task reads, one writes."""

    def __init__(self, reception: Reception) -> None:
        self._tasks: asyncio.TaskGroup | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._transport: asyncio.Transport | None = None
        self._heard = 0.0
        self.done = asyncio.Event()
        self.was_attached = False
        self.session = Session(reception, self._spawn, self._ending)
        self.socket = Socket(self._fault)

    async def run(self, request: web.Request) -> None:
        """Until the connection is over."""
        loop = asyncio.get_running_loop()
        try:
            self._transport = request.transport
            self._heard = loop.time()
            self._timers["attach"] = loop.call_later(ATTACH_TIMEOUT_S, self._attach_late)
            self._timers["ping"] = loop.call_later(PING_INTERVAL_S, self._tick)
            self.session.greet()
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._read())
                self._tasks.create_task(self._write(request))
        except* ConnectionError:
            pass  # the peer is gone; that is how connections end
        except* Exception as faults:  # noqa: BLE001 - our fault: it ends this connection and no other
            kinds = sorted({type(fault).__name__ for fault in faults.exceptions})
            log.error(  # noqa: TRY400 - a traceback may carry content
                "a connection failed", extra={"fault": ", ".join(kinds)}
            )
        finally:
            for timer in self._timers.values():
                timer.cancel()
            self.was_attached = self.session.is_attached
            self._abort()
            self.done.set()
            await self.session.leave()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self.socket.receive()
            self._heard = loop.time()
            match message.type:
                case WSMsgType.BINARY:
                    await self.session.receive(message.data)
                case WSMsgType.TEXT:
                    self.session.end(Refusal(Code.MALFORMED))
                case WSMsgType.PING:
                    await self.socket.pong(message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    break
        self.session.outbox.end()

    async def _write(self, request: web.Request) -> None:
        """What waits is joined into one write: the system call is what costs."""
        while frames := await self.session.outbox.take():
            self._put(frames)
            if request.protocol.writing_paused:
                # aiohttp has no public drain for what it did not frame itself
                await request.protocol._drain_helper()  # noqa: SLF001
        await self.socket.close()

    def _put(self, frames: Sequence[bytes]) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        self._transport.write(b"".join([part for frame in frames for part in (_header(len(frame)), frame)]))

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(coroutine)

    def _ending(self) -> None:
        """Bye is queued: a peer that does not fetch it does not keep the connection."""
        self._timers["end"] = asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self._abort)

    def _fault(self, code: Code) -> None:
        """Says Bye at once: aiohttp's closing frame comes next."""
        self.session.end(Refusal(code))
        frames = self.session.outbox.take_all()
        if frames and self._transport is not None and not self._transport.is_closing():
            self._put(frames)

    def _attach_late(self) -> None:
        if not self.session.is_attached:
            self.session.end(Refusal(Code.TOO_SLOW))

    def _tick(self) -> None:
        """Pings; gives up on a peer that was silent for too long."""
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            return
        if loop.time() - self._heard > SILENCE_TIMEOUT_S:
            self._abort()
            return
        self._transport.write(_PING)
        self._timers["ping"] = loop.call_later(PING_INTERVAL_S, self._tick)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _header(size: int) -> bytes:
    """A whole, unmasked, binary frame's header (RFC 6455 section 5.2)."""
    if size < 126:
        return bytes((0x82, size))
    if size < 1 << 16:
        return b"\x82\x7e" + size.to_bytes(2, "big")
    return b"\x82\x7f" + size.to_bytes(8, "big")
