"""Entries of the record: what each act's leaf commits to, and that nothing else gives the same leaf."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import SeatAdd, SeatRemove, VoidCommit
from backchannel_protocol.record.entry import (
    TYPES,
    Entry,
    governance_content,
    open_randomness,
    operation_content,
)
from backchannel_protocol.room.bodies import BODIES
from protocol.people import ANNA, BORIS, ROOM, ROOM_ID
from protocol.samples import ID, KEY, OPERATIONS

R = bytes(range(32))
BODY: JsonObject = {"lines": ["Listen."]}


@pytest.mark.parametrize("type_", sorted(BODIES))
def test_the_types_of_the_page_have_an_entry_and_no_other(type_: str) -> None:
    content = governance_content(ROOM, type_, BODY, ANNA.seat)
    if type_ not in TYPES:
        assert content is None
        return
    assert content is not None
    assert json.loads(content) == {
        "room": ROOM_ID,
        "t": TYPES[type_],
        "v": 1,
        "act": b64u(hashlib.sha256(jcs(BODY)).digest()),
        "type": type_,
        "seat": ANNA.id,
    }
    assert content == jcs(json.loads(content))


def test_the_table_is_the_pages() -> None:
    assert TYPES == {
        "genesis": "genesis",
        "rules": "rules",
        "admission": "rules",
        "retention": "rules",
        "history": "rules",
        "role": "roster",
        "inbox": "key-rotate",
        "close": "transcript-close",
        "disclose": "disclose",
    }


def test_operations_of_seats_and_voiding_have_an_entry_and_no_other() -> None:
    said = {}
    for operation in OPERATIONS.values():
        content = operation_content(ROOM, operation)
        if content is not None:
            said[type(operation)] = json.loads(content)
    seat = b64u(ID)
    assert said == {
        SeatAdd: {"room": ROOM_ID, "t": "admit", "v": 1, "seat": seat, "key": b64u(KEY)},
        SeatRemove: {"room": ROOM_ID, "t": "leave", "v": 1, "seat": seat},
        VoidCommit: {"room": ROOM_ID, "t": "void-commit", "v": 1, "commit": seat},
    }


def test_a_leaf_is_the_hash_of_the_page() -> None:
    content = governance_content(ROOM, "close", {}, ANNA.seat)
    assert content is not None
    leaf = Entry(R, content).leaf()
    assert leaf == b"\x01" + hmac.new(R, b"room-commit-v1\0" + content, hashlib.sha256).digest()
    assert len(leaf) == 33


def test_whatever_differs_gives_another_leaf() -> None:
    contents = {
        governance_content(room, type_, body, who.seat)
        for room in (ROOM, ID)
        for type_ in TYPES
        for body in (BODY, {})
        for who in (ANNA, BORIS)
    }
    leaves = {Entry(r, content or b"").leaf() for r in (R, bytes(32)) for content in contents}
    assert len(leaves) == 2 * 2 * len(TYPES) * 2 * 2
    assert "r=" not in repr(Entry(R, b""))


def test_the_randomness_of_a_voiding_is_everybodys() -> None:
    assert open_randomness(ID) == hashlib.sha256(b"\x15backchannel v1 record" + ID).digest()
