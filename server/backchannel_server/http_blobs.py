"""The HTTP edge of attachments (PROTOCOL.md, section 12a).

What is read or written at once is bounded for the process and for each address, since a part in memory
is 256 KiB; what a seat writes or reads in the long run is bounded by rates. Both are kept in memory alone.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from aiohttp import web

from backchannel_protocol.http_bodies import (
    MEDIA_TYPE,
    BeginBlob,
    BlobBegun,
    BlobDeleted,
    DeleteBlob,
    ForBlob,
    PartPut,
    PartRead,
    PutPart,
    ReadPart,
    encode_body,
    parse_body,
)
from backchannel_protocol.limits import MAX_PART_BYTES
from backchannel_protocol.refusals import Code
from backchannel_server.actions.blobs import (
    do_begin_blob,
    do_delete_blob,
    do_put_part,
    find_part,
    verify_seat,
)
from backchannel_server.addresses import Addresses
from backchannel_server.enforce.rates import Rates
from backchannel_server.refusal import Refusal
from backchannel_server.session import Reception
from backchannel_server.visitor import BODY_BYTES_A_SECOND, REQUEST_TIMEOUT_S, read_body

PARTS_AT_ONCE: Final = 32
"""How many parts may be on their way in, and as many out, in the whole process."""

PARTS_OF_AN_ADDRESS: Final = 8
"""How many of them those of one address may be."""

AT_ONCE_PAUSE_S: Final = 2
"""When to try again what was one too many at once."""

DAY_BYTES: Final = 256 << 20
"""How much a seat may write in a day: all at once after a rest, and then as time goes by."""

READ_BYTES: Final = 256 << 20
READ_BYTES_A_SECOND: Final = 2 << 20
"""How much a seat may read at once after a rest, and then on average."""

_ABOUT_BYTES: Final = 512
"""What stands beside a part in a request, at the most."""

W = TypeVar("W", bound=ForBlob)


class Slots:
    """How many parts are on their way, in all and by address."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """A slot inside the block. Raises `too-fast` where there is none."""
        if self._taken.total() >= PARTS_AT_ONCE or self._taken[address] >= PARTS_OF_AN_ADDRESS:
            raise Refusal(Code.TOO_FAST, retry_after_s=AT_ONCE_PAUSE_S)
        self._taken[address] += 1
        try:
            yield
        finally:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]


class HttpBlobs:
    """The routes below /v1/blobs."""

    def __init__(self, reception: Reception, addresses: Addresses) -> None:
        self._blob_context = reception.context
        self._record_key = reception.key.public
        self._visitors = addresses
        self._coming, self._going = Slots(), Slots()
        self._written: Rates[tuple[bytes, bytes]] = Rates(DAY_BYTES / (24 * 3600), DAY_BYTES)
        self._read: Rates[tuple[bytes, bytes]] = Rates(READ_BYTES_A_SECOND, READ_BYTES)

    async def begin_blob(self, request: web.Request) -> web.Response:
        """POST /v1/blobs/begin: a blob's beginning, or how it stands."""
        wanted = await self._asked(request, BeginBlob)
        return _packed(encode_body(BlobBegun(await do_begin_blob(self._blob_context, wanted))))

    async def put_part(self, request: web.Request) -> web.Response:
        """POST /v1/blobs/part: one part."""
        with self._coming.one(self._visitors.key(request)):
            wanted = await self._asked(request, PutPart)
            _take(self._written, wanted, len(wanted.body))
            return _packed(encode_body(PartPut(await do_put_part(self._blob_context, wanted))))

    async def read_part(self, request: web.Request) -> web.Response:
        """POST /v1/blobs/read: one part of a whole blob. The slot is held until it is sent."""
        wanted = await self._asked(request, ReadPart)
        with self._going.one(self._visitors.key(request)):
            _take(self._read, wanted, MAX_PART_BYTES)
            body = await find_part(self._blob_context, wanted)
            return await _sent(request, _packed(encode_body(PartRead(body))), len(body))

    async def delete_blob(self, request: web.Request) -> web.Response:
        """POST /v1/blobs/delete: a blob of the own seat."""
        wanted = await self._asked(request, DeleteBlob)
        return _packed(encode_body(BlobDeleted(await do_delete_blob(self._blob_context, wanted))))

    async def _asked(self, request: web.Request, kind: type[W]) -> W:
        """What a seat that is in its room asks for. Raises Refusal."""
        most = _ABOUT_BYTES + (MAX_PART_BYTES if kind is PutPart else 0)
        wanted = parse_body(await read_body(request, most), kind)
        await verify_seat(self._blob_context, self._record_key, wanted)
        return wanted


def _take(rates: Rates[tuple[bytes, bytes]], wanted: ForBlob, size: int) -> None:
    wait = rates.take((wanted.room, wanted.seat), size, time.monotonic())
    if wait:
        raise Refusal(Code.TOO_FAST, retry_after_s=math.ceil(wait))


def _packed(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=MEDIA_TYPE)


async def _sent(request: web.Request, response: web.Response, size: int) -> web.Response:
    """Sends an answer; whoever takes it slower than a request may come loses the connection."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S + size / BODY_BYTES_A_SECOND):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionError("the answer was not taken") from None
    return response
