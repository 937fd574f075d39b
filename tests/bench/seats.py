"""Seats at a real server, as cheap as Python allows: rooms whose group exists in name only, and connections.

The server looks at the framing of a body alone, so what is measured with these is the server.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

import aiohttp

from backchannel_mls.codec import u16
from backchannel_mls.types import MLS10, ContentType, EpochNumber, GroupId, WireFormat
from backchannel_mls.wire.framing import PrivateMessage
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Attach, Events, Hello, Submit, attach_content, encode_frame
from backchannel_protocol.frames import parse_server_frame as parse
from backchannel_protocol.http_bodies import CreateRoom, encode_body
from backchannel_protocol.keys import fingerprint, generate_key, public_key, sign
from backchannel_protocol.operations import SeatAdd, encode_operation
from bench.peers import Peer
from server.process_kit import Process

BODY_BYTES: Final = 512
NO_LIMITS: Final = ("--events-a-second", "1000000", "--requests-a-minute", "1000000")


@dataclass(frozen=True)
class Seat:
    """A seat of a room. `cursor`: the last event that it has."""

    room: bytes
    id: bytes
    private: bytes
    cursor: int = 0

    @classmethod
    def of(cls, room: bytes) -> Seat:
        """A new one."""
        return cls(room, secrets.token_bytes(16), generate_key())


def framed(room: bytes, epoch: int, kind: EventKind, size: int = BODY_BYTES) -> bytes:
    """A body of `size` bytes as the server sees one."""
    content = ContentType.COMMIT if kind is EventKind.COMMIT else ContentType.APPLICATION
    filling = bytes(size - 60)
    message = PrivateMessage(GroupId(room), EpochNumber(epoch), content, b"", bytes(28), filling)
    return u16(MLS10) + u16(WireFormat.PRIVATE_MESSAGE) + message.encode()


async def attach(url: str, seat: Seat) -> Peer:
    """A connection that is live."""
    peer = await Peer.connect(url, "/v1/ws")
    hello = parse(await peer.receive())
    assert isinstance(hello, Hello)
    content = attach_content(1, hello.nonce, seat.room, seat.id, fingerprint(hello.record_key))
    signature = sign(seat.private, "attach", content)
    peer.send(encode_frame(Attach(1, seat.room, seat.id, seat.cursor, signature)))
    while not (isinstance(frame := parse(await peer.receive()), Events) and frame.live):
        pass
    return peer


async def make_room(server: Process, token: str, size: int) -> tuple[list[Seat], int, bytes]:
    """Seats of a new room, its epoch, and the id of the commit that opened it."""
    room = secrets.token_bytes(16)
    seats = [Seat.of(room) for _ in range(size)]
    wanted = CreateRoom(room, seats[0].id, public_key(seats[0].private))
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.url + "/v1/rooms", data=encode_body(wanted), headers=headers) as answer,
    ):
        assert answer.status == 201
    peer, epoch, opening = await attach(server.url, seats[0]), 0, room
    for at in range(1, size, 7):
        told = [SeatAdd(None, one.id, public_key(one.private), False) for one in seats[at : at + 7]]
        drafts = [
            Draft(secrets.token_bytes(16), EventKind.CONTROL, epoch, opening, encode_operation(one))
            for one in told
        ]
        commit = Draft(
            secrets.token_bytes(16), EventKind.COMMIT, epoch, opening, framed(room, epoch, EventKind.COMMIT)
        )
        peer.send(encode_frame(Submit([*drafts, commit])))
        while not isinstance(frame := parse(await peer.receive()), Ack):
            assert isinstance(frame, Events), frame
        epoch, opening = epoch + 1, commit.id
    peer.close()
    return seats, epoch, opening
