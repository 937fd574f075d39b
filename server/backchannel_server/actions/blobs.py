"""do_begin_blob, do_put_part and do_delete_blob (PROTOCOL.md, section 12a).

A kill between any two leaves a blob that is not whole: its seat asks which parts stand, and goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.http_bodies import BeginBlob, DeleteBlob, ForBlob, PutPart, ReadPart
from backchannel_protocol.ids import BlobId, RoomId, SeatId
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.enforce.blobs import (
    count_missing,
    decide_begin,
    decide_delete,
    decide_part,
    decide_present,
    verify_asked,
)
from backchannel_server.refusal import Refusal
from backchannel_server.storage.blobs import (
    complete_blob,
    count_uploads,
    delete_blob,
    insert_blob,
    insert_part,
    read_blob,
    read_part,
    read_part_numbers,
    sum_blobs,
)
from backchannel_server.storage.committer import one_by_one
from backchannel_server.storage.dialects import Touched
from backchannel_server.storage.reads import read_room, read_seat
from backchannel_server.storage.rows import Room, Seat

W_co = TypeVar("W_co", bound=ForBlob, covariant=True)


@dataclass(frozen=True, slots=True)
class Request(Generic[W_co]):
    """What a seat asks for that was verified to be this seat; `now` in seconds."""

    wanted: W_co
    now: int


async def verify_seat(context: Context, record_key: bytes, wanted: ForBlob) -> None:
    """That a seat asks that is in its room. Raises Refusal."""
    async with context.engines.reader.connect() as connection:
        _, seat = await _read_present(connection, wanted, context.clock())
    verify_asked(wanted, seat, record_key, context.clock())


async def do_begin_blob(context: Context, wanted: BeginBlob) -> list[int]:
    """Begins a blob, or says of one that is begun which parts stand. Raises Refusal."""
    return await context.committer.perform(_BEGIN, Request(wanted, context.clock()))


async def do_put_part(context: Context, wanted: PutPart) -> int:
    """Writes a part; the same once more is answered alike. How many are missing. Raises Refusal."""
    return await context.committer.perform(_PUT, Request(wanted, context.clock()))


async def do_delete_blob(context: Context, wanted: DeleteBlob) -> bool:
    """Deletes a blob of the seat's own; whether there was one. Raises Refusal."""
    return await context.committer.perform(_DELETE, Request(wanted, context.clock()))


async def find_part(context: Context, wanted: ReadPart) -> bytes:
    """A part of a whole blob: it changes nothing. Raises `unknown-blob`."""
    room, id_ = RoomId(wanted.room), BlobId(wanted.blob)
    async with context.engines.reader.connect() as connection:
        blob = await read_blob(connection, room, id_)
        whole = blob is not None and blob.completed is not None
        body = await read_part(connection, room, id_, wanted.number) if whole else None
    if body is None:
        raise Refusal(Code.UNKNOWN_BLOB)
    return body


async def _read_present(connection: AsyncConnection, wanted: ForBlob, now: int) -> tuple[Room, Seat]:
    room = await read_room(connection, RoomId(wanted.room))
    seat = await read_seat(connection, RoomId(wanted.room), SeatId(wanted.seat))
    return decide_present(room, seat, now)


async def _begin(connection: AsyncConnection, request: Request[BeginBlob]) -> list[int]:
    room, seat = await _read_present(connection, request.wanted, request.now)
    known = await read_blob(connection, room.id, BlobId(request.wanted.blob))
    taken = await sum_blobs(connection, room.id)
    uploads = await count_uploads(connection, room.id, seat.id)
    new = decide_begin(room, known, request.wanted, taken, uploads, request.now)
    if new is None:
        return await read_part_numbers(connection, room.id, BlobId(request.wanted.blob))
    await insert_blob(connection, new)
    return []


async def _put(connection: AsyncConnection, request: Request[PutPart]) -> int:
    wanted = request.wanted
    room, _ = await _read_present(connection, wanted, request.now)
    id_ = BlobId(wanted.blob)
    known = await read_blob(connection, room.id, id_)
    stood = await read_part(connection, room.id, id_, wanted.number)
    is_new = decide_part(known, stood, wanted)
    assert known is not None
    if is_new:
        await insert_part(connection, room.id, id_, wanted.number, wanted.body)
    missing = count_missing(known, await read_part_numbers(connection, room.id, id_))
    if is_new and not missing:
        await complete_blob(connection, room.id, id_, request.now)
    return missing


async def _delete(connection: AsyncConnection, request: Request[DeleteBlob]) -> bool:
    room, seat = await _read_present(connection, request.wanted, request.now)
    id_ = BlobId(request.wanted.blob)
    existed = decide_delete(await read_blob(connection, room.id, id_), seat)
    if existed:
        await delete_blob(connection, room.id, id_)
    return existed


def _touches_room(request: Request[ForBlob]) -> Touched:
    return Touched(frozenset({RoomId(request.wanted.room)}))


_BEGIN: Final = one_by_one(_begin, _touches_room)
_PUT: Final = one_by_one(_put, _touches_room)
_DELETE: Final = one_by_one(_delete, _touches_room)
