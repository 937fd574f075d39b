"""Bodies of HTTP requests and answers (PROTOCOL.md, section 12): msgpack arrays, as frames are."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import U53, Id, Key, Signature
from backchannel_protocol.frames import Mail, NoteText, Sealed
from backchannel_protocol.limits import MAX_TOKEN_ROOMS
from backchannel_protocol.refusals import Code

MEDIA_TYPE: Final = "application/msgpack"
T = TypeVar("T", bound=msgspec.Struct)


class CreateRoom(msgspec.Struct, array_like=True, frozen=True):
    """POST /v1/rooms: the room, its first seat, and that seat's key."""

    room: Id
    seat: Id
    seat_key: Key


class RoomCreated(msgspec.Struct, array_like=True, frozen=True):
    """Its answer: the server's record key, and the empty record's checkpoint."""

    record_key: Key
    checkpoint: NoteText


class MakeToken(msgspec.Struct, array_like=True, frozen=True):
    """POST /v1/tokens: how many rooms the bearer may create, until when."""

    rooms: Annotated[int, Meta(ge=1, le=MAX_TOKEN_ROOMS)]
    expires: U53


class TokenMade(msgspec.Struct, array_like=True, frozen=True):
    """Its answer: the token, which the server itself does not keep."""

    token: Annotated[str, Meta(min_length=1, max_length=256)]


class Knock(msgspec.Struct, array_like=True, frozen=True):
    """POST /v1/mail: an invitee's piece of mail (`step` 1 or 3), or a look into the mailbox (0)."""

    mailbox: Id
    step: Annotated[int, Meta(ge=0, le=3)]
    sealed: Sealed | None
    claim_key: Key | None
    time: U53
    signature: Signature


class MailSoFar(msgspec.Struct, array_like=True, frozen=True):
    """Its answer: what facilitators put into the mailbox, in order."""

    letters: list[Mail]


_encoder: Final = msgspec.msgpack.Encoder()


def encode_body(body: msgspec.Struct) -> bytes:
    """A body as bytes."""
    return _encoder.encode(body)


def parse_body(data: bytes, kind: type[T]) -> T:
    """A body from outside; its size was bounded before. Raises `malformed`."""
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise RemoteProtocolError(Code.MALFORMED) from None
