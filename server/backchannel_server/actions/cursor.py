"""do_cursor: a seat's device says up to which event it has everything (PROTOCOL.md, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.ids import RoomId, SeatId
from backchannel_server.actions.context import Context
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import Performer
from backchannel_server.storage.dialects import Touched
from backchannel_server.storage.reads import read_rooms, read_seats
from backchannel_server.storage.rows import Seat
from backchannel_server.storage.writes import save_seats


@dataclass(frozen=True, slots=True)
class Request:
    """A seat has everything up to `seq`."""

    room: RoomId
    seat: SeatId
    seq: int


async def do_cursor(
    context: Context, room: RoomId, seat: SeatId, seq: int, settled: Callable[[], None]
) -> None:
    """Queues it. A cursor never goes back, nor beyond the log."""
    await context.committer.put(_PERFORMER, Request(room, seat, seq), lambda _: settled())


async def _perform(connection: AsyncConnection, requests: Sequence[Request]) -> Sequence[Refusal | None]:
    rooms = await read_rooms(connection, {request.room for request in requests})
    seats = await read_seats(connection, {(request.room, request.seat) for request in requests})
    moved: dict[tuple[RoomId, SeatId], Seat] = {}
    for request in requests:
        key = (request.room, request.seat)
        seat, room = moved.get(key) or seats.get(key), rooms.get(request.room)
        if seat is not None and room is not None and seat.cursor < request.seq <= room.head:
            moved[key] = replace(seat, cursor=request.seq)
    await save_seats(connection, moved.values())
    return [None for _ in requests]


_PERFORMER: Final = Performer(_perform, lambda request: Touched(frozenset({request.room})))
