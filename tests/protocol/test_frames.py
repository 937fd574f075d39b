"""Frames: whole and within their bounds, or `malformed`; nothing else comes out of any bytes."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from backchannel_protocol.canonical import digest
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.frames import (
    Attach,
    Frame,
    Submit,
    attach_content,
    encode_frame,
    parse_client_frame,
    parse_server_frame,
)
from backchannel_protocol.limits import MAX_BODY_BYTES, MAX_FRAME_BYTES
from backchannel_protocol.refusals import Code
from protocol.errors import perhaps_remote, remote
from protocol.samples import (
    CLIENT_BOUNDS,
    CLIENT_FRAMES,
    DRAFT,
    EVENT,
    FRAMES,
    HASH,
    ID,
    OTHER_ID,
    SERVER_BOUNDS,
    SERVER_FRAMES,
)

Parse = Callable[[bytes], Frame]
MUTATIONS = 5_000
OPTIONAL_AT_THE_END = {"server refused": 2, "server refused, nothing known": 2}
"""How many of a frame's last fields may be nil, and may therefore be left out."""


def parser_of(name: str) -> Parse:
    return parse_client_frame if name.startswith("client") else parse_server_frame


def items_of(frame: Frame) -> list[Any]:
    """A frame's array."""
    items: list[Any] = msgspec.msgpack.decode(encode_frame(frame))
    return items


def out_of_bounds() -> list[Any]:
    cases = []
    for side, samples, bounds in (
        ("client", CLIENT_FRAMES, CLIENT_BOUNDS),
        ("server", SERVER_FRAMES, SERVER_BOUNDS),
    ):
        for name, fields in bounds.items():
            items = items_of(samples[name])
            for at, wrong in enumerate(fields, start=1):
                for number, value in enumerate(wrong):
                    bad = [*items[:at], value, *items[at + 1 :]]
                    cases.append(pytest.param(parser_of(side), bad, id=f"{side}-{name}-field{at}-{number}"))
    return cases


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_comes_back(name: str) -> None:
    assert parser_of(name)(encode_frame(FRAMES[name])) == FRAMES[name]


@pytest.mark.parametrize("name", FRAMES)
def test_the_other_side_does_not_take_it(name: str) -> None:
    if name.endswith(" mail"):
        return
    other = parse_server_frame if name.startswith("client") else parse_client_frame
    with remote():
        other(encode_frame(FRAMES[name]))


@pytest.mark.parametrize("name", FRAMES)
def test_fields_that_are_not_known_yet_are_ignored(name: str) -> None:
    longer = [*items_of(FRAMES[name]), "new", {"later": [1, None, b"x"]}]
    assert parser_of(name)(msgspec.msgpack.encode(longer)) == FRAMES[name]


@pytest.mark.parametrize("name", FRAMES)
def test_fewer_fields_are_refused(name: str) -> None:
    items = items_of(FRAMES[name])
    needed = len(items) - OPTIONAL_AT_THE_END.get(name, 0)
    for length in range(needed):
        with remote():
            parser_of(name)(msgspec.msgpack.encode(items[:length]))


@pytest.mark.parametrize("name", FRAMES)
def test_a_cut_frame_and_one_with_bytes_behind_it_are_refused(name: str) -> None:
    data = encode_frame(FRAMES[name])
    for wrong in (*(data[:length] for length in range(len(data))), data + b"\0", data + data):
        with remote():
            parser_of(name)(wrong)


@pytest.mark.parametrize(("parse", "items"), out_of_bounds())
def test_a_field_out_of_bounds_is_refused(parse: Parse, items: list[Any]) -> None:
    with remote():
        parse(msgspec.msgpack.encode(items))


@pytest.mark.parametrize("parse", [parse_client_frame, parse_server_frame])
@pytest.mark.parametrize("number", [0, 12, -1, 127, 1 << 40, "2", None, True, 2.0, b"\2"])
def test_a_frame_of_an_unknown_number_is_refused(parse: Parse, number: object) -> None:
    with remote():
        parse(msgspec.msgpack.encode([number, 1, ID, ID, 1, HASH * 2]))


