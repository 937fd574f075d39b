"""Bodies of HTTP requests and answers: round trips, bounds, and bytes that are none."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel_protocol.frames import Mail
from backchannel_protocol.http_bodies import (
    CreateRoom,
    Knock,
    MailSoFar,
    RoomCreated,
    encode_body,
    parse_body,
)
from protocol.errors import remote

ID, KEY, SIGNATURE = bytes(16), bytes(range(32)), bytes(64)
BODIES: list[msgspec.Struct] = [
    CreateRoom(ID, ID, KEY),
    RoomCreated(KEY, "a note"),
    Knock(ID, 1, b"sealed", KEY, 7, SIGNATURE),
    Knock(ID, 0, None, None, 7, SIGNATURE),
    MailSoFar([]),
    MailSoFar([Mail(ID, 2, b"sealed"), Mail(ID, 4, b"sealed")]),
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
]


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


@given(data=st.binary(max_size=200), kind=st.sampled_from([CreateRoom, RoomCreated, Knock, MailSoFar]))
def test_any_bytes_are_a_body_or_malformed(data: bytes, kind: type[msgspec.Struct]) -> None:
    try:
        parsed = msgspec.msgpack.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        with remote():
            parse_body(data, kind)
    else:
        assert parse_body(data, kind) == parsed
