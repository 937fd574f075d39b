"""Trees that no member could have made: refused, whatever is wrong with them (section 12.4.3.1)."""

from __future__ import annotations

import pytest

from backchannel_mls.crypto.suite import SUITES
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.tree.ratchet_tree import Node, ParentNode, RatchetTree
from backchannel_mls.tree.validation import verify_tree
from backchannel_mls.types import LeafIndex, LeafNodeSource
from backchannel_mls.wire.credential import BasicCredential
from backchannel_mls.wire.leaf_node import Capabilities, LeafNode

SUITE = SUITES[1]


def key(number: int) -> bytes:
    return SUITE.derive_key_pair(bytes((number,)) * 32)[1]


def leaf(number: int) -> LeafNode:
    capabilities = Capabilities((1,), (1,))
    credential = BasicCredential(bytes((number,)))
    return LeafNode(
        key(number), key(number), credential, capabilities, LeafNodeSource.UPDATE, None, None, (), b""
    )


def node(number: int, *unmerged: int) -> ParentNode:
    return ParentNode(key(100 + number), b"", tuple(map(LeafIndex, unmerged)))


WRONG: dict[str, tuple[list[Node], Rule]] = {
    "unmerged leaf outside the tree": (
        [leaf(0), node(1, 9), leaf(1)],
        Rule.UNMERGED_LEAF_INVALID,
    ),
    "unmerged leaf far outside the tree, right of a node without fault": (
        [leaf(0), None, leaf(1), node(3), leaf(2), node(5, 2**32 - 1), leaf(3)],
        Rule.UNMERGED_LEAF_INVALID,
    ),
    "unmerged leaf that is blank": ([leaf(0), node(1, 1), None], Rule.UNMERGED_LEAF_INVALID),
    "unmerged leaf of another subtree": (
        [leaf(0), node(1, 2), leaf(1), None, leaf(2)],
        Rule.UNMERGED_LEAF_INVALID,
    ),
    "unmerged leaf that a node between does not list": (
        [leaf(0), node(1), leaf(1), node(3, 1), leaf(2)],
        Rule.UNMERGED_LEAF_UNCHAINED,
    ),
    "node that nobody put there": ([leaf(0), node(1), leaf(1)], Rule.PARENT_HASH_INVALID),
    "node over blank leaves": ([None, node(1), None, None, leaf(2)], Rule.PARENT_HASH_INVALID),
    "two leaves with one key": ([leaf(0), None, leaf(0)], Rule.ENCRYPTION_KEY_DUPLICATE),
    "leaf and node with one key": ([leaf(0), ParentNode(key(0), b""), leaf(1)], Rule.TREE_KEY_DUPLICATE),
}


@pytest.mark.parametrize("name", WRONG)
def test_tree_is_refused(name: str) -> None:
    nodes, rule = WRONG[name]
    with pytest.raises(RemoteError) as refused:
        verify_tree(RatchetTree.of_nodes(SUITE, nodes))
    assert refused.value.rule is rule


@pytest.mark.parametrize(
    "nodes",
    [[node(0)], [leaf(0), leaf(1)], [leaf(0), leaf(1), leaf(2)], [leaf(0), None, node(2)]],
    ids=["parent as a leaf", "leaf as a parent", "leaf between leaves", "parent as second leaf"],
)
def test_node_out_of_its_place_is_refused(nodes: list[Node]) -> None:
    with pytest.raises(RemoteError) as refused:
        RatchetTree.of_nodes(SUITE, nodes)
    assert refused.value.rule is Rule.TREE_MALFORMED


@pytest.mark.parametrize("data", ["", "00", "0100", "020000"], ids=["nothing", "empty", "blank", "blanks"])
def test_tree_that_is_empty_or_ends_blank_is_refused(data: str) -> None:
    with pytest.raises(RemoteError):
        RatchetTree.parse(SUITE, bytes.fromhex(data))
