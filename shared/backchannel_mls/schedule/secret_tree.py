"""The secret tree and the senders' ratchets (RFC 9420 sections 9 and 9.1).

Immutable: every step returns a new tree. A parent's secret is deleted as soon as its children
are derived, a leaf's as soon as its two ratchets are, and a key as soon as it is spent (9.2).
Looking a key up (`key_for`) changes nothing, so that a message can be verified before its
generation is spent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from backchannel_mls.codec import u32
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.shared_map import SharedMap
from backchannel_mls.tree.math import direct_path, left, parent, right, root
from backchannel_mls.types import Generation, LeafIndex

KeyAndNonce = tuple[bytes, bytes]
NO_KEYS: Mapping[int, KeyAndNonce] = {}


class Ratchet(NamedTuple):
    """A sender's ratchet: the next generation, its secret, and the unspent keys of earlier ones."""

    generation: int
    secret: bytes
    skipped: Mapping[int, KeyAndNonce] = NO_KEYS


class Windows(NamedTuple):
    """How far ahead a generation may be, and how many skipped keys a ratchet keeps (limits.py)."""

    forward_generations: int
    skipped_keys: int


class FoundKey(NamedTuple):
    """A key that was looked up, and the tree in which it is spent."""

    key: bytes
    nonce: bytes
    spent: SecretTree


