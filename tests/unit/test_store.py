"""Storing: what a message costs, that a store follows the state, and that damage is found."""

from __future__ import annotations

from random import Random

import pytest

from backchannel_mls import (
    BasicCredential,
    GroupState,
    Identity,
    LocalError,
    changes,
    create_commit,
    create_group,
    create_key_package,
    decode_state,
    encode_state,
    encrypt,
    join_group,
    load_state,
    merge_commit,
    receive,
    records,
)

NOW_S = 1_800_000_000


def group_of(size: int) -> tuple[GroupState, GroupState]:
    """Its first and its last member."""
    random = Random(size)

    def identity(number: int) -> Identity:
        return Identity.restore(1, BasicCredential(b"%d" % number), random.randbytes(32))

    alice = create_group(identity(0), group_id=b"group", now_s=NOW_S, random=random.randbytes)
    bundles = [
        create_key_package(identity(number), now_s=NOW_S, random=random.randbytes)
        for number in range(1, size)
    ]
    pending = create_commit(
        alice, add=[one.key_package for one in bundles], now_s=NOW_S, force_path=True, random=random.randbytes
    )
    assert pending.welcome is not None
    return merge_commit(pending.staged, pending.sender_state), join_group(bundles[-1], pending.welcome)


@pytest.mark.parametrize("size", [2, 40])
def test_message_in_order_costs_one_record_whatever_the_size_of_the_group(size: int) -> None:
    alice, bob = group_of(size)
    for number in range(5):
        sent = encrypt(alice, b"message")
        received = receive(bob, sent.message)
        assert not hasattr(received, "effect")
        for old, new in ((alice, sent.state), (bob, received.state)):
            change = changes(old, new)
            if number:
                assert (len(change.put), len(change.delete)) == (1, 0)
                assert sum(map(len, change.put.values())) < 100
        alice, bob = sent.state, received.state


def test_late_message_deletes_its_key_and_nothing_else() -> None:
    alice, bob = group_of(2)
    messages = []
    for _ in range(4):
        sent = encrypt(alice, b"message")
        alice = sent.state
        messages.append(sent.message)
    ahead = receive(bob, messages[3]).state
    assert len([name for name in records(ahead) if name.startswith("skipped/")]) == 3
    late = receive(ahead, messages[1]).state
    change = changes(ahead, late)
    assert change.put == {}
    assert len(change.delete) == 1


def test_nothing_changes_between_a_state_and_itself() -> None:
    alice, _ = group_of(3)
    change = changes(alice, alice)
    assert (change.put, change.delete) == ({}, set())
    assert records(load_state(records(alice))) == records(alice)
    assert records(decode_state(encode_state(alice))) == records(alice)


def test_commit_of_a_large_group_writes_the_path_and_not_the_tree() -> None:
    alice, bob = group_of(40)
    pending = create_commit(alice, force_path=True)
    staged = receive(bob, pending.message)
    after = merge_commit(staged, bob)
    change = changes(bob, after)
    nodes = [name for name in change.put if name.startswith("node/")]
    assert 1 <= len(nodes) <= 7
    stored = {**records(bob), **change.put}
    for name in change.delete:
        del stored[name]
    assert stored == records(after)


@pytest.mark.parametrize("wrong", ["group", "node/0", "epoch/1", "signers/1"])
def test_store_that_lacks_or_garbles_a_record_is_damaged(wrong: str) -> None:
    stored = records(group_of(2)[0])
    for value in (None, b"", stored[wrong][:-1]):
        damaged = {name: one for name, one in stored.items() if name != wrong}
        if value is not None:
            damaged[wrong] = value
        with pytest.raises(LocalError) as refused:
            load_state(damaged)
        assert refused.value.code == "state-damaged"


def test_store_of_another_format_is_refused_by_name() -> None:
    stored = records(group_of(2)[0])
    stored["group"] = b"\0\2" + stored["group"][2:]
    with pytest.raises(LocalError) as refused:
        load_state(stored)
    assert refused.value.code == "state-version"


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xff" * 9, b"\x05group", b"\x01\xff\x00"])
def test_blob_that_is_no_state_is_damaged(data: bytes) -> None:
    with pytest.raises(LocalError) as refused:
        decode_state(data)
    assert refused.value.code == "state-damaged"
