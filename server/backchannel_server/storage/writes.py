"""Writing: called by performers alone, inside the committer's transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import Table, Update, bindparam, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import MailboxId, RoomId
from backchannel_server.storage.rows import Letter, Mailbox, Room, Seat
from backchannel_server.storage.tables import events, invitations, mail, rooms, seats


def _update(table: Table, kind: type[Room | Seat | Mailbox]) -> Update:
    """UPDATE of a whole row by its primary key; parameters are named after the columns with `b_`."""
    keys = {column.name for column in table.primary_key}
    return (
        update(table)
        .where(*(table.c[name] == bindparam(f"b_{name}") for name in sorted(keys)))
        .values(
            {field.name: bindparam(f"b_{field.name}") for field in fields(kind) if field.name not in keys}
        )
    )


_UPDATE_ROOM: Final = _update(rooms, Room)
_UPDATE_SEAT: Final = _update(seats, Seat)
_UPDATE_MAILBOX: Final = _update(invitations, Mailbox)


async def insert_rooms(connection: AsyncConnection, rows: Collection[Room]) -> None:
    """New rooms."""
    await _insert(connection, rooms, [asdict(row) for row in rows])


async def insert_seats(connection: AsyncConnection, rows: Collection[Seat]) -> None:
    """New seats."""
    await _insert(connection, seats, [asdict(row) for row in rows])


async def insert_mailboxes(connection: AsyncConnection, rows: Collection[Mailbox]) -> None:
    """New invitations."""
    await _insert(connection, invitations, [asdict(row) for row in rows])


async def insert_letters(connection: AsyncConnection, rows: Collection[Letter]) -> None:
    """New mail."""
    await _insert(connection, mail, [asdict(row) for row in rows])


async def insert_events(connection: AsyncConnection, rows: Sequence[tuple[RoomId, int, LogEvent]]) -> None:
    """New events: (room, seq of the first event of the same Submit, event)."""
    await _insert(
        connection,
        events,
        [
            {
                "room": room,
                "first": first,
                "seq": event.seq,
                "time": event.time,
                "seat": event.seat,
                "kind": int(event.kind),
                "id": event.id,
                "epoch": event.epoch,
                "body": event.body,
                "body_hash": event.hash_of_body(),
                "leaf": event.leaf,
            }
            for room, first, event in rows
        ],
    )


async def save_rooms(connection: AsyncConnection, rows: Collection[Room]) -> None:
    """Rooms as they are now."""
    await _save(connection, _UPDATE_ROOM, rows)


async def save_seats(connection: AsyncConnection, rows: Collection[Seat]) -> None:
    """Seats as they are now."""
    await _save(connection, _UPDATE_SEAT, rows)


async def save_mailboxes(connection: AsyncConnection, rows: Collection[Mailbox]) -> None:
    """Invitations as they are now."""
    await _save(connection, _UPDATE_MAILBOX, rows)


async def delete_mailboxes(connection: AsyncConnection, ids: Collection[MailboxId]) -> None:
    """Invitations and their mail go."""
    await connection.execute(delete(mail).where(mail.c.mailbox.in_(ids)))
    await connection.execute(delete(invitations).where(invitations.c.mailbox.in_(ids)))


async def _insert(connection: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await connection.execute(insert(table), rows)


async def _save(
    connection: AsyncConnection,
    statement: Update,
    rows: Collection[Room | Seat | Mailbox],
) -> None:
    if rows:
        names = [field.name for field in fields(next(iter(rows)))]
        await connection.execute(
            statement, [{f"b_{name}": getattr(row, name) for name in names} for row in rows]
        )
