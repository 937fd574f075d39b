"""Integrity of a ratchet tree that came from outside (RFC 9420 sections 7.9.2 and 12.4.3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.tree.math import is_below, left, parent, right
from backchannel_mls.tree.ratchet_tree import ParentNode, RatchetTree
from backchannel_mls.types import LeafIndex


def verify_tree(tree: RatchetTree) -> None:
    """Keys are keys and unique, unmerged leaves consistent, and every parent node parent-hash valid."""
    check_keys_unique(tree)
    parents = [(index, node) for index, node in enumerate(tree.nodes) if isinstance(node, ParentNode)]
    # all of them first: a parent hash is over resolutions, and those are made of unmerged leaves
    listed = {index: frozenset(node.unmerged_leaves) for index, node in parents}
    for index, node in parents:
        check_unmerged_leaves(tree, index, node, listed)
    for index, node in parents:
        check_parent_hash(tree, index, node)
        tree.suite.check_hpke_public(node.encryption_key)


def check_keys_unique(tree: RatchetTree) -> None:
    """No encryption key stands in two nodes (section 12.4.3.1)."""
    keys = [node.encryption_key for node in tree.nodes if node is not None]
    if len(set(keys)) == len(keys):
        return
    leaf_keys = [node.encryption_key for node in tree.nodes[::2] if node is not None]
    leaves_differ = len(set(leaf_keys)) == len(leaf_keys)
    raise RemoteError(Rule.TREE_KEY_DUPLICATE if leaves_differ else Rule.ENCRYPTION_KEY_DUPLICATE)


def check_unmerged_leaves(
    tree: RatchetTree, index: int, node: ParentNode, listed: Mapping[int, frozenset[LeafIndex]]
) -> None:
    """Each is a member below the node, and listed by every node between (section 12.4.3.1).

    `listed`: the unmerged leaves of every parent node, as sets: a tree from outside may have many.
    """
    for leaf in node.unmerged_leaves:
        if tree.leaf(leaf) is None or not is_below(2 * leaf, index):
            raise RemoteError(Rule.UNMERGED_LEAF_INVALID)
        between = parent(2 * leaf)
        while between != index:
            if between in listed and leaf not in listed[between]:
                raise RemoteError(Rule.UNMERGED_LEAF_UNCHAINED)
            between = parent(between)


def check_parent_hash(tree: RatchetTree, index: int, node: ParentNode) -> None:
    """Exactly one node below chains to this one by its parent hash (section 7.9.2).

    The unmerged leaves under the child C must be the resolution of C without D: compared as
    sets, leaf by leaf, since D's own unmerged leaves stand in that resolution too. So D can only
    be what the resolution has besides them.
    """
    chained = 0
    for child, other in ((left(index), right(index)), (right(index), left(index))):
        resolution = set(tree.resolution(child))
        unmerged = {2 * leaf for leaf in node.unmerged_leaves if is_below(2 * leaf, child)}
        besides = resolution - unmerged
        if len(besides) != 1 or not unmerged <= resolution:
            continue
        found = tree.nodes[besides.pop()]
        if found is not None and found.parent_hash == tree.parent_hash(index, other):
            chained += 1
    if chained != 1:
        raise RemoteError(Rule.PARENT_HASH_INVALID)
