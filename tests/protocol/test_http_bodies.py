"""Bodies of HTTP requests and answers: round trips, bounds, and bytes that are none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel_protocol.frames import Mail
from backchannel_protocol.http_bodies import (
    BeginBlob,
    BlobBegun,
    BlobDeleted,
    CreateRoom,
    DeleteBlob,
    ForBlob,
    Knock,
    MailSoFar,
    PartPut,
    PartRead,
    PutPart,
    ReadPart,
    RoomCreated,
    blob_content,
    encode_body,
    parse_body,
)
from backchannel_protocol.limits import MAX_BLOB_PARTS, MAX_PART_BYTES, MAX_SEALED_BLOB_BYTES
from protocol.errors import remote

ID, KEY, SIGNATURE = bytes(16), bytes(range(32)), bytes(64)
BODIES: list[msgspec.Struct] = [
    CreateRoom(ID, ID, KEY),
    RoomCreated(KEY, "a note"),
    Knock(ID, 1, b"sealed", KEY, 7, SIGNATURE),
    Knock(ID, 0, None, None, 7, SIGNATURE),
    MailSoFar([]),
    MailSoFar([Mail(ID, 2, b"sealed"), Mail(ID, 4, b"sealed")]),
    BeginBlob(ID, ID, ID, 7, SIGNATURE, MAX_SEALED_BLOB_BYTES),
    BlobBegun([]),
    BlobBegun([0, 1, MAX_BLOB_PARTS - 1]),
    PutPart(ID, ID, ID, 7, SIGNATURE, 3, b"sealed"),
    PartPut(0),
    ReadPart(ID, ID, ID, 7, SIGNATURE, 0),
    PartRead(b"sealed"),
    DeleteBlob(ID, ID, ID, 7, SIGNATURE),
    BlobDeleted(existed=True),
]
NONE_OF_THEM: list[msgspec.Struct] = [
    CreateRoom(ID[1:], ID, KEY),
    CreateRoom(ID, ID + ID, KEY),
    CreateRoom(ID, ID, KEY[1:]),
    Knock(ID, 4, b"sealed", KEY, 7, SIGNATURE),
    Knock(ID, -1, b"sealed", KEY, 7, SIGNATURE),
    Knock(ID, 1, b"", KEY, 7, SIGNATURE),
    Knock(ID, 1, b"sealed", KEY[1:], 7, SIGNATURE),
    Knock(ID, 1, b"sealed", KEY, -7, SIGNATURE),
    Knock(ID, 1, b"sealed", KEY, 7, SIGNATURE[1:]),
    BeginBlob(ID, ID, ID, 7, SIGNATURE, 0),
    BeginBlob(ID, ID, ID, 7, SIGNATURE, MAX_SEALED_BLOB_BYTES + 1),
    BeginBlob(ID, ID, ID[1:], 7, SIGNATURE, 5),
    PutPart(ID, ID, ID, 7, SIGNATURE, MAX_BLOB_PARTS, b"sealed"),
    PutPart(ID, ID, ID, 7, SIGNATURE, 0, b""),
    PutPart(ID, ID, ID, 7, SIGNATURE, 0, bytes(MAX_PART_BYTES + 1)),
    PutPart(ID, ID, ID, -7, SIGNATURE, 0, b"sealed"),
    ReadPart(ID, ID, ID, 7, SIGNATURE, -1),
    ReadPart(ID, ID, ID, 7, SIGNATURE[1:], 0),
    PartPut(-1),
    BlobBegun([MAX_BLOB_PARTS]),
]

ASKED: list[ForBlob] = [
    BeginBlob(ID, ID, ID, 7, SIGNATURE, 1),
    PutPart(ID, ID, ID, 7, SIGNATURE, 1, b"sealed"),
    PutPart(ID, ID, ID, 7, SIGNATURE, 1, b"other"),
    PutPart(ID, ID, ID, 7, SIGNATURE, 0, b"sealed"),
    ReadPart(ID, ID, ID, 7, SIGNATURE, 1),
    ReadPart(ID, ID, KEY[:16], 7, SIGNATURE, 1),
    ReadPart(ID, KEY[:16], ID, 7, SIGNATURE, 1),
    ReadPart(KEY[:16], ID, ID, 7, SIGNATURE, 1),
    ReadPart(ID, ID, ID, 8, SIGNATURE, 1),
    DeleteBlob(ID, ID, ID, 7, SIGNATURE),
]


def test_what_is_signed_says_all_that_is_asked() -> None:
    """And at which server: nothing that is asked can be passed for anything else."""
    signed = [blob_content(asked, key) for asked in ASKED for key in (KEY, ID + ID)]
    assert len(set(signed)) == len(signed)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_body_comes_back_as_it_was(body: msgspec.Struct) -> None:
    data = encode_body(body)
    assert parse_body(data, type(body)) == body
    assert isinstance(msgspec.msgpack.decode(data), list)


@pytest.mark.parametrize("body", NONE_OF_THEM, ids=lambda body: type(body).__name__)
def test_what_is_out_of_its_bounds_is_malformed(body: msgspec.Struct) -> None:
    with remote():
        parse_body(encode_body(body), type(body))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_body_that_was_cut_is_malformed(body: msgspec.Struct) -> None:
    data = encode_body(body)
    for length in range(len(data)):
        with remote():
            parse_body(data[:length], type(body))


@given(
    data=st.binary(max_size=200),
    kind=st.sampled_from([CreateRoom, RoomCreated, Knock, MailSoFar, BeginBlob, PutPart]),
)
def test_any_bytes_are_a_body_or_malformed(data: bytes, kind: type[msgspec.Struct]) -> None:
    try:
        parsed = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        with remote():
            parse_body(data, kind)
    else:
        assert parse_body(data, kind) == parsed
