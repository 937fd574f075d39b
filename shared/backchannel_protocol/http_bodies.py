"""Bodies of HTTP requests and answers (PROTOCOL.md, section 12): msgpack arrays, as frames are."""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from backchannel_protocol.canonical import digest
from backchannel_protocol.errors import LocalProtocolError, RemoteProtocolError
from backchannel_protocol.events import U53, Id, Key, Signature
from backchannel_protocol.frames import Mail, NoteText, Sealed
from backchannel_protocol.keys import fingerprint
from backchannel_protocol.limits import (
    MAX_BLOB_PARTS,
    MAX_PART_BYTES,
    MAX_SEALED_BLOB_BYTES,
    MAX_TOKEN_ROOMS,
)
from backchannel_protocol.refusals import Code

MEDIA_TYPE: Final = "application/msgpack"
T = TypeVar("T", bound=msgspec.Struct)


PartNumber = Annotated[int, Meta(ge=0, le=MAX_BLOB_PARTS - 1)]
"""From 0."""

Part = Annotated[bytes, Meta(min_length=1, max_length=MAX_PART_BYTES)]


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


class ForBlob(msgspec.Struct, array_like=True, frozen=True):
    """What every request about a blob begins with; the signature is the seat key's (`blob_content`)."""

    room: Id
    seat: Id
    blob: Id
    time: U53
    signature: Signature


class BeginBlob(ForBlob, frozen=True):
    """POST /v1/blobs/begin: a blob of `size` bytes as it is encrypted; the same again asks how it stands."""

    size: Annotated[int, Meta(ge=1, le=MAX_SEALED_BLOB_BYTES)]


class BlobBegun(msgspec.Struct, array_like=True, frozen=True):
    """Its answer: the numbers of the parts that the server has, from 0 and in order."""

    stands: list[PartNumber]


class PutPart(ForBlob, frozen=True):
    """POST /v1/blobs/part: one part. Each but the last has MAX_PART_BYTES."""

    number: PartNumber
    body: Part


class PartPut(msgspec.Struct, array_like=True, frozen=True):
    """Its answer: how many parts are still missing; 0: the blob is whole, and others may read it."""

    missing: Annotated[int, Meta(ge=0, le=MAX_BLOB_PARTS)]


class ReadPart(ForBlob, frozen=True):
    """POST /v1/blobs/read: one part of a whole blob, for a seat that is in the room."""

    number: PartNumber


class PartRead(msgspec.Struct, array_like=True, frozen=True):
    """Its answer."""

    body: Part


class DeleteBlob(ForBlob, frozen=True):
    """POST /v1/blobs/delete: a blob of the own seat; one that is not there is as good as deleted."""


class BlobDeleted(msgspec.Struct, array_like=True, frozen=True):
    """Its answer: nothing of the blob is there any more; whether something was."""

    existed: bool


def blob_content(request: ForBlob, record_key: bytes) -> bytes:
    """What is signed, behind the label: verb and number say what is asked, the digest which bytes come."""
    verb, number, part = _asked(request)
    return (
        fingerprint(record_key)
        + request.room
        + request.seat
        + request.blob
        + verb.to_bytes(1, "big")
        + number.to_bytes(8, "big")
        + digest(part)
        + request.time.to_bytes(8, "big")
    )


def _asked(request: ForBlob) -> tuple[int, int, bytes]:
    """Verb, number and bytes of a request."""
    match request:
        case BeginBlob():
            return 1, request.size, b""
        case PutPart():
            return 2, request.number, request.body
        case ReadPart():
            return 3, request.number, b""
        case DeleteBlob():
            return 4, 0, b""
        case _:
            raise LocalProtocolError(Code.INTERNAL)


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
