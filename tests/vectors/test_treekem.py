"""treekem.json: the given update paths, and our own from every member (RFC 9420 sections 7.4 to 7.9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from random import Random

import pytest

from backchannel_mls.codec import parse_all
from backchannel_mls.crypto.suite import CipherSuite, cipher_suite
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.tree.math import common_ancestor
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.tree.treekem import create_path, decrypt_path, derive_upward, merge_path
from backchannel_mls.tree.validation import verify_tree
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex, LeafNodeSource, NodeIndex
from backchannel_mls.wire.commit import UpdatePath
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.leaf_node import LeafNode
from vectors.cases import Vector, cases, unhex

CASES = cases("treekem")


@dataclass(frozen=True)
class PrivateState:
    """What one member knows of the tree."""

    index: LeafIndex
    signature_private: bytes
    keys: dict[NodeIndex, bytes]
    path_secrets: dict[NodeIndex, bytes]


@dataclass(frozen=True)
class Group:
    """A vector, parsed."""

    suite: CipherSuite
    tree: RatchetTree
    group_id: GroupId
    case: Vector

    def context(self, tree_hash: bytes) -> bytes:
        """The provisional GroupContext to which a path's secrets are encrypted."""
        return GroupContext(
            self.suite.id,
            self.group_id,
            EpochNumber(self.case["epoch"]),
            tree_hash,
            unhex(self.case["confirmed_transcript_hash"]),
            (),
        ).encode()

    def members(self) -> list[PrivateState]:
        """All members' private states."""
        return [self.member(given) for given in self.case["leaves_private"]]

    def member(self, given: Vector) -> PrivateState:
        """A member's private keys: the leaf's own, and those that its path secrets give."""
        index = LeafIndex(given["index"])
        keys = {NodeIndex(2 * index): unhex(given["encryption_priv"])}
        path_secrets = {NodeIndex(one["node"]): unhex(one["path_secret"]) for one in given["path_secrets"]}
        for node, secret in path_secrets.items():
            keys[node], _ = self.suite.derive_key_pair(self.suite.derive_secret(secret, b"node"))
        return PrivateState(index, unhex(given["signature_priv"]), keys, path_secrets)


def group_of(case: Vector) -> Group:
    suite = cipher_suite(case["cipher_suite"])
    tree = RatchetTree.parse(suite, unhex(case["ratchet_tree"]))
    return Group(suite, tree, GroupId(unhex(case["group_id"])), case)


@pytest.mark.parametrize("case", CASES)
def test_given_private_keys_belong_to_the_tree(case: Vector) -> None:
    group = group_of(case)
    verify_tree(group.tree)
    members = group.members()
    assert [member.index for member in members] == [index for index, _ in group.tree.leaves()]
    for member in members:
        leaf = group.tree.leaf(member.index)
        assert leaf is not None
        assert group.suite.signature.public_of(member.signature_private) == leaf.signature_key
        for node, private in member.keys.items():
            assert group.suite.kem.public_of(private) == group.tree.encryption_key(node)


@pytest.mark.parametrize("case", CASES)
def test_every_member_processes_the_given_paths(case: Vector) -> None:
    group = group_of(case)
    members = group.members()
    for given in case["update_paths"]:
        sender = LeafIndex(given["sender"])
        path = parse_all(unhex(given["update_path"]), UpdatePath.parse)
        assert path.encode() == unhex(given["update_path"])
        tree = merge_path(group.tree, sender, path, ())
        assert tree.tree_hash().hex() == given["tree_hash_after"]
        verify_tree(tree)
        check_leaf_signature(group, path.leaf_node, sender)
        context = group.context(tree.tree_hash())
        for member in members:
            secret = given["path_secrets"][member.index]
            if member.index == sender:
                assert secret is None
                continue
            derived = decrypt_path(tree, sender, path, (), context, member.index, member.keys)
            assert derived.commit_secret.hex() == given["commit_secret"]
            meeting = common_ancestor(2 * member.index, 2 * sender)
            path_nodes = [node for node, _ in tree.filtered_direct_path(sender)]
            above = path_nodes[path_nodes.index(NodeIndex(meeting)) :]
            assert derive_upward(tree, above, unhex(secret)) == derived


@pytest.mark.parametrize("case", CASES)
def test_everybody_else_processes_our_path_from_every_member(case: Vector) -> None:
    group = group_of(case)
    random = Random(1)
    members = group.members()
    for committer in members:
        created = create_path(
            group.tree,
            committer.index,
            (),
            partial(signed_leaf, group, committer),
            group.context,
            random.randbytes,
        )
        assert created.update_path is not None
        path = parse_all(created.update_path.encode(), UpdatePath.parse)
        tree = merge_path(group.tree, committer.index, path, ())
        assert tree.nodes == created.tree.nodes
        assert tree.tree_hash() == created.tree.tree_hash()
        verify_tree(tree)
        check_leaf_signature(group, path.leaf_node, committer.index)
        for node, private in created.private_keys.items():
            assert group.suite.kem.public_of(private) == tree.encryption_key(node)
        context = group.context(tree.tree_hash())
        for member in members:
            if member.index != committer.index:
                derived = decrypt_path(tree, committer.index, path, (), context, member.index, member.keys)
                assert derived.commit_secret == created.commit_secret
                assert derived.private_keys.items() <= created.private_keys.items()


@pytest.mark.parametrize("case", CASES)
def test_path_with_a_foreign_context_or_an_altered_key_is_refused(case: Vector) -> None:
    group = group_of(case)
    given = case["update_paths"][0]
    sender = LeafIndex(given["sender"])
    path = parse_all(unhex(given["update_path"]), UpdatePath.parse)
    tree = merge_path(group.tree, sender, path, ())
    receiver = next(member for member in group.members() if member.index != sender)
    with pytest.raises(RemoteError) as undecryptable:
        decrypt_path(tree, sender, path, (), b"another context", receiver.index, receiver.keys)
    assert undecryptable.value.rule is Rule.PATH_UNDECRYPTABLE
    with pytest.raises(RemoteError) as short:
        merge_path(group.tree, sender, replace(path, nodes=path.nodes[:-1]), ())
    assert short.value.rule is Rule.PATH_LENGTH_WRONG
    _, other_key = group.suite.derive_key_pair(b"another key" + bytes(32))
    swapped = replace(path.nodes[-1], encryption_key=other_key)
    with pytest.raises(RemoteError) as unchained:
        merge_path(group.tree, sender, replace(path, nodes=(*path.nodes[:-1], swapped)), ())
    assert unchained.value.rule is Rule.PATH_PARENT_HASH_WRONG


def signed_leaf(group: Group, member: PrivateState, key: bytes, parent_hash: bytes) -> LeafNode:
    """The committer's new leaf."""
    old = group.tree.leaf(member.index)
    assert old is not None
    fresh = replace(old, encryption_key=key, lifetime=None, _raw=b"")
    leaf = replace(fresh, source=LeafNodeSource.COMMIT, parent_hash=parent_hash)
    signing = group.suite.signature.load_signing(member.signature_private)
    content = leaf.signed_content(group.group_id, member.index)
    return leaf.with_signature(group.suite.sign_with_label(signing, b"LeafNodeTBS", content))


def check_leaf_signature(group: Group, leaf: LeafNode, index: LeafIndex) -> None:
    key = group.suite.verifying_key(leaf.signature_key)
    content = leaf.signed_content(group.group_id, index)
    group.suite.verify_with_label(key, b"LeafNodeTBS", content, leaf.signature, Rule.LEAF_SIGNATURE_INVALID)
