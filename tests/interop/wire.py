"""Just enough of RFC 9420's encoding to look into what other implementations only hand out as bytes.

Written apart from backchannel_mls on purpose: what judges a package must not be made of it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

LEAF_NODE: Final = 1
PARENT_NODE: Final = 2
BASIC_CREDENTIAL: Final = 1
FROM_KEY_PACKAGE: Final = 1
FROM_COMMIT: Final = 3
LIFETIME_SIZE: Final = 16
CAPABILITY_LISTS: Final = 5


class Leaf(NamedTuple):
    """What tells a member from another in a ratchet tree."""

    leaf: int
    identity: bytes
    signature_key: bytes


class Reader:
    """Reads fields off the front of some bytes; ValueError where they end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > len(self._data) - self._at:
            raise ValueError("truncated")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self) -> bytes:
        """A variable-length vector, `<V>` (section 2.1.2)."""
        first = self.number(1)
        more = (1 << (first >> 6)) - 1
        return self.take((first & 0x3F) << 8 * more | self.number(more))

    def done(self) -> bool:
        """Whether every byte has been read."""
        return self._at == len(self._data)


def encode_vector(data: bytes) -> bytes:
    """`data` with its length in front, in the fewest bytes (section 2.1.2)."""
    for prefix, size in enumerate((1, 2, 4)):
        if len(data) < 1 << (8 * size - 2):
            return (len(data) | prefix << (8 * size - 2)).to_bytes(size, "big") + data
    raise ValueError("too long for a vector")


def read_leaves(ratchet_tree: bytes) -> tuple[Leaf, ...]:
    """The occupied leaves of a ratchet tree whose credentials are basic (sections 7.2 and 12.4.3.3)."""
    nodes = Reader(Reader(ratchet_tree).vector())
    leaves = []
    position = 0
    while not nodes.done():
        if nodes.number(1):
            node_type = nodes.number(1)
            if node_type == LEAF_NODE:
                leaves.append(_read_leaf(nodes, position // 2))
            elif node_type == PARENT_NODE:
                for _ in ("encryption_key", "parent_hash", "unmerged_leaves"):
                    nodes.vector()
            else:
                raise ValueError(f"node type {node_type}")
        position += 1
    return tuple(leaves)


def _read_leaf(nodes: Reader, index: int) -> Leaf:
    nodes.vector()  # encryption_key
    signature_key = nodes.vector()
    if nodes.number(2) != BASIC_CREDENTIAL:
        raise ValueError("not a basic credential")
    identity = nodes.vector()
    for _ in range(CAPABILITY_LISTS):
        nodes.vector()
    source = nodes.number(1)
    if source == FROM_KEY_PACKAGE:
        nodes.take(LIFETIME_SIZE)
    elif source == FROM_COMMIT:
        nodes.vector()  # parent_hash
    nodes.vector()  # extensions
    nodes.vector()  # signature
    return Leaf(index, identity, signature_key)
