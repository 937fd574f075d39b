"""do_create_room and do_make_token (PROTOCOL.md, section 12)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.http_bodies import CreateRoom
from backchannel_protocol.ids import EventId, RoomId, SeatId, b64u
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import Committer
from backchannel_server.storage.reads import read_room, read_seat
from backchannel_server.storage.rows import Room, Seat
from backchannel_server.storage.tables import tokens
from backchannel_server.storage.writes import insert_rooms, insert_seats

_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Request:
    """A room that a bearer of a token asks for."""

    token: str
    wanted: CreateRoom
    now: int


async def do_create_room(context: Context, token: str, wanted: CreateRoom) -> Room:
    """Creates a room with one seat, which may facilitate. Raises `bad-token`, `room-exists`.

    The same request again is answered in the same way: an answer may be lost on its way.
    """
    return await context.committer.perform(_perform_rooms, Request(token, wanted, context.clock()))


async def do_make_token(committer: Committer) -> str:
    """A new host token, which is kept nowhere but as a hash; the one before it stops working."""
    token = b64u(secrets.token_bytes(_TOKEN_BYTES))
    await committer.perform(_perform_tokens, _hash(token))
    return token


async def _perform_tokens(connection: AsyncConnection, hashes: Sequence[bytes]) -> Sequence[Refusal | None]:
    await connection.execute(delete(tokens))
    await connection.execute(insert(tokens), {"hash": hashes[-1]})
    return [None for _ in hashes]


async def _perform_rooms(
    connection: AsyncConnection, requests: Sequence[Request]
) -> Sequence[Room | Refusal]:
    answers: list[Room | Refusal] = []
    for request in requests:
        try:
            answers.append(await _create(connection, request))
        except Refusal as refusal:
            answers.append(refusal)
    return answers


async def _create(connection: AsyncConnection, request: Request) -> Room:
    known = (await connection.execute(select(tokens.c.hash))).scalars().all()
    given = _hash(request.token)
    if not any([hmac.compare_digest(given, hash_) for hash_ in known]):  # noqa: C419 - all, in constant time
        raise Refusal(Code.BAD_TOKEN)
    wanted = request.wanted
    id_, seat_id = RoomId(wanted.room), SeatId(wanted.seat)
    room = await read_room(connection, id_)
    if room is not None:
        seat = await read_seat(connection, id_, seat_id)
        if seat is None or seat.key != wanted.seat_key or room.head:
            raise Refusal(Code.ROOM_EXISTS)
        return room
    room = Room(id_, head=0, epoch=0, opening=EventId(wanted.room), last_time=request.now)
    await insert_rooms(connection, [room])
    await insert_seats(connection, [Seat(id_, seat_id, wanted.seat_key, may_facilitate=True, floor=1)])
    return room


def _hash(token: str) -> bytes:
    """A token is 32 random bytes: its hash needs no salt and no work factor."""
    return hashlib.sha256(token.encode()).digest()
