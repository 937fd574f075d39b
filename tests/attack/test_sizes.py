"""Sizes that are claimed, and sizes that are there: neither may cost a receiver much (section 2.1.2).

No key is needed to say any of this: it is refused before anything is decrypted or verified.
"""

from __future__ import annotations

import tracemalloc
from functools import cache

import pytest

from attack.cast import NOW_S, bundle, client, refused, usual_room
from attack.forge_welcome import forge_welcome, world_of
from backchannel_mls import (
    ContentType,
    KeyPackageBundle,
    RemoteError,
    Rule,
    SenderType,
    join_by_external_commit,
    join_group,
    receive,
    verify_key_package,
)
from backchannel_mls.codec import u8, u16, u64, vector
from backchannel_mls.limits import MAX_LIST_ITEMS, MAX_MESSAGE_BYTES

MIB = 1 << 20


@cache
def guest() -> KeyPackageBundle:
    """Whom Mallory invites."""
    return bundle("guest")


@pytest.mark.rule("TRUNCATED")
@pytest.mark.parametrize("claimed", [1 << 20, (1 << 30) - 1])
def test_a_length_of_a_gibibyte_is_refused_without_allocating(claimed: int) -> None:
    room = usual_room()
    length = (0x8000_0000 | claimed).to_bytes(4, "big")
    leaf = room["mallory"].tree.leaf(3)
    assert leaf is not None
    tracemalloc.start()
    try:
        for begin in (b"\0\1\0\1", b"\0\1\0\2", b"\0\1\0\3\0\1", b"\0\1\0\4\0\1\0\1", b"\0\1\0\5\0\1\0\1"):
            with refused(Rule.TRUNCATED):
                receive(room["bob"], begin + length + bytes(100))
        for body in (length, vector(b"\2" + length), vector(b"") + b"\1" + leaf.encode() + length):
            with refused(Rule.TRUNCATED):
                receive(room["bob"], header(ContentType.COMMIT) + body + bytes(100))
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def header(content_type: ContentType) -> bytes:
    """What a PublicMessage of a joiner begins with, up to its body: no key is needed to say so."""
    bob = usual_room()["bob"]
    sender = u8(SenderType.NEW_MEMBER_COMMIT)
    return b"\0\1\0\1" + vector(bob.group_id) + u64(bob.epoch) + sender + vector(b"") + u8(content_type)


@pytest.mark.rule("TOO_LARGE")
def test_a_message_that_is_too_large_is_refused_unread() -> None:
    room = usual_room()
    large = header(ContentType.COMMIT) + bytes(MAX_MESSAGE_BYTES)
    tracemalloc.start()
    try:
        with refused(Rule.TOO_LARGE):
            receive(room["bob"], large)
        with refused(Rule.TOO_LARGE):
            join_group(guest(), large)
        with refused(Rule.TOO_LARGE):
            verify_key_package(large, 1, now_s=NOW_S)
        with refused(Rule.TOO_LARGE):
            join_by_external_commit(client("dave"), large)
        world = world_of(room["mallory"], guest())
        with refused(Rule.TOO_LARGE):
            join_group(guest(), forge_welcome(world, guest().key_package), ratchet_tree=large)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


@pytest.mark.rule("TOO_LARGE")
@pytest.mark.parametrize("what", ["references", "path nodes", "ciphertexts", "capabilities"])
def test_a_list_of_too_many_items_is_refused_before_it_grows(what: str) -> None:
    """The smallest items that there are, so that little input would become much memory."""
    room = usual_room()
    leaf = room["mallory"].tree.leaf(3)
    assert leaf is not None
    many = MAX_LIST_ITEMS + 1
    path = vector(b"") + b"\1" + leaf.encode()
    update = vector(b"") + vector(b"") + u16(1) + vector(b"") + vector(u16(1) * many)
    body = {
        "references": vector(b"\2\0" * many),
        "path nodes": path + vector(b"\0\0" * many),
        "ciphertexts": path + vector(b"\0" + vector(b"\0\0" * many)),
        "capabilities": vector(b"\1" + u16(2) + update),
    }[what]
    message = header(ContentType.COMMIT) + body
    tracemalloc.start()
    try:
        with refused(Rule.TOO_LARGE):
            receive(room["bob"], message)
        assert tracemalloc.get_traced_memory()[1] < len(message) + 8 * MIB
    finally:
        tracemalloc.stop()


@pytest.mark.rule("TOO_LARGE")
def test_many_lists_of_many_items_are_refused_before_they_grow() -> None:
    """Each list is within its bound, but not all of them together: a megabyte would become thirty."""
    room = usual_room()
    leaf = room["mallory"].tree.leaf(3)
    assert leaf is not None
    node = b"\0" + vector(b"\0\0" * MAX_LIST_ITEMS)
    message = header(ContentType.COMMIT) + vector(b"") + b"\1" + leaf.encode() + vector(node * 3) + bytes(2)
    tracemalloc.start()
    try:
        with pytest.raises(RemoteError):
            receive(room["bob"], message)
        assert tracemalloc.get_traced_memory()[1] < len(message) + 8 * MIB
    finally:
        tracemalloc.stop()