class SecretTree:
    """What is left of an epoch's encryption_secret.

    `nodes` holds the secrets of subtrees not opened yet, by node index; `ratchets` those of
    senders, by 2 * leaf index (application) and 2 * leaf index + 1 (handshake).
    """

    __slots__ = ("leaf_count", "nodes", "ratchets", "suite")

    def __init__(
        self,
        suite: CipherSuite,
        leaf_count: int,
        nodes: Mapping[int, bytes],
        ratchets: SharedMap[Ratchet],
    ) -> None:
        self.suite = suite
        self.leaf_count = leaf_count
        self.nodes = nodes
        self.ratchets = ratchets

    @classmethod
    def of_epoch(cls, suite: CipherSuite, leaf_count: int, encryption_secret: bytes) -> SecretTree:
        """The tree of a new epoch; `leaf_count` counts blank leaves too."""
        return cls(suite, leaf_count, {root(leaf_count): encryption_secret}, SharedMap({}))

    def next_key(self, leaf: LeafIndex, *, handshake: bool) -> tuple[Generation, bytes, bytes, SecretTree]:
        """(generation, key, nonce, tree with it spent) for the client's own next message."""
        name = 2 * leaf + handshake
        ratchet = self.ratchets.find(name)
        tree = self
        if ratchet is None:
            tree = self.opened(leaf)
            ratchet = tree.ratchets[name]
        generation = ratchet.generation
        if generation > 0xFFFF_FFFF:
            raise LocalError("generations-exhausted", "This epoch's message keys are used up: commit first.")
        context = u32(generation)
        key, nonce = self.suite.key_and_nonce(ratchet.secret, context)
        following = Ratchet(
            generation + 1, self.suite.next_ratchet_secret(ratchet.secret, context), ratchet.skipped
        )
        return Generation(generation), key, nonce, tree.with_ratchet(name, following)

    def key_for(
        self, leaf: LeafIndex, generation: Generation, windows: Windows, *, handshake: bool
    ) -> FoundKey:
        """The key of a received message. Nothing is computed for a generation beyond the window."""
        name = 2 * leaf + handshake
        ratchet = self.ratchets.find(name)
        if generation - (ratchet.generation if ratchet else 0) > windows.forward_generations:
            raise RemoteError(Rule.GENERATION_TOO_FAR)
        tree = self
        if ratchet is None:
            tree = self.opened(leaf)
            ratchet = tree.ratchets[name]
        if generation < ratchet.generation:
            found = ratchet.skipped.get(generation)
            if found is None:
                raise RemoteError(Rule.GENERATION_SPENT)
            skipped = dict(ratchet.skipped)
            del skipped[generation]
            return FoundKey(*found, tree.with_ratchet(name, ratchet._replace(skipped=skipped)))
        found, following = self._advance(ratchet, generation, windows.skipped_keys)
        return FoundKey(*found, tree.with_ratchet(name, following))

    def holds(self, leaf: LeafIndex) -> bool:
        """Whether application keys of a leaf can still be had from here."""
        if 2 * leaf in self.ratchets:
            return True
        above = direct_path(2 * leaf, root(self.leaf_count))
        return any(node in self.nodes for node in (2 * leaf, *above))

    def retired(self, spent: Collection[LeafIndex], own: LeafIndex) -> SecretTree:
        """For an epoch that has ended: without handshake ratchets and the own one, which nobody reads.

        The `spent` leaves, whose handshake keys were used, are opened first, so that nothing above
        them can give those keys again.
        """
        tree = self
        for leaf in spent:
            if 2 * leaf not in tree.ratchets:
                tree = tree.opened(leaf)
        ratchets = {name: one for name, one in tree.ratchets.items() if not name & 1 and name != 2 * own}
        return SecretTree(tree.suite, tree.leaf_count, tree.nodes, SharedMap.of(ratchets))

    def _advance(self, ratchet: Ratchet, generation: int, keep: int) -> tuple[KeyAndNonce, Ratchet]:
        """Steps to `generation`, keeping the keys passed over, the newest `keep` of them."""
        suite = self.suite
        secret = ratchet.secret
        skipped = ratchet.skipped
        if generation > ratchet.generation:
            keys = dict(skipped)
            for passed in range(ratchet.generation, generation):
                context = u32(passed)
                keys[passed] = suite.key_and_nonce(secret, context)
                secret = suite.next_ratchet_secret(secret, context)
            for oldest in list(keys)[: max(0, len(keys) - keep)]:
                del keys[oldest]
            skipped = keys
        context = u32(generation)
        found = suite.key_and_nonce(secret, context)
        return found, Ratchet(generation + 1, suite.next_ratchet_secret(secret, context), skipped)

    def with_ratchet(self, name: int, ratchet: Ratchet) -> SecretTree:
        """With one ratchet replaced; for its name see the class."""
        return SecretTree(self.suite, self.leaf_count, self.nodes, self.ratchets.with_item(name, ratchet))

    def opened(self, leaf: LeafIndex) -> SecretTree:
        """With both ratchets of a leaf begun and every secret above it replaced by its children's."""
        if not 0 <= leaf < self.leaf_count:
            raise RemoteError(Rule.SENDER_BLANK)
        suite = self.suite
        nodes = dict(self.nodes)
        path: list[int] = []
        node = 2 * leaf
        top = root(self.leaf_count)
        while node not in nodes:
            if node == top:
                raise RemoteError(Rule.GENERATION_SPENT)
            path.append(node)
            node = parent(node)
        secret = nodes.pop(node)
        for below in reversed(path):
            for child, label in ((left(node), b"left"), (right(node), b"right")):
                nodes[child] = suite.expand_with_label(secret, b"tree", label, suite.hash_size)
            node = below
            secret = nodes.pop(node)
        application = Ratchet(0, suite.derive_secret(secret, b"application"))
        handshake = Ratchet(0, suite.derive_secret(secret, b"handshake"))
        ratchets = self.ratchets.with_item(2 * leaf, application).with_item(2 * leaf + 1, handshake)
        return SecretTree(suite, self.leaf_count, nodes, ratchets)


def sender_data_key_and_nonce(
    suite: CipherSuite, sender_data_secret: bytes, ciphertext: bytes
) -> KeyAndNonce:
    """The key and nonce of encrypted_sender_data, from a sample of the ciphertext (section 6.3.2)."""
    return suite.key_and_nonce(sender_data_secret, ciphertext[: suite.hash_size])
