"""Storing: what a message costs, that a store follows the state, and that damage is found."""

from __future__ import annotations

from random import Random

import pytest

from backchannel_mls import (
    ApplicationReceived,
    BasicCredential,
    GroupState,
    Identity,
    LocalError,
    StagedCommit,
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


def read(state: GroupState, message: bytes) -> GroupState:
    """The state after reading an application message."""
    received = receive(state, message)
    assert isinstance(received, ApplicationReceived)
    return received.state


@pytest.mark.parametrize("size", [2, 40])
def test_message_in_order_costs_one_record_whatever_the_size_of_the_group(size: int) -> None:
    alice, bob = group_of(size)
    for number in range(5):
        sent = encrypt(alice, b"message")
        received = receive(bob, sent.message)
        assert isinstance(received, ApplicationReceived)
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
    ahead = read(bob, messages[3])
    assert len([name for name in records(ahead) if name.startswith("skipped/")]) == 3
    late = read(ahead, messages[1])
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
    assert isinstance(staged, StagedCommit)
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
    for value in (None, stored[wrong][:-1]):
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


def damaged(stored: dict[str, bytes], damage: str) -> dict[str, bytes]:
    """Records that lack or forge one thing."""
    at = 2 + 2 + 4 * 4 + 1  # version, suite, settings, status: where `group` names the own leaf
    group = stored["group"]
    match damage:
        case "tree of 2**31 leaves":
            return {**stored, "group": group[: at + 4] + (2**31).to_bytes(4, "big") + group[at + 8 :]}
        case "own leaf elsewhere":
            return {**stored, "group": group[:at] + (7).to_bytes(4, "big") + group[at + 4 :]}
        case "node of a negative number":
            return {**stored, "node/-1": stored["node/0"]}
        case "number in another spelling":
            return {**stored, "private/00": stored["private/0"]}
        case "no signers":
            return {**stored, next(name for name in stored if name.startswith("signers/")): b""}
        case _:
            return {name: value for name, value in stored.items() if not name.startswith(damage)}


@pytest.mark.parametrize(
    "damage",
    [
        "tree of 2**31 leaves",
        "own leaf elsewhere",
        "node of a negative number",
        "number in another spelling",
        "no signers",
        "group",
        "node/0",
        "epoch/",
        "signers/",
        "secret/",
    ],
)
def test_records_that_lack_or_forge_something_are_not_loaded(damage: str) -> None:
    alice, _ = group_of(3)
    with pytest.raises(LocalError) as error:
        load_state(damaged(records(alice), damage))
    assert error.value.code == "state-damaged"
