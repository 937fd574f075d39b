"""Merkle tree hashes of RFC 6962 section 2.1, grown one leaf at a time.

A `Frontier` is the roots of the perfect subtrees that make up a tree, largest first: all that
appending and computing the root needs, at most 64 hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` entries. `hashes` has one hash for each bit that is set in `size`."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, entry: bytes) -> Frontier:
        """The tree with one entry more."""
        hashes = list(self.hashes)
        added = leaf_hash(entry)
        size = self.size
        while size & 1:
            added = node_hash(hashes.pop(), added)
            size >>= 1
        return Frontier(self.size + 1, (*hashes, added))

    def extend(self, entries: Iterable[bytes]) -> Frontier:
        """The tree with more entries."""
        frontier = self
        for entry in entries:
            frontier = frontier.append(entry)
        return frontier

    def root(self) -> bytes:
        """The Merkle tree hash, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for larger in reversed(self.hashes[:-1]):
            root = node_hash(larger, root)
        return root

    def encode(self) -> bytes:
        """For storage: the hashes one after another; the size stands beside."""
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, data: bytes) -> Frontier:
        """What `encode` wrote. Raises ValueError."""
        hashes = tuple(data[at : at + 32] for at in range(0, len(data), 32))
        if size < 0 or len(data) % 32 or len(hashes) != size.bit_count():
            raise ValueError("the stored frontier does not fit its size")
        return cls(size, hashes)


def tree_root(entries: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of a list of entries, as RFC 6962 defines it: to check `Frontier` by."""
    if not entries:
        return EMPTY_ROOT
    if len(entries) == 1:
        return leaf_hash(entries[0])
    split = 1 << ((len(entries) - 1).bit_length() - 1)
    return node_hash(tree_root(entries[:split]), tree_root(entries[split:]))
