"""The chain: known answers, and another hash for every field that differs."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import RoomId
from protocol.people import ROOM
from protocol.samples import HASH, ID, KEY, LEAF, OTHER_ID

LABEL = b"\x14backchannel v1 chain"
EVENT = LogEvent(7, 1_800_000_000, ID, EventKind.CHAT, OTHER_ID, 3, b"body", LEAF)
FIRST = first_link(RoomId(ROOM))


def test_the_first_link_is_the_rooms() -> None:
    assert hashlib.sha256(LABEL + ROOM).digest() == FIRST
    assert first_link(RoomId(ID)) != FIRST


@pytest.mark.parametrize("leaf", [None, LEAF])
def test_a_link_is_the_hash_of_the_page(leaf: bytes | None) -> None:
    content = (
        LABEL
        + FIRST
        + (7).to_bytes(8, "big")
        + (1_800_000_000).to_bytes(8, "big")
        + ID
        + b"\x01"
        + OTHER_ID
        + (3).to_bytes(8, "big")
        + (b"\0" if leaf is None else b"\x21" + leaf)
        + hashlib.sha256(b"body").digest()
    )
    event = msgspec.structs.replace(EVENT, leaf=leaf)
    assert next_link(FIRST, event) == hashlib.sha256(content).digest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 8),
        ("time", 1_800_000_001),
        ("seat", KEY[:16]),
        ("kind", EventKind.GOVERNANCE),
        ("id", KEY[:16]),
        ("epoch", 4),
        ("body", b"bodY"),
        ("leaf", None),
        ("leaf", b"\x01" + KEY),
    ],
)
def test_every_field_counts(field: str, value: object) -> None:
    changed = msgspec.structs.replace(EVENT, **{field: value})
    assert next_link(FIRST, changed) != next_link(FIRST, EVENT)


def test_what_came_before_counts() -> None:
    assert next_link(HASH, EVENT) != next_link(FIRST, EVENT)


def test_a_purged_body_leaves_the_link_as_it_was() -> None:
    purged = msgspec.structs.replace(EVENT, body=None, body_hash=hashlib.sha256(b"body").digest())
    assert next_link(FIRST, purged) == next_link(FIRST, EVENT)


def test_another_digest_in_place_of_a_body_is_another_link() -> None:
    purged = msgspec.structs.replace(EVENT, body=None, body_hash=HASH)
    assert next_link(FIRST, purged) != next_link(FIRST, EVENT)


def test_two_events_in_another_order_are_another_chain() -> None:
    first, second = EVENT, msgspec.structs.replace(EVENT, seq=8, id=KEY[:16])
    assert next_link(next_link(FIRST, first), second) != next_link(next_link(FIRST, second), first)
