"""Reading: rows as values, by the connection of whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import Placed
from backchannel_protocol.ids import EventId, MailboxId, RoomId, SeatId
from backchannel_protocol.limits import MAX_DRAFTS, MAX_EVENTS_A_FRAME, MAX_EVENTS_FRAME_BYTES
from backchannel_server.storage.rows import Known, Letter, Mailbox, Room, Seat
from backchannel_server.storage.tables import events, invitations, mail, rooms, seats

T = TypeVar("T")
_LOG_EVENT: Final = (
    events.c.seq,
    events.c.time,
    events.c.seat,
    events.c.kind,
    events.c.id,
    events.c.epoch,
    events.c.body,
    events.c.leaf,
    events.c.body_hash,
)


def _among(name: str) -> BindParameter[Any]:
    """A list that is given when the statement is used."""
    return bindparam(name, expanding=True)


# of every transaction that writes, so they are built once: building takes longer than SQLite does
_ROOMS: Final = select(rooms).where(rooms.c.id.in_(_among("ids")))
_SEATS: Final = select(seats).where(seats.c.room.in_(_among("rooms")), seats.c.id.in_(_among("ids")))
_KNOWN: Final = select(*(events.c[name] for name in Known.__dataclass_fields__)).where(
    events.c.id.in_(_among("ids"))
)


async def read_rooms(connection: AsyncConnection, ids: Collection[RoomId]) -> dict[RoomId, Room]:
    """The rooms of these ids that exist."""
    found = await _all(connection, _ROOMS, Room, {"ids": list(ids)})
    return {room.id: room for room in found}


async def read_room(connection: AsyncConnection, room: RoomId) -> Room | None:
    """One room."""
    return (await read_rooms(connection, [room])).get(room)


async def read_seats(
    connection: AsyncConnection, pairs: Collection[tuple[RoomId, SeatId]]
) -> dict[tuple[RoomId, SeatId], Seat]:
    """These seats, by room and id."""
    among = {"rooms": list({room for room, _ in pairs}), "ids": list({seat for _, seat in pairs})}
    return {(seat.room, seat.id): seat for seat in await _all(connection, _SEATS, Seat, among)}


async def read_seat(connection: AsyncConnection, room: RoomId, seat: SeatId) -> Seat | None:
    """One seat."""
    return (await read_seats(connection, [(room, seat)])).get((room, seat))


async def read_room_seats(connection: AsyncConnection, room: RoomId) -> dict[SeatId, Seat]:
    """All seats that a room ever had."""
    found = await _all(connection, select(seats).where(seats.c.room == room), Seat)
    return {seat.id: seat for seat in found}


async def read_known(
    connection: AsyncConnection, ids: Collection[tuple[RoomId, EventId]]
) -> dict[tuple[RoomId, EventId], Known]:
    """Which of these ids exist in their rooms."""
    found = await _all(connection, _KNOWN, Known, {"ids": list({id_ for _, id_ in ids})})
    return {(known.room, known.id): known for known in found if (known.room, known.id) in ids}


async def read_placed(connection: AsyncConnection, room: RoomId, first: int) -> tuple[Placed, ...]:
    """Where the drafts of one Submit stand: the Ack that its sender got."""
    statement = (
        select(events.c.id, events.c.seq, events.c.time).where(*_together(room, first)).order_by(events.c.seq)
    )
    return tuple([Placed(*row) for row in await connection.execute(statement)])


async def read_events(connection: AsyncConnection, room: RoomId, first: int) -> list[LogEvent]:
    """The next events from `first` on, as many as one frame takes; none where there are none yet."""
    sizes = (
        select(events.c.seq, func.coalesce(func.length(events.c.body), 0))
        .where(events.c.room == room, events.c.seq >= first)
        .order_by(events.c.seq)
        .limit(MAX_EVENTS_A_FRAME)
    )
    last, gathered = first - 1, 0
    for seq, size in await connection.execute(sizes):
        gathered += size
        if last >= first and gathered > MAX_EVENTS_FRAME_BYTES:
            break
        last = seq
    statement = (
        select(*_LOG_EVENT)
        .where(events.c.room == room, events.c.seq >= first, events.c.seq <= last)
        .order_by(events.c.seq)
    )
    return [log_event(row) for row in await connection.execute(statement)]


async def read_commit_behind(connection: AsyncConnection, room: RoomId, seq: int) -> LogEvent | None:
    """The first commit that does not stand before a seq: an operation on seats goes with it."""
    statement = (
        select(*_LOG_EVENT)
        .where(events.c.room == room, events.c.kind == EventKind.COMMIT, events.c.seq >= seq)
        .order_by(events.c.seq)
        .limit(1)
    )
    row = (await connection.execute(statement)).first()
    return None if row is None else log_event(row)


async def read_submitted(connection: AsyncConnection, room: RoomId, id_: EventId) -> list[LogEvent]:
    """The events that were sent together with the event `id_`, itself among them."""
    known = (await read_known(connection, {(room, id_)})).get((room, id_))
    if known is None:
        return []
    statement = select(*_LOG_EVENT).where(*_together(room, known.first)).order_by(events.c.seq)
    return [log_event(row) for row in await connection.execute(statement)]


async def read_controls(
    connection: AsyncConnection, room: RoomId, *, epoch: int, after: int
) -> list[LogEvent]:
    """The operations in clear that were sent in an epoch after an event, in order."""
    statement = (
        select(*_LOG_EVENT)
        .where(
            events.c.room == room,
            events.c.kind == EventKind.CONTROL,
            events.c.epoch == epoch,
            events.c.seq > after,
        )
        .order_by(events.c.seq)
    )
    return [log_event(row) for row in await connection.execute(statement)]


async def read_opening(connection: AsyncConnection, room: RoomId, epoch: int, before: int) -> EventId:
    """The id of the commit that opened an epoch, as it stood before an event; the room's id for epoch 0."""
    statement = (
        select(events.c.id)
        .where(
            events.c.room == room,
            events.c.kind == EventKind.COMMIT,
            events.c.epoch == epoch - 1,
            events.c.seq < before,
        )
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    found = (await connection.execute(statement)).scalar_one_or_none()
    return EventId(room if found is None else found)


async def read_wrote(
    connection: AsyncConnection, room: RoomId, *, epoch: int, after: int
) -> list[tuple[EventKind, SeatId]]:
    """Who wrote anything but operations in an epoch after an event, and of which kind."""
    statement = (
        select(events.c.kind, events.c.seat)
        .where(
            events.c.room == room,
            events.c.kind != EventKind.CONTROL,
            events.c.epoch == epoch,
            events.c.seq > after,
        )
        .distinct()
    )
    return [(EventKind(kind), SeatId(seat)) for kind, seat in await connection.execute(statement)]


async def read_mailboxes(connection: AsyncConnection, ids: Collection[MailboxId]) -> dict[MailboxId, Mailbox]:
    """The mailboxes of these ids that exist."""
    statement = select(invitations).where(invitations.c.mailbox.in_(ids))
    return {mailbox.mailbox: mailbox for mailbox in await _all(connection, statement, Mailbox)}


async def count_open_mailboxes(connection: AsyncConnection, room: RoomId, now: int) -> int:
    """How many invitations of a room work."""
    statement = (
        select(func.count())
        .select_from(invitations)
        .where(
            invitations.c.room == room,
            invitations.c.closed_time.is_(None),
            invitations.c.expires > now,
        )
    )
    return (await connection.execute(statement)).scalar_one()


async def read_letters(connection: AsyncConnection, mailbox: MailboxId) -> list[Letter]:
    """A mailbox's conversation, in order."""
    statement = select(mail).where(mail.c.mailbox == mailbox).order_by(mail.c.number)
    return await _all(connection, statement, Letter)


async def read_facilitators(connection: AsyncConnection, room: RoomId) -> frozenset[SeatId]:
    """The seats that may facilitate a room now."""
    statement = select(seats.c.id).where(
        seats.c.room == room, seats.c.may_facilitate, seats.c.removed_seq.is_(None)
    )
    return frozenset((await connection.execute(statement)).scalars())


async def read_letter_names(
    connection: AsyncConnection, ids: Collection[RoomId], now: int
) -> list[tuple[RoomId, tuple[MailboxId, int]]]:
    """Which letters `read_room_letters` would find in these rooms."""
    statement = (
        select(invitations.c.room, mail.c.mailbox, mail.c.number)
        .join_from(mail, invitations)
        .where(invitations.c.room.in_(ids), invitations.c.closed_time.is_(None), invitations.c.expires > now)
    )
    return [(room, (mailbox, number)) for room, mailbox, number in await connection.execute(statement)]


async def read_room_letters(connection: AsyncConnection, room: RoomId, now: int) -> list[Letter]:
    """The conversations of a room's invitations that still work, in order."""
    statement = (
        select(mail)
        .join(invitations)
        .where(
            invitations.c.room == room,
            invitations.c.closed_time.is_(None),
            invitations.c.expires > now,
        )
        .order_by(mail.c.mailbox, mail.c.number)
    )
    return await _all(connection, statement, Letter)


def _together(room: RoomId, first: int) -> tuple[ColumnElement[bool], ...]:
    """The events of one Submit, which stand next to each other."""
    return (
        events.c.room == room,
        events.c.seq.between(first, first + MAX_DRAFTS - 1),
        events.c.first == first,
    )


def log_event(row: Sequence[Any]) -> LogEvent:
    """An event as it travels: with its body, or where that was purged with its hash."""
    seq, time, seat, kind, id_, epoch, body, leaf, body_hash = row
    gone = None if body is not None else body_hash
    return LogEvent(seq, time, seat, EventKind(kind), id_, epoch, body, leaf, gone)


async def _all(
    connection: AsyncConnection,
    statement: Select[Any],
    kind: type[T],
    parameters: Mapping[str, object] | None = None,
) -> list[T]:
    found: Sequence[Mapping[Any, Any]] = (await connection.execute(statement, parameters)).mappings().all()
    return [kind(**row) for row in found]
