"""Operations in clear: what the server is told to enforce (PROTOCOL.md, section 6).

They are the bodies of control events, msgpack arrays like frames.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import U53, Id, Key
from backchannel_protocol.limits import MAX_BODY_BYTES
from backchannel_protocol.refusals import Code

Seconds = Annotated[int, Meta(ge=0, le=10 * 366 * 24 * 3600)]


class SeatAdd(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """A seat that may attach from this event on; `act` is the id of the encrypted act, or None."""

    act: Id | None
    seat: Id
    seat_key: Key
    may_facilitate: bool


class SeatRemove(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """A seat that is cut off."""

    act: Id | None
    seat: Id


class SeatSet(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """Whether a seat may commit for others and send operations."""

    act: Id | None
    seat: Id
    may_facilitate: bool


class Mute(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """No chat from a seat until then; 0 ends it."""

    act: Id | None
    seat: Id
    until: U53


class SetPolicy(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """The numbers of a room. `retention_s` 0 keeps chat for the room's life."""

    act: Id | None
    slow_mode_s: Seconds
    retention_s: Seconds
    after_reading: bool
    paused_until: U53


class InvitationOpen(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """A mailbox for one invitee."""

    act: Id | None
    mailbox: Id
    auth_key: Key
    expires: U53


class InvitationClose(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """A mailbox that takes no more mail."""

    act: Id | None
    mailbox: Id


class VoidCommit(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """A commit that every client skips (PROTOCOL.md, section 8)."""

    act: Id | None
    commit: Id


class CloseRoom(msgspec.Struct, array_like=True, frozen=True, tag=9):
    """The end of the room."""

    act: Id | None


Operation = (
    SeatAdd
    | SeatRemove
    | SeatSet
    | Mute
    | SetPolicy
    | InvitationOpen
    | InvitationClose
    | VoidCommit
    | CloseRoom
)

_decoder: msgspec.msgpack.Decoder[Operation] = msgspec.msgpack.Decoder(Operation)
_encoder = msgspec.msgpack.Encoder()


def encode_operation(operation: Operation) -> bytes:
    """The body of a control event."""
    return _encoder.encode(operation)


def parse_operation(body: bytes) -> Operation:
    """Raises `malformed`."""
    if len(body) > MAX_BODY_BYTES:
        raise RemoteProtocolError(Code.TOO_LARGE)
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise RemoteProtocolError(Code.MALFORMED) from None
