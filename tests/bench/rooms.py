"""Rooms to measure in: any number of members, every node of the ratchet tree in use.

All members of a group hold the same secrets but for their own leaf and the keys above it. So one state is
enough to let every member act in turn: `Room.seat` gives it another member's leaf and identity. Who sits
there lacks the private keys of that member's path, which neither messages nor making a commit need. Alice
and Bob are whole: each made a path of their own at the end, and Alice processed Bob's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from backchannel_mls import (
    BasicCredential,
    GroupState,
    Identity,
    KeyPackageBundle,
    LeafIndex,
    StagedCommit,
    create_commit,
    create_group,
    create_key_package,
    merge_commit,
    receive,
)


@dataclass(frozen=True)
class Room:
    """A group whose members are `identities`, in the order of their leaves; Alice is first, Bob last."""

    now_s: int
    identities: Sequence[Identity]
    alice: GroupState
    bob: GroupState

    @property
    def suite_id(self) -> int:
        """The cipher suite."""
        return self.alice.suite.id

    def seat(self, leaf: int) -> GroupState:
        """The state of the member at a leaf, as far as messages go."""
        return _seated(self.alice, leaf, self.identities[leaf])

    def stranger(self) -> KeyPackageBundle:
        """Somebody new, with a key package to be added by."""
        return create_key_package(new_identity(self.suite_id, b"a stranger"), now_s=self.now_s)


def new_identity(suite_id: int, name: bytes) -> Identity:
    """An identity with a basic credential."""
    return Identity.generate(suite_id, BasicCredential(name))


def build_room(suite_id: int, size: int, now_s: int) -> Room:
    """A room of `size` members, at least 2: one commit adds them, then every second makes a path.

    With that, every parent node that has members on both sides is in use.
    """
    identities = [new_identity(suite_id, b"member %d" % leaf) for leaf in range(size)]
    state = create_group(identities[0], group_id=b"a room, 16 bytes", now_s=now_s)
    bundles = [create_key_package(one, now_s=now_s) for one in identities[1:]]
    adding = create_commit(state, add=[one.message for one in bundles], tree_in_welcome=False, now_s=now_s)
    state = merge_commit(adding.staged, state)
    for leaf in _spread(range(0, size - 1, 2)):
        if leaf:  # Alice's turn comes last
            state = _seated(state, leaf, identities[leaf])
            state = merge_commit(create_commit(state, force_path=True).staged, state)
    alice = _seated(state, 0, identities[0])
    alice = merge_commit(create_commit(alice, force_path=True).staged, alice)
    alice = replace(alice, past=())  # Bob was not there either
    last = create_commit(_seated(alice, size - 1, identities[-1]), force_path=True)
    received = receive(alice, last.message)
    assert isinstance(received, StagedCommit)
    return Room(
        now_s, identities, merge_commit(received, alice), merge_commit(last.staged, last.sender_state)
    )


def _seated(state: GroupState, leaf: int, identity: Identity) -> GroupState:
    return replace(
        state, group=replace(state.group, own_leaf=LeafIndex(leaf), identity=identity, private_keys={})
    )


def _spread(leaves: range) -> Iterator[int]:
    """The leaves in bit-reversed order: far apart first, so that each path soon meets few blank nodes."""
    bits = max(1, (len(leaves) - 1).bit_length())
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2)
        if place < len(leaves):
            yield leaves[place]
