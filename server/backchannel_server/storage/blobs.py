"""Attachments in the database. What writes is called by performers alone, in the committer's transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.ids import BlobId, RoomId, SeatId
from backchannel_protocol.limits import AFTER_READING_BLOB_S, CLOSED_CHAT_S, UPLOAD_S
from backchannel_server.storage.rows import Blob
from backchannel_server.storage.tables import blob_parts, blobs, rooms

DUE_BATCH: Final = 1_000
"""How many blobs are looked for at once that may go."""


# ---- reading
async def read_blob(connection: AsyncConnection, room: RoomId, blob: BlobId) -> Blob | None:
    """A blob of a room: another room's is none."""
    statement = select(blobs).where(blobs.c.room == room, blobs.c.id == blob)
    row = (await connection.execute(statement)).mappings().first()
    return None if row is None else Blob(**row)


async def read_part_numbers(connection: AsyncConnection, room: RoomId, blob: BlobId) -> list[int]:
    """Which parts stand, in order."""
    statement = (
        select(blob_parts.c.number)
        .where(blob_parts.c.room == room, blob_parts.c.blob == blob)
        .order_by(blob_parts.c.number)
    )
    return list((await connection.execute(statement)).scalars())


async def read_part(connection: AsyncConnection, room: RoomId, blob: BlobId, number: int) -> bytes | None:
    """The ciphertext of a part."""
    statement = select(blob_parts.c.body).where(
        blob_parts.c.room == room, blob_parts.c.blob == blob, blob_parts.c.number == number
    )
    return (await connection.execute(statement)).scalar_one_or_none()


async def sum_blobs(connection: AsyncConnection, room: RoomId) -> int:
    """How many bytes the blobs of a room have, or will have when they are whole."""
    statement = select(func.coalesce(func.sum(blobs.c.size), 0)).where(blobs.c.room == room)
    return int((await connection.execute(statement)).scalar_one())


async def count_uploads(connection: AsyncConnection, room: RoomId, seat: SeatId) -> int:
    """How many blobs of a seat are begun and not whole."""
    statement = select(func.count()).where(
        blobs.c.room == room, blobs.c.seat == seat, blobs.c.completed.is_(None)
    )
    return int((await connection.execute(statement)).scalar_one())


async def read_due_blobs(connection: AsyncConnection, now: int) -> list[tuple[RoomId, BlobId]]:
    """Those whose time is over (PROTOCOL.md, section 12a), some of them where there are many."""
    whole = blobs.c.completed.is_not(None)
    statement = (
        select(blobs.c.room, blobs.c.id)
        .join(rooms)
        .where(
            or_(
                and_(blobs.c.completed.is_(None), blobs.c.begun <= now - UPLOAD_S),
                and_(whole, rooms.c.retention_s > 0, blobs.c.completed <= now - rooms.c.retention_s),
                and_(whole, rooms.c.after_reading, blobs.c.completed <= now - AFTER_READING_BLOB_S),
                rooms.c.closed_time <= now - CLOSED_CHAT_S,
            )
        )
        .limit(DUE_BATCH)
    )
    return [(RoomId(room), BlobId(blob)) for room, blob in await connection.execute(statement)]


async def read_some_blob(connection: AsyncConnection, room: RoomId) -> BlobId | None:
    """One blob of a room, None where it has none."""
    found = (await connection.execute(select(blobs.c.id).where(blobs.c.room == room).limit(1))).scalar()
    return None if found is None else BlobId(found)


# ---- writing
async def insert_blob(connection: AsyncConnection, blob: Blob) -> None:
    """A new blob."""
    await connection.execute(insert(blobs), asdict(blob))


async def insert_part(
    connection: AsyncConnection, room: RoomId, blob: BlobId, number: int, body: bytes
) -> None:
    """A new part."""
    row = {"room": room, "blob": blob, "number": number, "body": body}
    await connection.execute(insert(blob_parts), row)


async def complete_blob(connection: AsyncConnection, room: RoomId, blob: BlobId, now: int) -> None:
    """All parts stand."""
    statement = update(blobs).where(blobs.c.room == room, blobs.c.id == blob).values(completed=now)
    await connection.execute(statement)


async def delete_blob(connection: AsyncConnection, room: RoomId, blob: BlobId) -> None:
    """A blob and its parts go; nothing, where there is none."""
    await connection.execute(delete(blob_parts).where(blob_parts.c.room == room, blob_parts.c.blob == blob))
    await connection.execute(delete(blobs).where(blobs.c.room == room, blobs.c.id == blob))
