"""The ratchet tree (RFC 9420 sections 4, 7.4, 7.7, 7.8, 7.9 and 12.4.3.3). Immutable.

Nodes are parsed once and shared by all trees that hold them: a changed tree is a copied list.
Subtree hashes are kept, and forgotten along the paths that change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from backchannel_mls.codec import ItemBudget, Reader, u32, vector
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.limits import MAX_MESSAGE_BYTES, MAX_TREE_ITEMS, MAX_TREE_LEAVES
from backchannel_mls.rules import Rule
from backchannel_mls.tree.math import direct_path, is_below, left, level, parent, right, sibling
from backchannel_mls.types import LeafIndex, NodeIndex
from backchannel_mls.wire.leaf_node import LeafNode

_LEAF = b"\1"
_PARENT = b"\2"
_BLANK = b"\0"
_PRESENT = b"\1"


@dataclass(frozen=True, slots=True)
class ParentNode:
    """struct ParentNode (section 7.1); unmerged leaves ascend."""

    encryption_key: bytes
    parent_hash: bytes
    unmerged_leaves: tuple[LeafIndex, ...] = ()

    def encode(self) -> bytes:
        """Section 7.1."""
        unmerged = b"".join(map(u32, self.unmerged_leaves))
        return vector(self.encryption_key) + vector(self.parent_hash) + vector(unmerged)

    @classmethod
    def parse(cls, reader: Reader) -> ParentNode:
        """Section 7.1."""
        key, parent_hash, unmerged = reader.vector(), reader.vector(), reader.u32_items()
        if any(one >= other for one, other in pairwise(unmerged)):
            raise RemoteError(Rule.UNMERGED_LEAF_INVALID)
        return cls(key, parent_hash, tuple(map(LeafIndex, unmerged)))


Node = LeafNode | ParentNode | None


def encode_node(node: Node) -> bytes:
    """optional<Node> (section 12.4.3.3)."""
    if node is None:
        return _BLANK
    return _PRESENT + (_LEAF if isinstance(node, LeafNode) else _PARENT) + node.encode()


def parse_node(reader: Reader) -> Node:
    """optional<Node> (section 12.4.3.3)."""
    mark = reader.uint(1)
    if mark > 1:
        raise RemoteError(Rule.OPTIONAL_INVALID)
    if not mark:
        return None
    kind = reader.uint(1)
    if kind == 1:
        return LeafNode.parse(reader)
    if kind == 2:
        return ParentNode.parse(reader)
    raise RemoteError(Rule.VALUE_UNKNOWN)


class RatchetTree:
    """A tree of 2**d leaves. `nodes` and `hashes` are indexed by NodeIndex and never changed."""

    __slots__ = ("hashes", "nodes", "suite")

    def __init__(
        self, suite: CipherSuite, nodes: list[Node], hashes: list[bytes | None] | None = None
    ) -> None:
        self.suite = suite
        self.nodes = nodes
        self.hashes: list[bytes | None] = [None] * len(nodes) if hashes is None else hashes

    # ---- reading
    @property
    def leaf_count(self) -> int:
        """How many leaves there are, blank ones included."""
        return (len(self.nodes) + 1) // 2

    @property
    def root(self) -> NodeIndex:
        """The root."""
        return NodeIndex(len(self.nodes) // 2)

    def leaf(self, index: int) -> LeafNode | None:
        """The leaf at an index; None where it is blank or outside the tree."""
        if not 0 <= index < self.leaf_count:
            return None
        node = self.nodes[2 * index]
        return node if isinstance(node, LeafNode) else None

    def leaves(self) -> Iterator[tuple[LeafIndex, LeafNode]]:
        """The members, in order."""
        for index, node in enumerate(self.nodes[::2]):
            if isinstance(node, LeafNode):
                yield LeafIndex(index), node

    def parent_node(self, node: int) -> ParentNode | None:
        """The parent node at an index, None where it is blank."""
        found = self.nodes[node]
        return found if isinstance(found, ParentNode) else None

    def encryption_key(self, node: int) -> bytes:
        """The key of a node that is not blank."""
        found = self.nodes[node]
        if found is None:
            raise LocalError("node-blank", "A blank node has no key.")
        return found.encryption_key

    def resolution(self, node: int) -> list[NodeIndex]:
        """The resolution (section 4.1.1): the keys that reach everybody below a node."""
        found = self.nodes[node]
        if isinstance(found, ParentNode):
            return [NodeIndex(node), *(NodeIndex(2 * leaf) for leaf in found.unmerged_leaves)]
        if found is not None:
            return [NodeIndex(node)]
        if not node & 1:
            return []
        return self.resolution(left(node)) + self.resolution(right(node))

    def filtered_direct_path(self, leaf: LeafIndex) -> list[tuple[NodeIndex, NodeIndex]]:
        """(node, its child on the copath) for each node of the filtered direct path (section 4.1.2)."""
        path: list[tuple[NodeIndex, NodeIndex]] = []
        node = 2 * leaf
        for above in direct_path(node, self.root):
            other = sibling(node)
            if self._has_members(other):
                path.append((NodeIndex(above), NodeIndex(other)))
            node = above
        return path

    def _has_members(self, node: int) -> bool:
        if self.nodes[node] is not None:
            return True
        return bool(node & 1) and (self._has_members(left(node)) or self._has_members(right(node)))

    # ---- hashes
    def tree_hash(self, node: int | None = None) -> bytes:
        """The tree hash (section 7.8) of a subtree, or of the whole tree."""
        index = self.root if node is None else node
        known = self.hashes[index]
        if known is None:
            known = self.hashes[index] = self._compute_hash(index, frozenset())
        return known

    def _hash_without(self, node: int, excluded: frozenset[LeafIndex]) -> bytes:
        """The hash of a subtree as it was before the `excluded` leaves, all below it, were added (7.9)."""
        if not excluded:
            return self.tree_hash(node)
        return self._compute_hash(node, excluded)

    def _compute_hash(self, node: int, excluded: frozenset[LeafIndex]) -> bytes:
        found = self.nodes[node]
        if not node & 1:
            if excluded and LeafIndex(node >> 1) in excluded:
                found = None
            content = _BLANK if found is None else _PRESENT + found.encode()
            return self.suite.hash(_LEAF + u32(node >> 1) + content)
        if excluded and isinstance(found, ParentNode):
            kept = tuple(leaf for leaf in found.unmerged_leaves if leaf not in excluded)
            found = ParentNode(found.encryption_key, found.parent_hash, kept)
        content = _BLANK if found is None else _PRESENT + found.encode()
        halves = b""
        for child in (left(node), right(node)):
            below = (
                frozenset(leaf for leaf in excluded if is_below(2 * leaf, child)) if excluded else excluded
            )
            halves += vector(self._hash_without(child, below))
        return self.suite.hash(_PARENT + content + halves)

    def parent_hash(self, node: int, copath_child: int) -> bytes:
        """The parent hash of a node with its copath child (section 7.9)."""
        found = self.nodes[node]
        if not isinstance(found, ParentNode):
            raise LocalError("node-blank", "A blank node has no parent hash.")
        excluded = frozenset(leaf for leaf in found.unmerged_leaves if is_below(2 * leaf, copath_child))
        original = self._hash_without(copath_child, excluded)
        return self.suite.hash(vector(found.encryption_key) + vector(found.parent_hash) + vector(original))

    # ---- changing (each returns a new tree)
    def with_nodes(self, changed: Mapping[int, Node]) -> RatchetTree:
        """With the given nodes replaced, and the hashes above them forgotten."""
        nodes = list(self.nodes)
        hashes = list(self.hashes)
        top = self.root
        for index, node in changed.items():
            nodes[index] = node
            hashes[index] = None
        for index in changed:
            above = index
            while above != top:
                above = parent(above)
                hashes[above] = None
        return RatchetTree(self.suite, nodes, hashes)

    def with_room(self) -> tuple[RatchetTree, LeafIndex]:
        """A tree with a blank leaf, and the leftmost such; doubled if there was none (section 12.1.1)."""
        nodes = self.nodes
        count = self.leaf_count
        for index in range(count):
            if nodes[2 * index] is None:
                return self, LeafIndex(index)
        if 2 * count > MAX_TREE_LEAVES:
            raise RemoteError(Rule.TOO_LARGE)
        grown = len(nodes) + 1
        tree = RatchetTree(self.suite, nodes + [None] * grown, self.hashes + [None] * grown)
        return tree, LeafIndex(count)

    def with_added(self, leaf: LeafNode) -> tuple[RatchetTree, LeafIndex]:
        """With a member at the leftmost blank leaf, unmerged in every node above (section 12.1.1)."""
        tree, index = self.with_room()
        changed: dict[int, Node] = {2 * index: leaf}
        for above in direct_path(2 * index, tree.root):
            node = tree.nodes[above]
            if isinstance(node, ParentNode):
                unmerged = tuple(sorted((*node.unmerged_leaves, index)))
                changed[above] = ParentNode(node.encryption_key, node.parent_hash, unmerged)
        return tree.with_nodes(changed), index

    def with_updated(self, index: LeafIndex, leaf: LeafNode) -> RatchetTree:
        """With a member's leaf replaced and the nodes above it blank (section 12.1.2)."""
        changed: dict[int, Node] = dict.fromkeys(direct_path(2 * index, self.root))
        changed[2 * index] = leaf
        return self.with_nodes(changed)

    def with_removed(self, index: LeafIndex) -> RatchetTree:
        """Without a member, truncated to what is needed (section 12.1.3)."""
        changed: dict[int, Node] = dict.fromkeys(direct_path(2 * index, self.root))
        changed[2 * index] = None
        tree = self.with_nodes(changed)
        nodes, hashes = tree.nodes, tree.hashes
        while len(nodes) > 1 and all(node is None for node in nodes[len(nodes) // 2 + 1 :: 2]):
            nodes, hashes = nodes[: len(nodes) // 2], hashes[: len(nodes) // 2]
        return RatchetTree(self.suite, nodes, hashes)

    # ---- encoding (section 12.4.3.3)
    def encode(self) -> bytes:
        """ratchet_tree: the nodes up to the last that is not blank."""
        end = len(self.nodes)
        while end and self.nodes[end - 1] is None:
            end -= 1
        return vector(b"".join(map(encode_node, self.nodes[:end])))

    @classmethod
    def parse(cls, suite: CipherSuite, data: bytes) -> RatchetTree:
        """Parses a ratchet_tree. Well-formed, not verified: see tree/validation.py."""
        if len(data) > MAX_MESSAGE_BYTES:
            raise RemoteError(Rule.TOO_LARGE)
        reader = Reader(data, budget=ItemBudget(MAX_TREE_ITEMS))
        if reader.length() != len(data) - reader.position:
            raise RemoteError(Rule.TRAILING_BYTES)
        nodes: list[Node] = []
        while reader.position < reader.end:
            if len(nodes) >= 2 * MAX_TREE_LEAVES - 1:
                raise RemoteError(Rule.TOO_LARGE)
            nodes.append(parse_node(reader))
        if not nodes or nodes[-1] is None:
            raise RemoteError(Rule.TREE_MALFORMED)
        return cls.of_nodes(suite, nodes)

    @classmethod
    def of_nodes(cls, suite: CipherSuite, nodes: Iterable[Node]) -> RatchetTree:
        """A tree of these nodes, filled up with blanks to a full one."""
        filled = list(nodes)
        for index, node in enumerate(filled):
            if node is not None and isinstance(node, LeafNode) != (level(index) == 0):
                raise RemoteError(Rule.TREE_MALFORMED)
        width = 1
        while width < len(filled):
            width = 2 * width + 1
        return cls(suite, filled + [None] * (width - len(filled)))
