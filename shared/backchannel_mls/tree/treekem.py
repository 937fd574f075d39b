"""Update paths (RFC 9420 sections 7.4 to 7.6): made by the committer, merged by the others.

The public part (`merge_path`) and the private part (`decrypt_path`) are apart, so that a member
who is being removed can still check the former.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from backchannel_mls.codec import vector
from backchannel_mls.crypto.suite import CipherSuite, RandomBytes
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.tree.math import direct_path, is_below
from backchannel_mls.tree.ratchet_tree import Node, ParentNode, RatchetTree
from backchannel_mls.types import LeafIndex, NodeIndex
from backchannel_mls.wire.commit import HpkeCiphertext, UpdatePath, UpdatePathNode
from backchannel_mls.wire.leaf_node import LeafNode

Path = Sequence[tuple[NodeIndex, NodeIndex]]
_LABEL = b"UpdatePathNode"


@dataclass(frozen=True, slots=True)
class CreatedPath:
    """A new path: what is sent, the tree with it, and the secrets that only the committer holds.

    A commit without path has none to send (`no_path`).
    """

    update_path: UpdatePath | None
    tree: RatchetTree
    commit_secret: bytes
    private_keys: Mapping[NodeIndex, bytes]
    path_secrets: Mapping[NodeIndex, bytes]


@dataclass(frozen=True, slots=True)
class DerivedPath:
    """What a path secret gives: the commit secret, and the keys of the nodes upward."""

    commit_secret: bytes
    private_keys: Mapping[NodeIndex, bytes]


def no_path(tree: RatchetTree) -> CreatedPath:
    """What a commit without path has instead: its commit secret is all zero (section 12.4.1)."""
    return CreatedPath(None, tree, tree.suite.zero_secret, {}, {})


def create_path(
    tree: RatchetTree,
    committer: LeafIndex,
    new_leaves: Collection[LeafIndex],
    make_leaf: Callable[[bytes, bytes], LeafNode],
    provisional_context: Callable[[bytes], bytes],
    random: RandomBytes,
) -> CreatedPath:
    """A path for `committer`.

    `make_leaf(encryption_key, parent_hash)` signs the new leaf; `provisional_context(tree_hash)`
    encodes the GroupContext that the encryption is bound to (section 12.4.1). `new_leaves`, added
    in the same commit, get their path secrets in the Welcome instead.
    """
    suite = tree.suite
    path = tree.filtered_direct_path(committer)
    path_secret = random(suite.hash_size)
    path_secrets: dict[NodeIndex, bytes] = {}
    private_keys: dict[NodeIndex, bytes] = {}
    public_keys: list[bytes] = []
    for node, _ in path:
        path_secrets[node] = path_secret
        private_keys[node], public = suite.derive_key_pair(suite.derive_secret(path_secret, b"node"))
        public_keys.append(public)
        path_secret = suite.derive_secret(path_secret, b"path")
    leaf_private, leaf_public = suite.derive_key_pair(random(max(32, suite.hash_size)))
    private_keys[NodeIndex(2 * committer)] = leaf_private
    placed, parent_hash = _place_keys(tree, committer, path, public_keys)
    leaf = make_leaf(leaf_public, parent_hash)
    new_tree = placed.with_nodes({2 * committer: leaf})
    context = provisional_context(new_tree.tree_hash())
    nodes = tuple(
        UpdatePathNode(public, _seal_to(suite, new_tree, copath, new_leaves, context, path_secrets[node]))
        for (node, copath), public in zip(path, public_keys, strict=True)
    )
    return CreatedPath(UpdatePath(leaf, nodes), new_tree, path_secret, private_keys, path_secrets)


def _seal_to(
    suite: CipherSuite,
    tree: RatchetTree,
    copath: NodeIndex,
    new_leaves: Collection[LeafIndex],
    context: bytes,
    path_secret: bytes,
) -> tuple[HpkeCiphertext, ...]:
    return tuple(
        HpkeCiphertext(*suite.encrypt_with_label(tree.encryption_key(node), _LABEL, context, path_secret))
        for node in recipients(tree, copath, new_leaves)
    )


def recipients(tree: RatchetTree, copath: NodeIndex, new_leaves: Collection[LeafIndex]) -> list[NodeIndex]:
    """To whom a path secret is encrypted: the copath child's resolution without new leaves (section 7.5)."""
    resolution = tree.resolution(copath)
    return (
        [node for node in resolution if node & 1 or node >> 1 not in new_leaves] if new_leaves else resolution
    )


