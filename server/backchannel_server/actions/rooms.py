"""do_create_room (PROTOCOL.md, section 12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.http_bodies import CreateRoom
from backchannel_protocol.ids import EventId, RoomId, SeatId
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.actions.tokens import find_token, spend_token
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import one_by_one
from backchannel_server.storage.dialects import Touched
from backchannel_server.storage.reads import read_room, read_seat
from backchannel_server.storage.rows import Room, Seat
from backchannel_server.storage.writes import insert_rooms, insert_seats


@dataclass(frozen=True, slots=True)
class Request:
    """A room that a bearer of a token asks for."""

    token: str
    wanted: CreateRoom
    now: int


async def do_create_room(context: Context, token: str, wanted: CreateRoom) -> Room:
    """Creates a room with one seat, which may facilitate. Raises `bad-token`, `expired`, `room-exists`.

    The same request again is answered in the same way, and spends nothing: an answer may be lost on
    its way.
    """
    return await context.committer.perform(_perform, Request(token, wanted, context.clock()))


async def _create(connection: AsyncConnection, request: Request) -> Room:
    token = await find_token(connection, request.token)
    wanted = request.wanted
    id_, seat_id = RoomId(wanted.room), SeatId(wanted.seat)
    room = await read_room(connection, id_)
    if room is not None:
        seat = await read_seat(connection, id_, seat_id)
        if seat is None or seat.key != wanted.seat_key or room.head:
            raise Refusal(Code.ROOM_EXISTS)
        return room
    await spend_token(connection, token, request.now)
    room = Room(id_, head=0, epoch=0, opening=EventId(wanted.room), last_time=request.now)
    await insert_rooms(connection, [room])
    await insert_seats(connection, [Seat(id_, seat_id, wanted.seat_key, may_facilitate=True, floor=1)])
    return room


_perform: Final = one_by_one(
    _create, lambda request: Touched(frozenset({RoomId(request.wanted.room)}), tokens=True)
)
