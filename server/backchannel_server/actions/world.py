"""Reading what a Submit with operations or a commit may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.ids import MailboxId, RoomId
from backchannel_protocol.operations import (
    InvitationClose,
    InvitationOpen,
    Operation,
    SeatAdd,
    SeatRemove,
    VoidCommit,
    parse_operation,
)
from backchannel_protocol.room.void import Opening, is_use
from backchannel_server.enforce.world import Opened, World
from backchannel_server.storage.reads import (
    count_open_mailboxes,
    read_controls,
    read_mailboxes,
    read_opening,
    read_room,
    read_room_seats,
    read_submitted,
    read_wrote,
)
from backchannel_server.storage.rows import Room


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
    judged = any(draft.kind is EventKind.COMMIT for draft in drafts) or any(
        isinstance(operation, VoidCommit) for operation in operations
    )
    return World(
        found,
        await read_room_seats(connection, room),
        await read_mailboxes(connection, named) if named else {},
        await count_open_mailboxes(connection, room, now) if named else 0,
        await _read_opened(connection, found) if judged else None,
    )


async def _read_opened(connection: AsyncConnection, room: Room) -> Opened | None:
    """The commit that opened the room's epoch, with what stood directly before it and came after it."""
    if room.epoch == 0:
        return None
    together = await read_submitted(connection, room.id, room.opening)
    commit = next(event for event in together if event.id == room.opening)
    told = [_operation_of(event) for event in together if event.seq < commit.seq]
    opening = Opening(
        commit.id,
        commit.seat,
        commit.epoch,
        await read_opening(connection, room.id, commit.epoch, commit.seq),
        frozenset(one.seat for one in told if isinstance(one, SeatAdd)),
        frozenset(one.seat for one in told if isinstance(one, SeatRemove)),
    )
    wrote = await read_wrote(connection, room.id, epoch=room.epoch, after=commit.seq)
    used = any(is_use(opening, kind, seat) for kind, seat in wrote)
    controls = await read_controls(connection, room.id, epoch=room.epoch, after=commit.seq)
    asking = [event for event in controls if _asks_for(event, commit.id)]
    asked = frozenset(event.seat for event in asking)
    return Opened(replace(opening, used=used, asked=asked), commit.seq, asking[0].seq if asking else None)


def _asks_for(event: LogEvent, commit: bytes) -> bool:
    operation = _operation_of(event)
    return isinstance(operation, VoidCommit) and operation.commit == commit


def _operation_of(event: Draft | LogEvent) -> Operation | None:
    if event.kind is not EventKind.CONTROL or event.body is None:
        return None
    try:
        return parse_operation(event.body)
    except RemoteProtocolError:
        return None