HOSTILE = {
    "nothing": b"",
    "nil": b"\xc0",
    "a number": b"\x01",
    "an object": b"\x81\x01\x02",
    "an empty array": b"\x90",
    "text that is not UTF-8": b"\x93\x0b\xa1\xff\xa1a",
    "text with a surrogate": b"\x93\x0b\xa3\xed\xa0\x80\xa1a",
    "a length of 4 GiB": b"\xdd\xff\xff\xff\xff\x0b",
    "events of 4 GiB": b"\x93\x04\xdd\xff\xff\xff\xff",
    "bytes of 4 GiB": b"\x94\x09\xc6\xff\xff\xff\xff",
    "the byte that msgpack never uses": b"\x91\xc1",
    "an extension": b"\x92\x08\xd4\x01\x00",
    "a time stamp": b"\x92\x08\xd6\xff\x00\x00\x00\x00",
    "arrays in arrays": b"\x91" * 100_000,
    "arrays in arrays where a new field would be": b"\x93\x08\x01" + b"\x91" * 100_000 + b"\x01",
    "objects in objects where a new field would be": b"\x93\x08\x01" + b"\x81\x01" * 100_000 + b"\x01",
}


@pytest.mark.parametrize("parse", [parse_client_frame, parse_server_frame])
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_malformed(parse: Parse, data: bytes) -> None:
    with remote():
        parse(data)


def mutate(data: bytes, source: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(changed)) if changed else 0
        match source.randrange(5):
            case 0 if changed:
                changed[at] ^= 1 << source.randrange(8)
            case 1 if changed:
                changed[at] = source.randrange(256)
            case 2:
                changed[at:at] = source.randbytes(source.randint(1, 4))
            case 3:
                del changed[at : at + source.randint(1, 8)]
            case _:
                changed[at : at + 1] = source.choice(
                    (
                        b"\xdd\xff\xff\xff\xff",
                        b"\xc6\xff\xff\xff\xff",
                        b"\xc1",
                        b"\xa1\xff",
                        b"\xcf" + b"\xff" * 8,
                    )
                )
    return bytes(changed)


@pytest.mark.parametrize("side", ["client", "server"])
def test_mutated_bytes_raise_nothing_but_remote_errors(side: str, seed: int) -> None:
    source = random.Random(seed)
    originals = [encode_frame(frame) for name, frame in FRAMES.items() if name.startswith(side)]
    parse = parser_of(side)
    for _ in range(MUTATIONS // 2):
        with perhaps_remote():
            frame = parse(mutate(source.choice(originals), source))
            assert parse(encode_frame(frame)) == frame


@pytest.mark.parametrize("parse", [parse_client_frame, parse_server_frame])
def test_a_frame_over_the_limit_is_too_large_whatever_it_holds(parse: Parse) -> None:
    with remote(Code.TOO_LARGE):
        parse(bytes(MAX_FRAME_BYTES + 1))


def test_a_body_of_the_largest_size_passes() -> None:
    frame = Submit([Draft(ID, EventKind.CHAT, 0, OTHER_ID, bytes(MAX_BODY_BYTES))])
    assert parse_client_frame(encode_frame(frame)) == frame


def test_an_event_has_a_body_or_its_hash() -> None:
    assert EVENT.hash_of_body() == digest(b"body")
    assert LogEvent(1, 1, ID, EventKind.CHAT, ID, 0, None, None, HASH).hash_of_body() == HASH
    with pytest.raises(ValueError, match="a body or its hash"):
        LogEvent(1, 1, ID, EventKind.CHAT, ID, 0, None)
    with pytest.raises(ValueError, match="a body or its hash"):
        LogEvent(1, 1, ID, EventKind.CHAT, ID, 0, b"body", None, HASH)


@pytest.mark.parametrize("kind", [EventKind.GOVERNANCE, EventKind.COMMIT, EventKind.CONTROL])
def test_what_the_fold_needs_is_withheld_where_it_is_said_to_be_purged(kind: EventKind) -> None:
    assert LogEvent(1, 1, ID, kind, ID, 0, None, None, HASH).is_withheld
    assert not LogEvent(1, 1, ID, kind, ID, 0, b"body").is_withheld
    assert not LogEvent(1, 1, ID, EventKind.CHAT, ID, 0, None, None, HASH).is_withheld


def test_attach_signs_version_nonce_room_seat_and_record_key() -> None:
    content = attach_content(1, HASH, ID, OTHER_ID, b"p" * 16)
    assert content == b"\x00\x01" + HASH + ID + OTHER_ID + b"p" * 16


def test_a_draft_may_leave_out_its_leaf() -> None:
    items = [5, [[OTHER_ID, 2, 3, ID, b"body"]]]
    frame = parse_client_frame(msgspec.msgpack.encode(items))
    assert frame == Submit([Draft(DRAFT.id, DRAFT.kind, 3, ID, b"body", None)])


def test_frames_are_frozen() -> None:
    frame = Attach(1, ID, ID, 0, HASH * 2)
    with pytest.raises(AttributeError):
        frame.cursor = 1  # type: ignore[misc]  # that is the point
