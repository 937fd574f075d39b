"""Frames: what a client and a server say to each other (PROTOCOL.md, section 4).

msgpack arrays whose first item is the frame's number. Typed structs validate as they decode: a
frame is whole and within its bounds, or it is refused.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from backchannel_mls.codec import u16
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import U53, Draft, Id, Key, LogEvent, Signature
from backchannel_protocol.limits import (
    MAX_DRAFTS,
    MAX_EVENTS_A_FRAME,
    MAX_FRAME_BYTES,
    MAX_MAIL_BYTES,
    MAX_SENTENCE_CHARS,
)
from backchannel_protocol.refusals import Code

Version = Annotated[int, Meta(ge=0, le=0xFFFF)]
Sealed = Annotated[bytes, Meta(min_length=1, max_length=MAX_MAIL_BYTES)]
Sentence = Annotated[str, Meta(max_length=MAX_SENTENCE_CHARS)]
CodeText = Annotated[str, Meta(max_length=64)]
NoteText = Annotated[str, Meta(max_length=16_384)]
Step = Annotated[int, Meta(ge=1, le=4)]


class Hello(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The server's first frame."""

    versions: Annotated[list[Version], Meta(min_length=1, max_length=16)]
    nonce: Key
    record_key: Key
    time: U53


class Attach(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """A seat that proves its key and says up to which seq it has everything."""

    version: Version
    room: Id
    seat: Id
    cursor: U53
    signature: Signature


class Attached(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """The seat is attached; events up to `head` follow. `floor`: no event before it is for this seat."""

    head: U53
    epoch: U53
    opening: Id
    floor: U53
    time: U53
    checkpoint: NoteText


class Events(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """Events in the order of the log."""

    events: Annotated[list[LogEvent], Meta(max_length=MAX_EVENTS_A_FRAME)]
    live: bool


class Submit(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """Drafts to be written together or not at all."""

    drafts: Annotated[list[Draft], Meta(min_length=1, max_length=MAX_DRAFTS)]


class Placed(msgspec.Struct, array_like=True, frozen=True):
    """Where a draft came to stand in the log."""

    id: Id
    seq: U53
    time: U53


class Ack(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """The drafts are on disk."""

    placed: Annotated[list[Placed], Meta(min_length=1, max_length=MAX_DRAFTS)]


class Refused(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """`id` is the first draft's, `cause` the seq of the event because of which it is refused."""

    id: Id | None
    code: CodeText
    sentence: Sentence
    cause: U53 | None = None
    retry_after_s: U53 | None = None


class Cursor(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """Everything up to `seq` is stored at the client."""

    seq: U53


class Mail(msgspec.Struct, array_like=True, frozen=True, tag=9):
    """A sealed piece of an invitation's conversation."""

    mailbox: Id
    step: Step
    sealed: Sealed


class Checkpoint(msgspec.Struct, array_like=True, frozen=True, tag=10):
    """The record's newest checkpoint, a C2SP signed note."""

    note: NoteText


class Bye(msgspec.Struct, array_like=True, frozen=True, tag=11):
    """The last frame of a server."""

    code: CodeText
    sentence: Sentence


ClientFrame = Attach | Submit | Cursor | Mail
ServerFrame = Hello | Attached | Events | Ack | Refused | Mail | Checkpoint | Bye
Frame = ClientFrame | ServerFrame

_encoder = msgspec.msgpack.Encoder()
_client_decoder: msgspec.msgpack.Decoder[ClientFrame] = msgspec.msgpack.Decoder(ClientFrame)
_server_decoder: msgspec.msgpack.Decoder[ServerFrame] = msgspec.msgpack.Decoder(ServerFrame)


def encode_frame(frame: Frame) -> bytes:
    """One frame as bytes."""
    return _encoder.encode(frame)


def parse_client_frame(data: bytes) -> ClientFrame:
    """A frame from a client. Raises `malformed`, `too-large`."""
    _check_size(data)
    try:
        return _client_decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise RemoteProtocolError(Code.MALFORMED) from None


def parse_server_frame(data: bytes) -> ServerFrame:
    """A frame from a server. Raises `malformed`, `too-large`."""
    _check_size(data)
    try:
        return _server_decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise RemoteProtocolError(Code.MALFORMED) from None


def _check_size(data: bytes) -> None:
    if len(data) > MAX_FRAME_BYTES:
        raise RemoteProtocolError(Code.TOO_LARGE)


def attach_content(version: int, nonce: bytes, room: bytes, seat: bytes, record_key_print: bytes) -> bytes:
    """What an Attach signs, under the label `attach`. The cursor is the seat's own affair."""
    return u16(version) + nonce + room + seat + record_key_print
