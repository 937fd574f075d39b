"""One connection as it comes in, before it is anything: HTTP's, until a WebSocket takes it over.

aiohttp waits for ever for the rest of a request. A visitor that says half of one, or nothing, is ended.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from backchannel_protocol.refusals import Code
from backchannel_server.answers import HEADERS, last_answer, refused
from backchannel_server.refusal import Refusal

REQUEST_TIMEOUT_S: Final = 10
"""How long a request's line and headers may take, and a connection until the first of them."""

BODY_BYTES_A_SECOND: Final = 2_000
"""A body may take longer than that by as much as it brings: a third of what a poor line (50 kbit/s) does."""

KEEP_ALIVE_S: Final = 75
"""How long a connection may rest between two requests; longer than proxies keep theirs by default."""

log = logging.getLogger(__name__)


class Door(Protocol):
    """Who lets visitors in, and counts them."""

    @property
    def server(self) -> web.Server:
        """aiohttp's, which all visitors share."""

    def heard(self, visitor: Visitor) -> None:
        """It has sent a whole head of a request, or its answer is due to go: it is not the oldest now."""

    def renamed(self, visitor: Visitor, address: str) -> None:
        """It is a proxy's, and counts for the address that the proxy names."""

    def proved(self, visitor: Visitor) -> None:
        """It is a seat's."""

    def left(self, visitor: Visitor) -> None:
        """Its connection is gone."""


class Visitor(web.RequestHandler):
    """aiohttp's protocol of one connection; `address` is what it counts for at the door."""

    __slots__ = ("_door", "_has_begun", "_is_served", "_late", "address", "connecting")

    def __init__(self, door: Door, address: str, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            door.server,
            loop=loop,
            keepalive_timeout=KEEP_ALIVE_S,
            access_log=None,  # type: ignore[arg-type] # as AppRunner has it: it would name addresses
        )
        self._door = door
        self._late: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._is_served = False
        self.address = address
        self.connecting: asyncio.Task[None] | None = None
        """Until the connection is made: a TLS handshake may take a while."""

    # ---- aiohttp calls these
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if not self._is_served:
            self._has_begun = True
            if self._late is None:
                self._expect()
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """See asyncio.Protocol."""
        self._expect_no_more()
        self._door.left(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's own page, which repeats what came
    ) -> web.StreamResponse:
        """What is no HTTP is refused as all else is (PROTOCOL.md, section 12)."""
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionError("the peer is gone, or was answered in part")
        code = Code.TOO_LARGE if isinstance(exc, LineTooLong) else Code.MALFORMED
        if status != web.HTTPBadRequest.status_code:
            log.error("a request failed", extra={"fault": type(exc).__name__})
            code = Code.INTERNAL
        response = refused(Refusal(code))
        response.headers.update(HEADERS)
        response.force_close()
        return response

    # ---- the server calls these
    def heard(self, address: str) -> None:
        """A whole head has come from that address, and is being answered."""
        self._is_served = True
        self._expect_no_more()
        self._door.renamed(self, address)
        self._door.heard(self)

    def answered(self) -> None:
        """Whatever comes now is another request."""
        self._is_served = self._has_begun = False
        self._door.heard(self)

    def proved(self) -> None:
        """A seat has attached here."""
        self._door.proved(self)

    def end(self) -> None:
        """At once: somebody else needs the place."""
        if self.connecting is not None:
            self.connecting.cancel()
        if self.transport is not None:
            self.transport.abort()

    # ---- the time that a request may take
    def _expect(self) -> None:
        self._late = self._loop.call_later(REQUEST_TIMEOUT_S, self._give_up)

    def _expect_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        """Who has asked nothing is told nothing: browsers open connections to have them."""
        if self._has_begun and self.transport is not None:
            self.transport.write(last_answer(Refusal(Code.TOO_SLOW)))
        self.force_close()


def visitor_of(request: web.Request) -> Visitor:
    """Whose request it is."""
    visitor = request.protocol
    assert isinstance(visitor, Visitor)
    return visitor


async def read_body(request: web.Request, most: int) -> bytes:
    """A request's body. Raises `too-slow`, and `too-large` above `most` bytes."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S) as limit:
            latest = limit.when()
            async for part in request.content.iter_any():
                parts.append(part)
                size += len(part)
                if size > most:
                    raise Refusal(Code.TOO_LARGE)
                if latest is not None:
                    limit.reschedule(latest + size / BODY_BYTES_A_SECOND)
    except TimeoutError:
        raise Refusal(Code.TOO_SLOW) from None
    return b"".join(parts)
