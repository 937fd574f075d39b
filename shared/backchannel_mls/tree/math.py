"""Indices of a full binary tree in an array (RFC 9420 section 4.1 and appendix C).

Leaf i stands at node 2i; a parent of level k has the lowest k bits of its index set.
"""

from __future__ import annotations


def level(node: int) -> int:
    """0 for leaves, k for a node over 2**k leaves."""
    return (node ^ (node + 1)).bit_length() - 1


def node_width(leaf_count: int) -> int:
    """How many nodes a tree with that many leaves has."""
    return 2 * leaf_count - 1 if leaf_count else 0


def root(leaf_count: int) -> int:
    """The root of a full tree; `leaf_count` is rounded up to a power of two."""
    return (1 << (leaf_count - 1).bit_length()) - 1


def left(node: int) -> int:
    """The left child of a parent node."""
    return node ^ (1 << (level(node) - 1))


def right(node: int) -> int:
    """The right child of a parent node."""
    return node ^ (3 << (level(node) - 1))


def parent(node: int) -> int:
    """The parent, in a tree without end: the caller knows where the root is."""
    bit = 1 << level(node)
    return (node | bit) & ~(bit << 1)


def sibling(node: int) -> int:
    """The other child of the node's parent."""
    above = parent(node)
    return right(above) if node < above else left(above)


def is_below(node: int, ancestor: int) -> bool:
    """Whether `node` is `ancestor` or below it."""
    half = (1 << level(ancestor)) - 1
    return ancestor - half <= node <= ancestor + half


def direct_path(node: int, top: int) -> list[int]:
    """The ancestors of `node` from its parent up to the root `top`."""
    path: list[int] = []
    while node != top:
        node = parent(node)
        path.append(node)
    return path


def common_ancestor(first: int, second: int) -> int:
    """The lowest node that has both below it."""
    while not is_below(second, first):
        first = parent(first)
    return first