def _place_keys(
    tree: RatchetTree, committer: LeafIndex, path: Path, public_keys: Sequence[bytes]
) -> tuple[RatchetTree, bytes]:
    """The tree with a path's keys, and the parent hash that the committer's leaf must carry.

    Hashes go from the root down, so that each includes those above it. The copath subtrees do not
    change, so their hashes are those of the tree as it is.
    """
    suite = tree.suite
    changed: dict[int, Node] = dict.fromkeys(direct_path(2 * committer, tree.root))
    parent_hash = b""
    for (node, copath), key in zip(reversed(path), reversed(public_keys), strict=True):
        changed[node] = ParentNode(key, parent_hash)
        parent_hash = suite.hash(vector(key) + vector(parent_hash) + vector(tree.tree_hash(copath)))
    return tree.with_nodes(changed), parent_hash


def merge_path(
    tree: RatchetTree, committer: LeafIndex, update_path: UpdatePath, new_leaves: Collection[LeafIndex]
) -> RatchetTree:
    """The tree with a received path: lengths, fresh keys and the leaf's parent hash are checked.

    The leaf itself is the caller's to check (section 7.3).
    """
    path = tree.filtered_direct_path(committer)
    if len(update_path.nodes) != len(path):
        raise RemoteError(Rule.PATH_LENGTH_WRONG)
    for (_, copath), node in zip(path, update_path.nodes, strict=True):
        if len(node.encrypted_path_secret) != len(recipients(tree, copath, new_leaves)):
            raise RemoteError(Rule.PATH_CIPHERTEXTS_WRONG)
    _check_keys_fresh(tree, committer, update_path)
    public_keys = [node.encryption_key for node in update_path.nodes]
    placed, parent_hash = _place_keys(tree, committer, path, public_keys)
    if update_path.leaf_node.parent_hash != parent_hash:
        raise RemoteError(Rule.PATH_PARENT_HASH_WRONG)
    return placed.with_nodes({2 * committer: update_path.leaf_node})


def _check_keys_fresh(tree: RatchetTree, committer: LeafIndex, update_path: UpdatePath) -> None:
    """No key of the path stands elsewhere in the tree or twice in the path (section 12.4.2)."""
    leaf = tree.leaf(committer)
    if leaf is not None and leaf.encryption_key == update_path.leaf_node.encryption_key:
        raise RemoteError(Rule.PATH_LEAF_KEY_REUSED)
    sent = [update_path.leaf_node.encryption_key, *(node.encryption_key for node in update_path.nodes)]
    fresh = set(sent)
    if len(fresh) != len(sent):
        raise RemoteError(Rule.PATH_KEY_IN_TREE)
    if any(node is not None and node.encryption_key in fresh for node in tree.nodes):
        raise RemoteError(Rule.PATH_KEY_IN_TREE)
    for key in sent:
        tree.suite.check_hpke_public(key)


def decrypt_path(
    tree: RatchetTree,
    committer: LeafIndex,
    update_path: UpdatePath,
    new_leaves: Collection[LeafIndex],
    context: bytes,
    own_leaf: LeafIndex,
    private_keys: Mapping[NodeIndex, bytes],
) -> DerivedPath:
    """The path's secrets for the member at `own_leaf`; `tree` has the path merged (section 7.5)."""
    path = tree.filtered_direct_path(committer)
    own_node = 2 * own_leaf
    for position, (node, copath) in enumerate(path):
        if not is_below(own_node, node):
            continue
        reached = recipients(tree, copath, new_leaves)
        for at, recipient in enumerate(reached):
            if recipient in private_keys and is_below(own_node, recipient):
                sealed = update_path.nodes[position].encrypted_path_secret[at]
                secret = tree.suite.decrypt_with_label(
                    private_keys[recipient], _LABEL, context, sealed.kem_output, sealed.ciphertext
                )
                if secret is None or len(secret) != tree.suite.hash_size:
                    raise RemoteError(Rule.PATH_UNDECRYPTABLE)
                return derive_upward(tree, [above for above, _ in path[position:]], secret)
    raise RemoteError(Rule.PATH_UNDECRYPTABLE)


def derive_upward(tree: RatchetTree, nodes: Sequence[NodeIndex], path_secret: bytes) -> DerivedPath:
    """The keys of `nodes`, lowest first, from the lowest one's path secret (sections 7.4 and 7.5).

    Each must be the key that stands in the tree.
    """
    suite = tree.suite
    private_keys: dict[NodeIndex, bytes] = {}
    for node in nodes:
        private, public = suite.derive_key_pair(suite.derive_secret(path_secret, b"node"))
        found = tree.parent_node(node)
        if found is None or found.encryption_key != public:
            raise RemoteError(Rule.PATH_KEY_MISMATCH)
        private_keys[node] = private
        path_secret = suite.derive_secret(path_secret, b"path")
    return DerivedPath(path_secret, private_keys)
