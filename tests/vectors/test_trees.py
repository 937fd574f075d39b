"""tree-validation.json and tree-operations.json: RFC 9420 sections 4, 7.3, 7.8, 7.9, 12.1 and 12.4.3."""

from __future__ import annotations

from typing import Final, assert_never

import pytest

from backchannel_mls.codec import parse_all
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.tree.ratchet_tree import ParentNode, RatchetTree
from backchannel_mls.tree.validation import verify_tree
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    Update,
    encode_proposal,
    parse_proposal,
)
from vectors.cases import Vector, cases, unhex
from vectors.checks import check_tree_encoding, check_tree_hashes, check_tree_is_valid, tree_of

VALIDATION: Final = cases("tree-validation")
OPERATIONS: Final = cases("tree-operations")


@pytest.mark.parametrize("case", VALIDATION)
def test_tree_encodes_to_the_bytes_it_was_parsed_from(case: Vector) -> None:
    check_tree_encoding(case)


@pytest.mark.parametrize("case", VALIDATION)
def test_resolution_and_hash_of_every_node_are_as_given(case: Vector) -> None:
    check_tree_hashes(case)


@pytest.mark.parametrize("case", VALIDATION)
def test_tree_is_valid_and_its_leaves_are_signed(case: Vector) -> None:
    check_tree_is_valid(case)


@pytest.mark.parametrize("case", VALIDATION)
def test_parent_node_that_nobody_put_there_is_refused(case: Vector) -> None:
    tree = tree_of(case)
    parents = [(index, node) for index, node in enumerate(tree.nodes) if isinstance(node, ParentNode)]
    for index, node in parents:
        key = bytes((node.encryption_key[0] ^ 1,)) + node.encryption_key[1:]
        forged = tree.with_nodes({index: ParentNode(key, node.parent_hash, node.unmerged_leaves)})
        with pytest.raises(RemoteError) as refused:
            verify_tree(forged)
        assert refused.value.rule is Rule.PARENT_HASH_INVALID


def apply_proposal(tree: RatchetTree, proposal: Proposal, sender: LeafIndex) -> RatchetTree:
    """What a commit of this one proposal does to the tree, before its path (section 12.3)."""
    match proposal:
        case Add():
            return tree.with_added(proposal.key_package.leaf_node)[0]
        case Update():
            return tree.with_updated(sender, proposal.leaf_node)
        case Remove():
            return tree.with_removed(proposal.removed)
        case PreSharedKey() | ReInit() | ExternalInit() | GroupContextExtensions():
            raise AssertionError("changes no tree")
        case _:
            assert_never(proposal)


@pytest.mark.parametrize("case", OPERATIONS)
def test_proposal_changes_the_tree_as_given(case: Vector) -> None:
    before, after = tree_of(case, "tree_before"), tree_of(case, "tree_after")
    proposal = parse_all(unhex(case["proposal"]), parse_proposal)
    assert encode_proposal(proposal) == unhex(case["proposal"])
    assert before.tree_hash().hex() == case["tree_hash_before"]
    changed = apply_proposal(before, proposal, LeafIndex(case["proposal_sender"]))
    assert changed.encode() == unhex(case["tree_after"])
    assert changed.tree_hash().hex() == case["tree_hash_after"]
    assert after.tree_hash().hex() == case["tree_hash_after"]
    assert changed.nodes == after.nodes


@pytest.mark.parametrize("case", OPERATIONS)
def test_changing_a_tree_leaves_the_old_one_as_it_was(case: Vector) -> None:
    before = tree_of(case, "tree_before")
    proposal = parse_all(unhex(case["proposal"]), parse_proposal)
    apply_proposal(before, proposal, LeafIndex(case["proposal_sender"])).tree_hash()
    assert before.encode() == unhex(case["tree_before"])
    assert before.tree_hash().hex() == case["tree_hash_before"]
