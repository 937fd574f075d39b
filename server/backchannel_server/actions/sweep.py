"""do_sweep: retention (PROTOCOL.md, section 3). Bodies of chat go, their hashes and governance stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_server.actions.context import Context
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import Room
from backchannel_server.storage.tables import events, invitations, rooms, seats, unpurged_chat
from backchannel_server.storage.writes import delete_mailboxes

MAIL_GRACE_S: Final = 7 * 24 * 3600
"""How long an invitation that ended keeps its mail: an invitee may come back for the answer."""


async def do_sweep(context: Context) -> int:
    """Purges what is due. How many bodies went. Raises Refusal."""
    purged = await context.committer.perform(_perform, context.clock())
    context.metrics.purged.inc(purged)
    return purged


async def _perform(connection: AsyncConnection, requests: Sequence[int]) -> Sequence[int | Refusal]:
    answers: list[int | Refusal] = []
    for now in requests:
        statement = select(rooms).where(or_(rooms.c.retention_s > 0, rooms.c.after_reading))
        due = [Room(**row) for row in (await connection.execute(statement)).mappings()]
        answers.append(sum([await _purge(connection, room, now) for room in due]))
        await _delete_ended(connection, now)
    return answers


async def _purge(connection: AsyncConnection, room: Room, now: int) -> int:
    """By age; where the room says so, as soon as every seat that is present has it."""
    conditions = []
    if room.retention_s:
        conditions.append(events.c.time <= now - room.retention_s)
    if room.after_reading:
        conditions.append(events.c.seq <= await _read_by_all(connection, room))
    statement = (
        update(events).where(events.c.room == room.id, unpurged_chat, or_(*conditions)).values(body=None)
    )
    return (await connection.execute(statement)).rowcount


async def _read_by_all(connection: AsyncConnection, room: Room) -> int:
    """The last event that every seat in the room has; what is before a seat's floor is not for it."""
    before_floor = seats.c.floor - 1
    has = case((seats.c.cursor > before_floor, seats.c.cursor), else_=before_floor)
    statement = select(func.min(has)).where(seats.c.room == room.id, seats.c.removed_seq.is_(None))
    return (await connection.execute(statement)).scalar_one() or 0


async def _delete_ended(connection: AsyncConnection, now: int) -> None:
    statement = select(invitations.c.mailbox).where(
        or_(invitations.c.expires < now - MAIL_GRACE_S, invitations.c.closed_time < now - MAIL_GRACE_S)
    )
    ended = (await connection.execute(statement)).scalars().all()
    if ended:
        await delete_mailboxes(connection, ended)
