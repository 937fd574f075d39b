"""Reading what a Submit with operations may look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.ids import EventId, MailboxId, RoomId, SeatId
from backchannel_protocol.operations import (
    InvitationClose,
    InvitationOpen,
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    VoidCommit,
    parse_operation,
)
from backchannel_server.enforce.world import CommitToVoid, World
from backchannel_server.storage.reads import (
    count_open_mailboxes,
    read_controls,
    read_known,
    read_mailboxes,
    read_opening,
    read_others_wrote,
    read_room,
    read_room_seats,
    read_submitted,
)

_CREATORS_BIT: Final = True
"""The only seat that no SeatAdd made may facilitate."""


async def read_world(
    connection: AsyncConnection, room: RoomId, drafts: Sequence[Draft], now: int
) -> World | None:
    """None where there is no such room. What cannot be read is refused later, by the decision."""
    found = await read_room(connection, room)
    if found is None:
        return None
    operations = [operation for draft in drafts if (operation := _operation_of(draft)) is not None]
    named = {
        MailboxId(operation.mailbox)
        for operation in operations
        if isinstance(operation, InvitationOpen | InvitationClose)
    }
    voided = [EventId(operation.commit) for operation in operations if isinstance(operation, VoidCommit)]
    return World(
        found,
        await read_room_seats(connection, room),
        await read_mailboxes(connection, named) if named else {},
        await count_open_mailboxes(connection, room, now) if named else 0,
        await _read_voidable(connection, room, voided[0]) if voided else None,
    )


async def _read_voidable(connection: AsyncConnection, room: RoomId, id_: EventId) -> CommitToVoid | None:
    """The commit of this id, and what its Submit did."""
    together = await read_submitted(connection, room, id_)
    commit = next((event for event in together if event.id == id_ and event.kind is EventKind.COMMIT), None)
    if commit is None:
        return None
    operations = [operation for event in together if (operation := _operation_of(event)) is not None]
    changed = {SeatId(operation.seat) for operation in operations if isinstance(operation, SeatSet)}
    author = SeatId(commit.seat)
    return CommitToVoid(
        id_,
        commit.seq,
        author,
        commit.epoch,
        await read_opening(connection, room, commit.epoch, commit.seq),
        await read_others_wrote(connection, room, epoch=commit.epoch + 1, after=commit.seq, author=author),
        frozenset(SeatId(operation.seat) for operation in operations if isinstance(operation, SeatAdd)),
        frozenset(SeatId(operation.seat) for operation in operations if isinstance(operation, SeatRemove)),
        await _read_bits(connection, room, together[0].seq, changed) if changed else {},
    )


async def _read_bits(
    connection: AsyncConnection, room: RoomId, before: int, seats: set[SeatId]
) -> dict[SeatId, bool]:
    """Which of these seats might facilitate before an event: the log says it, but for what was voided."""
    told = [
        (first, operation)
        for first, event in await read_controls(connection, room, before)
        if (operation := _operation_of(event)) is not None
    ]
    voided = {(room, EventId(one.commit)) for _, one in told if isinstance(one, VoidCommit)}
    undone = {known.first for known in (await read_known(connection, voided)).values()} if voided else set()
    bits = dict.fromkeys(seats, _CREATORS_BIT)
    for first, operation in told:
        if isinstance(operation, SeatAdd | SeatSet) and first not in undone and operation.seat in bits:
            bits[SeatId(operation.seat)] = operation.may_facilitate
    return bits


def _operation_of(event: Draft | LogEvent) -> Operation | None:
    if event.kind is not EventKind.CONTROL or event.body is None:
        return None
    try:
        return parse_operation(event.body)
    except RemoteProtocolError:
        return None
