"""do_sweep: retention (PROTOCOL.md, section 3).

Bodies of chat go, their hashes and governance stay; of a closed room in the end nothing stays.
Each step is a request of its own to the committer and takes a batch, so that no room waits long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import case, delete, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.ids import BlobId, RoomId
from backchannel_protocol.limits import CLOSED_CHAT_S
from backchannel_server.actions.context import Context
from backchannel_server.refusal import Refusal
from backchannel_server.storage.blobs import delete_blob, read_due_blobs, read_some_blob
from backchannel_server.storage.committer import Performer
from backchannel_server.storage.dialects import Touched
from backchannel_server.storage.reads import read_room
from backchannel_server.storage.rows import Room
from backchannel_server.storage.tables import events, invitations, rooms, seats, tokens, unpurged_chat
from backchannel_server.storage.writes import delete_mailboxes

GRACE_S: Final = 7 * 24 * 3600
"""How long an invitation or a token that ended is kept: who comes late is told that it ended."""

BATCH: Final = 500
"""How many events one transaction purges or deletes."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How many bodies, attachments and rooms went."""

    bodies: int
    rooms: int
    blobs: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """A room that something may be due in; `now` in seconds."""

    room: RoomId
    now: int


@dataclass(frozen=True, slots=True)
class DueBlob:
    """A blob that may be due."""

    room: RoomId
    blob: BlobId


async def do_sweep(context: Context) -> Swept:
    """Purges and deletes what is due. Raises Refusal."""
    now = context.clock()
    await context.committer.perform(_ENDED, now)
    bodies = deleted = 0
    blobs = await _sweep_blobs(context, now)
    for room in await context.committer.perform(_CANDIDATES, now):
        due = Due(room.id, now)
        if room.is_over(now):
            context.feeds.end(room.id)
            while await context.committer.perform(_DELETION, due):
                pass
            deleted += 1
            continue
        while taken := await context.committer.perform(_PURGE, due):
            bodies += taken
    context.metrics.purged.inc(bodies)
    return Swept(bodies, deleted, blobs)


async def _sweep_blobs(context: Context, now: int) -> int:
    """One in a transaction: it may be large. Once due, a blob is due for ever, but for a longer retention."""
    taken = 0
    while due := await context.committer.perform(_DUE_BLOBS, now):
        for one in due:
            await context.committer.perform(_BLOB_DELETION, one)
        taken += len(due)
    return taken


async def _read_candidates(
    connection: AsyncConnection, requests: Sequence[int]
) -> Sequence[list[Room] | Refusal]:
    """The rooms that anything may ever be due in."""
    statement = select(rooms).where(
        or_(rooms.c.retention_s > 0, rooms.c.after_reading, rooms.c.closed_seq.is_not(None))
    )
    found = [Room(**row) for row in (await connection.execute(statement)).mappings()]
    return [found for _ in requests]


# ---- chat
async def _purge(connection: AsyncConnection, requests: Sequence[Due]) -> Sequence[int | Refusal]:
    """How many bodies went, by what the room's numbers are now."""
    answers: list[int | Refusal] = []
    for due in requests:
        room = await read_room(connection, due.room)
        answers.append(0 if room is None else await _purge_room(connection, room, due.now))
    return answers


async def _purge_room(connection: AsyncConnection, room: Room, now: int) -> int:
    """By age; where the room says so or is closed, as soon as every seat that is present has it."""
    conditions = []
    if room.retention_s:
        conditions.append(events.c.time <= now - room.retention_s)
    if room.after_reading or room.closed_time is not None:
        conditions.append(events.c.seq <= await _read_by_all(connection, room))
    if room.closed_time is not None and room.closed_time + CLOSED_CHAT_S <= now:
        conditions.append(true())
    if not conditions:
        return 0
    batch = select(events.c.seq).where(events.c.room == room.id, unpurged_chat, or_(*conditions)).limit(BATCH)
    statement = update(events).where(events.c.room == room.id, events.c.seq.in_(batch)).values(body=None)
    return (await connection.execute(statement)).rowcount


async def _read_by_all(connection: AsyncConnection, room: Room) -> int:
    """The last event that every seat in the room has; what is before a seat's floor is not for it."""
    before_floor = seats.c.floor - 1
    has = case((seats.c.cursor > before_floor, seats.c.cursor), else_=before_floor)
    statement = select(func.min(has)).where(seats.c.room == room.id, seats.c.removed_seq.is_(None))
    return (await connection.execute(statement)).scalar_one() or 0


# ---- attachments
async def _read_blobs(
    connection: AsyncConnection, requests: Sequence[int]
) -> Sequence[list[DueBlob] | Refusal]:
    return [[DueBlob(*due) for due in await read_due_blobs(connection, now)] for now in requests]


async def _delete_blobs(connection: AsyncConnection, requests: Sequence[DueBlob]) -> Sequence[Refusal | None]:
    for due in requests:
        await delete_blob(connection, due.room, due.blob)
    return [None for _ in requests]


# ---- what ended
async def _delete_room(connection: AsyncConnection, requests: Sequence[Due]) -> Sequence[bool | Refusal]:
    """Whether there is more to delete. Nobody sees a half: who asks is told `unknown-room` by the time."""
    answers: list[bool | Refusal] = []
    for due in requests:
        room = await read_room(connection, due.room)
        over = room is not None and room.is_over(due.now)
        answers.append(over and await _delete_batch(connection, due.room))
    return answers


async def _delete_batch(connection: AsyncConnection, room: RoomId) -> bool:
    """An attachment, the log's end, then what they refer to."""
    blob = await read_some_blob(connection, room)
    if blob is not None:
        await delete_blob(connection, room, blob)
        return True
    batch = select(events.c.seq).where(events.c.room == room).order_by(events.c.seq.desc()).limit(BATCH)
    gone = await connection.execute(delete(events).where(events.c.room == room, events.c.seq.in_(batch)))
    if gone.rowcount:
        return True
    boxes = select(invitations.c.mailbox).where(invitations.c.room == room)
    await delete_mailboxes(connection, (await connection.execute(boxes)).scalars().all())
    await connection.execute(delete(seats).where(seats.c.room == room))
    await connection.execute(delete(rooms).where(rooms.c.id == room))
    return False


async def _delete_ended(connection: AsyncConnection, requests: Sequence[int]) -> Sequence[Refusal | None]:
    """Invitations with their mail, and tokens, that ended a while ago."""
    for now in requests:
        before = now - GRACE_S
        statement = select(invitations.c.mailbox).where(
            or_(invitations.c.expires < before, invitations.c.closed_time < before)
        )
        ended = (await connection.execute(statement)).scalars().all()
        if ended:
            await delete_mailboxes(connection, ended)
        await connection.execute(delete(tokens).where(tokens.c.expires < before))
    return [None for _ in requests]


def _touches_room(due: Due) -> Touched:
    return Touched(frozenset({due.room}))


_DUE_BLOBS: Final = Performer(_read_blobs)
_BLOB_DELETION: Final = Performer(_delete_blobs, lambda due: Touched(frozenset({due.room})))
_CANDIDATES: Final = Performer(_read_candidates)
_PURGE: Final = Performer(_purge, _touches_room)
_DELETION: Final = Performer(_delete_room, _touches_room)
_ENDED: Final = Performer(_delete_ended, lambda _: Touched(tokens=True))
