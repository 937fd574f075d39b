"""The secret tree: order, windows, and that what is spent is gone (RFC 9420 sections 9 and 9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from backchannel_mls.crypto.suite import SUITES, CipherSuite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.limits import MAX_FORWARD_GENERATIONS, MAX_SKIPPED_KEYS
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.secret_tree import Ratchet, SecretTree, Windows
from backchannel_mls.schedule.shared_map import SharedMap
from backchannel_mls.types import Generation, LeafIndex

WINDOWS: Final = Windows(MAX_FORWARD_GENERATIONS, MAX_SKIPPED_KEYS)
SECRET: Final = bytes(range(32))
LEAVES: Final = 8


class CountingSuite(CipherSuite):
    """Suite 1 that counts its derivations, so that "no work" is a number and not a time."""

    def __init__(self) -> None:
        self.__dict__.update(vars(SUITES[1]))
        self.derivations = 0

    def expand_with_label(self, secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
        self.derivations += 1
        return super().expand_with_label(secret, label, context, size)

    def key_and_nonce(self, secret: bytes, context: bytes) -> tuple[bytes, bytes]:
        self.derivations += 2
        return super().key_and_nonce(secret, context)

    def next_ratchet_secret(self, secret: bytes, context: bytes) -> bytes:
        self.derivations += 1
        return super().next_ratchet_secret(secret, context)


@pytest.fixture
def suite() -> CountingSuite:
    return CountingSuite()


@pytest.fixture
def tree(suite: CountingSuite) -> SecretTree:
    return SecretTree.of_epoch(suite, LEAVES, SECRET)


def sent_keys(tree: SecretTree, leaf: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """What a sender uses for its messages 0 to `count` - 1."""
    for number in range(count):
        generation, key, nonce, tree = tree.next_key(LeafIndex(leaf), handshake=False)
        assert generation == number
        yield key, nonce


def receive(
    tree: SecretTree, generation: int, leaf: int = 3, windows: Windows = WINDOWS
) -> tuple[tuple[bytes, bytes], SecretTree]:
    found = tree.key_for(LeafIndex(leaf), Generation(generation), windows, handshake=False)
    return (found.key, found.nonce), found.spent


def refused(tree: SecretTree, generation: int, leaf: int = 3, windows: Windows = WINDOWS) -> Rule:
    with pytest.raises(RemoteError) as error:
        receive(tree, generation, leaf, windows)
    return error.value.rule


def secrets_in(tree: SecretTree) -> set[bytes]:
    """Every secret, key and nonce that the structure still holds."""
    held = set(tree.nodes.values())
    for ratchet in tree.ratchets.values():
        held.add(ratchet.secret)
        for pair in ratchet.skipped.values():
            held.update(pair)
    return held


def test_receiver_in_order_has_the_senders_keys(tree: SecretTree) -> None:
    receiver = tree
    for generation, sent in enumerate(sent_keys(tree, 3, 50)):
        got, receiver = receive(receiver, generation)
        assert got == sent


def test_all_keys_and_nonces_of_all_senders_differ(tree: SecretTree) -> None:
    keys = [pair for leaf in range(LEAVES) for pair in sent_keys(tree, leaf, 10)]
    generation, key, nonce, _ = tree.next_key(LeafIndex(0), handshake=True)
    assert generation == 0
    keys.append((key, nonce))
    assert len({key for key, _ in keys}) == len({nonce for _, nonce in keys}) == len(keys)


def test_skipped_messages_are_read_late_in_any_order(tree: SecretTree) -> None:
    sent = list(sent_keys(tree, 3, 20))
    receiver = tree
    for generation in (7, 3, 19, 0, 12, 6, 18, 1):
        got, receiver = receive(receiver, generation)
        assert got == sent[generation]


def test_message_is_read_once(tree: SecretTree) -> None:
    _, after_first = receive(tree, 5)
    assert refused(after_first, 5) is Rule.GENERATION_SPENT
    _, after_late = receive(after_first, 2)
    assert refused(after_late, 2) is Rule.GENERATION_SPENT
    _, after_next = receive(after_late, 6)
    assert refused(after_next, 6) is Rule.GENERATION_SPENT


def test_window_forward_ends_at_its_edge(tree: SecretTree) -> None:
    _, receiver = receive(tree, MAX_FORWARD_GENERATIONS)
    assert refused(tree, MAX_FORWARD_GENERATIONS + 1) is Rule.GENERATION_TOO_FAR
    beyond = 2 * MAX_FORWARD_GENERATIONS + 1
    assert refused(receiver, beyond + 1) is Rule.GENERATION_TOO_FAR
    receive(receiver, beyond)


def test_skipped_keys_end_at_their_number_and_the_oldest_go_first(tree: SecretTree) -> None:
    _, receiver = receive(tree, MAX_SKIPPED_KEYS)
    assert len(receiver.ratchets[6].skipped) == MAX_SKIPPED_KEYS
    _, receiver = receive(receiver, MAX_SKIPPED_KEYS + 2)
    assert len(receiver.ratchets[6].skipped) == MAX_SKIPPED_KEYS
    assert refused(receiver, 0) is Rule.GENERATION_SPENT
    receive(receiver, 1)


def test_no_skipped_key_is_kept_where_none_may_be(tree: SecretTree) -> None:
    windows = Windows(10, 0)
    _, receiver = receive(tree, 10, windows=windows)
    assert receiver.ratchets[6].skipped == {}
    assert refused(receiver, 9, windows=windows) is Rule.GENERATION_SPENT
    receive(receiver, 11, windows=windows)


@pytest.mark.parametrize("opened", [False, True], ids=["ratchet not begun", "ratchet begun"])
@pytest.mark.parametrize("generation", [2**31, 2**32 - 1, MAX_FORWARD_GENERATIONS + 2])
def test_generation_far_ahead_costs_nothing(
    tree: SecretTree, suite: CountingSuite, generation: int, opened: bool
) -> None:
    if opened:
        _, tree = receive(tree, 0)
    held, suite.derivations = secrets_in(tree), 0
    assert refused(tree, generation) is Rule.GENERATION_TOO_FAR
    assert suite.derivations == 0
    assert secrets_in(tree) == held


def test_spent_generation_costs_nothing(tree: SecretTree, suite: CountingSuite) -> None:
    _, tree = receive(tree, 9)
    suite.derivations = 0
    assert refused(tree, 9) is Rule.GENERATION_SPENT
    assert suite.derivations == 0


def test_message_in_order_costs_three_derivations(tree: SecretTree, suite: CountingSuite) -> None:
    _, tree = receive(tree, 0)
    suite.derivations = 0
    _, tree = receive(tree, 1)
    assert suite.derivations == 3
    tree.next_key(LeafIndex(3), handshake=False)
    assert suite.derivations == 6


def test_sender_outside_the_tree_is_refused_without_work(tree: SecretTree, suite: CountingSuite) -> None:
    for leaf in (LEAVES, LEAVES + 1, 2**32 - 1):
        assert refused(tree, 0, leaf) is Rule.SENDER_BLANK
    assert suite.derivations == 0


def test_parents_are_gone_once_their_children_are_derived(tree: SecretTree, suite: CountingSuite) -> None:
    assert tree.nodes == {7: SECRET}
    _, tree = receive(tree, 0, leaf=0)
    assert set(tree.nodes) == {2, 5, 11}
    assert set(tree.ratchets) == {0, 1}
    _, tree = receive(tree, 0, leaf=7)
    assert set(tree.nodes) == {2, 5, 9, 12}
    assert SECRET not in secrets_in(tree)
    for leaf in range(LEAVES):
        if 2 * leaf not in tree.ratchets:
            _, tree = receive(tree, 0, leaf)
    assert tree.nodes == {}
    assert set(tree.ratchets) == set(range(2 * LEAVES))


def test_spent_keys_and_secrets_are_gone_from_the_structure(tree: SecretTree) -> None:
    earlier: set[bytes] = set()
    for generation in (4, 1, 5, 0, 3, 2):
        if 6 in tree.ratchets and tree.ratchets[6].generation <= generation:
            earlier.add(tree.ratchets[6].secret)
        (key, nonce), tree = receive(tree, generation)
        held = secrets_in(tree)
        assert key not in held
        assert nonce not in held
        assert not held & earlier
    # all six are read: nothing is left but the way forward and what belongs to others
    ratchet = tree.ratchets[6]
    assert (ratchet.generation, ratchet.skipped) == (6, {})
    assert secrets_in(tree) == {ratchet.secret, tree.ratchets[7].secret, *tree.nodes.values()}


def test_own_keys_are_gone_once_they_are_used(tree: SecretTree) -> None:
    for _ in range(5):
        before = tree.ratchets.get(6)
        _, key, nonce, tree = tree.next_key(LeafIndex(3), handshake=False)
        held = secrets_in(tree)
        assert key not in held
        assert nonce not in held
        assert before is None or before.secret not in held


def test_looking_up_changes_nothing(tree: SecretTree) -> None:
    _, begun = receive(tree, 6)
    for old in (tree, begun):
        held, ratchets = secrets_in(old), dict(old.ratchets)
        first = receive(old, 8)[0]
        assert receive(old, 8)[0] == first
        once, twice = (old.next_key(LeafIndex(1), handshake=True) for _ in range(2))
        assert once[:3] == twice[:3]
        assert secrets_in(old) == held
        assert dict(old.ratchets) == ratchets
    assert receive(begun, 2)[0] == receive(tree, 2)[0]


def test_application_and_handshake_ratchets_are_apart(tree: SecretTree) -> None:
    leaf = LeafIndex(2)
    _, application, _, after = tree.next_key(leaf, handshake=False)
    generation, handshake, _, _ = after.next_key(leaf, handshake=True)
    assert generation == 0
    assert application != handshake
    assert after.key_for(leaf, Generation(0), WINDOWS, handshake=True).key == handshake


def test_last_generation_is_used_and_none_after_it(suite: CountingSuite) -> None:
    last = SecretTree(suite, 1, {}, SharedMap.of({0: Ratchet(0xFFFF_FFFF, SECRET)}))
    generation, _, _, after = last.next_key(LeafIndex(0), handshake=False)
    assert generation == 0xFFFF_FFFF
    with pytest.raises(LocalError) as error:
        after.next_key(LeafIndex(0), handshake=False)
    assert error.value.code == "generations-exhausted"
    assert refused(after, 0xFFFF_FFFF, leaf=0) is Rule.GENERATION_SPENT


def test_retired_tree_reads_late_messages_of_others_and_gives_nothing_else(tree: SecretTree) -> None:
    own, committer, other = LeafIndex(0), LeafIndex(3), LeafIndex(5)
    late = list(sent_keys(tree, 3, 4))
    *_, tree = tree.next_key(own, handshake=False)
    *_, tree = tree.next_key(own, handshake=True)
    _, tree = receive(tree, 2)
    committed = tree.key_for(committer, Generation(0), WINDOWS, handshake=True)
    retired = committed.spent.retired({own, committer}, own)
    assert set(retired.ratchets) == {2 * committer}
    assert committed.key not in secrets_in(retired)
    for generation in (0, 1, 3):
        got, retired = receive(retired, generation)
        assert got == late[generation]
    receive(retired, 0, leaf=other)
    for leaf, handshake in ((own, False), (own, True), (committer, True)):
        with pytest.raises(RemoteError) as gone:
            retired.key_for(leaf, Generation(0), WINDOWS, handshake=handshake)
        assert gone.value.rule is Rule.GENERATION_SPENT


def test_tree_of_one_leaf_opens(suite: CountingSuite) -> None:
    tree = SecretTree.of_epoch(suite, 1, SECRET)
    (key, _), after = receive(tree, 0, leaf=0)
    assert key
    assert after.nodes == {}
