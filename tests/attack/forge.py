"""What a hostile member can make: messages with one thing wrong, and the rest right.

Nothing here is checked, and everything is computed from what was altered before: a commit with a
forged leaf is encrypted for, hashed with, signed over and confirmed for the tree with that leaf.
The lower floors of the package are used, so that what is right is right by its own measure; the
controls in test_toolkit.py show that without an alteration every forgery is accepted.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from attack.cast import NOW_S
from attack.forge_message import Alter, protect, same
from backchannel_mls import (
    Add,
    AddedMember,
    ExternalInit,
    GroupContextExtensions,
    GroupId,
    GroupState,
    Identity,
    KeyPackage,
    KeyPackageBundle,
    LeafIndex,
    LeafNode,
    LeafNodeSource,
    Lifetime,
    NodeIndex,
    PreSharedKey,
    Proposal,
    ProposalRef,
    ReInit,
    Remove,
    Sender,
    SenderType,
    Settings,
    Update,
    WireFormat,
    merge_commit,
)
from backchannel_mls.group.advance import (
    NextEpoch,
    first_state,
    following_epoch,
    next_epoch,
    provisional_context,
)
from backchannel_mls.group.proposals import AppliedProposals
from backchannel_mls.group.protection import SignedContent, sign_content
from backchannel_mls.group.state import PendingProposal, no_psks
from backchannel_mls.schedule.key_schedule import PskLookup
from backchannel_mls.tree.math import direct_path
from backchannel_mls.tree.ratchet_tree import ParentNode, RatchetTree
from backchannel_mls.tree.treekem import CreatedPath, recipients
from backchannel_mls.types import PATH_REQUIRED
from backchannel_mls.wire.commit import Commit, HpkeCiphertext, UpdatePath, UpdatePathNode


# ---- leaves and key packages
def resign_leaf(
    leaf: LeafNode, signer: Identity, *, group_id: bytes | None = None, index: int | None = None
) -> LeafNode:
    """A leaf signed anew by `signer`, for a group and place where they are given."""
    bare = replace(leaf, signature=b"", _raw=b"")
    place = None if index is None else LeafIndex(index)
    content = bare.signed_content(None if group_id is None else GroupId(group_id), place)
    return bare.with_signature(signer.suite.sign_with_label(signer.signing_key, b"LeafNodeTBS", content))


def forge_key_package(
    owner: Identity,
    *,
    alter_leaf: Alter[LeafNode] = same,
    alter_package: Alter[KeyPackage] = same,
    leaf_signer: Identity | None = None,
    signer: Identity | None = None,
    encryption: tuple[bytes, bytes] | None = None,
    lifetime: Lifetime | None = None,
) -> KeyPackageBundle:
    """A key package altered before its leaf was signed, or between its leaf and itself."""
    suite = owner.suite
    seed = max(32, suite.hash_size)
    init_private, init_key = suite.derive_key_pair(os.urandom(seed))
    private, public = encryption or suite.derive_key_pair(os.urandom(seed))
    lifetime = lifetime or Lifetime(NOW_S - 3600, NOW_S + 3600)
    leaf = alter_leaf(owner.sign_leaf(public, LeafNodeSource.KEY_PACKAGE, lifetime=lifetime))
    leaf = resign_leaf(leaf, leaf_signer or owner)
    bare = alter_package(KeyPackage(suite.id, init_key, leaf, (), b""))
    by = signer or owner
    signature = suite.sign_with_label(by.signing_key, b"KeyPackageTBS", bare.signed_content())
    return KeyPackageBundle(owner, bare.with_signature(signature), init_private, private)


def forge_update(
    state: GroupState,
    *,
    alter_leaf: Alter[LeafNode] = same,
    identity: Identity | None = None,
    leaf_signer: Identity | None = None,
    encryption_key: bytes | None = None,
    index: int | None = None,
    group_id: bytes | None = None,
) -> Update:
    """An Update of the state's own leaf, or of another's that it cannot sign for."""
    suite, owner = state.suite, identity or state.group.identity
    key = encryption_key or suite.derive_key_pair(os.urandom(64))[1]
    place = LeafIndex(state.own_leaf if index is None else index)
    where = state.group_id if group_id is None else GroupId(group_id)
    leaf = alter_leaf(owner.sign_leaf(key, LeafNodeSource.UPDATE, group_id=where, index=place))
    return Update(resign_leaf(leaf, leaf_signer or owner, group_id=where, index=place))


# ---- proposals, applied without a look at them
def apply_unchecked(state: GroupState, covered: Sequence[PendingProposal]) -> AppliedProposals:
    """The tree and context after proposals, as far as they can be applied at all (section 12.3)."""
    tree, proposals = state.tree, [one.proposal for one in covered]
    extensions = state.context.extensions
    added: list[AddedMember] = []
    for one in proposals:
        if isinstance(one, GroupContextExtensions):
            extensions = one.extensions
    for pending in covered:
        if isinstance(pending.proposal, Update) and pending.sender.index is not None:
            tree = tree.with_updated(LeafIndex(pending.sender.index), pending.proposal.leaf_node)
    for one in proposals:
        if isinstance(one, Remove) and tree.leaf(one.removed) is not None:
            tree = tree.with_removed(one.removed)
    for one in proposals:
        if isinstance(one, Add):
            tree, index = tree.with_added(one.key_package.leaf_node)
            added.append(AddedMember(index, one.key_package.leaf_node, one.key_package))
    return AppliedProposals(
        tree=tree,
        extensions=tuple(extensions),
        added=tuple(added),
        removed=(),
        updated=(),
        psks=tuple(one.psk for one in proposals if isinstance(one, PreSharedKey)),
        external_init=next((one for one in proposals if isinstance(one, ExternalInit)), None),
        reinit=next((one for one in proposals if isinstance(one, ReInit)), None),
        path_required=not proposals or any(one.type in PATH_REQUIRED for one in proposals),
    )


# ---- paths
@dataclass(frozen=True, slots=True)
class PathForgery:
    """What is wrong with a path. All that depends on it follows it.

    leaf_key      the public key of the new leaf, instead of a fresh one
    node_keys     public keys of path nodes by position, instead of those that their secrets give
    unmerged      leaves that path nodes list as unmerged, by node index
    parent_hash   what the leaf says instead of the truth
    alter_leaf    before the leaf is signed
    leaf_signer   who signs the leaf, and under which key: by default its owner
    leaf_place    for which (group, index) the leaf is signed
    alter_secret  of a path secret by position, before it is encrypted
    alter_path    what is sent, after everything was computed from it as it was
    """

    leaf_key: bytes | None = None
    node_keys: Mapping[int, bytes] | None = None
    unmerged: Mapping[int, Sequence[int]] | None = None
    parent_hash: bytes | None = None
    alter_leaf: Alter[LeafNode] = same
    leaf_signer: Identity | None = None
    leaf_place: tuple[bytes, int] | None = None
    alter_secret: Callable[[int, bytes], bytes] = lambda _, secret: secret
    alter_path: Alter[UpdatePath] = same


TRUE_PATH = PathForgery()


def forge_path(
    tree: RatchetTree,
    committer: LeafIndex,
    new_leaves: Collection[LeafIndex],
    owner: Identity,
    group_id: bytes,
    context_of: Callable[[bytes], bytes],
    forgery: PathForgery,
) -> CreatedPath:
    """A path (section 7.4) with something wrong in it."""
    suite = tree.suite
    path = tree.filtered_direct_path(committer)
    secret = os.urandom(suite.hash_size)
    secrets: dict[NodeIndex, bytes] = {}
    private_keys: dict[NodeIndex, bytes] = {}
    public_keys: list[bytes] = []
    for position, (node, _) in enumerate(path):
        secrets[node] = secret
        private_keys[node], public = suite.derive_key_pair(suite.derive_secret(secret, b"node"))
        public_keys.append((forgery.node_keys or {}).get(position, public))
        secret = suite.derive_secret(secret, b"path")
    leaf_private, leaf_key = suite.derive_key_pair(os.urandom(max(32, suite.hash_size)))
    private_keys[NodeIndex(2 * committer)] = leaf_private
    placed = tree.with_nodes(dict.fromkeys(direct_path(2 * committer, tree.root)))
    parent_hash = b""
    for (node, copath), key in reversed(list(zip(path, public_keys, strict=True))):
        unmerged = tuple(map(LeafIndex, (forgery.unmerged or {}).get(node, ())))
        placed = placed.with_nodes({node: ParentNode(key, parent_hash, unmerged)})
        parent_hash = placed.parent_hash(node, copath)
    if forgery.parent_hash is not None:
        parent_hash = forgery.parent_hash
    group, index = forgery.leaf_place or (group_id, committer)
    leaf = owner.sign_leaf(
        forgery.leaf_key or leaf_key, LeafNodeSource.COMMIT, parent_hash=parent_hash, index=committer
    )
    leaf = resign_leaf(forgery.alter_leaf(leaf), forgery.leaf_signer or owner, group_id=group, index=index)
    new_tree = placed.with_nodes({2 * committer: leaf})
    context = context_of(new_tree.tree_hash())
    nodes: list[UpdatePathNode] = []
    for position, ((node, copath), public) in enumerate(zip(path, public_keys, strict=True)):
        plain = forgery.alter_secret(position, secrets[node])
        to = recipients(new_tree, copath, new_leaves)
        sealed = (
            suite.encrypt_with_label(new_tree.encryption_key(one), b"UpdatePathNode", context, plain)
            for one in to
        )
        nodes.append(UpdatePathNode(public, tuple(HpkeCiphertext(*one) for one in sealed)))
    update_path = forgery.alter_path(UpdatePath(leaf, tuple(nodes)))
    return CreatedPath(update_path, new_tree, secret, private_keys, secrets)


# ---- commits
@dataclass(frozen=True, slots=True)
class ForgedCommit:
    """A forged commit, and the epoch that its maker would be in if somebody took it."""

    message: bytes
    proposals: tuple[Proposal, ...]
    applied: AppliedProposals
    epoch: NextEpoch
    path: CreatedPath | None
    next_state: GroupState


def forge_commit(
    state: GroupState,
    *,
    proposals: Sequence[Proposal] = (),
    references: Sequence[ProposalRef] = (),
    with_path: bool | None = None,
    path: PathForgery = TRUE_PATH,
    external: Identity | None = None,
    identity: Identity | None = None,
    alter_applied: Alter[AppliedProposals] = same,
    alter_commit: Alter[Commit] = same,
    alter_signed: Alter[SignedContent] = same,
    alter_tag: Alter[bytes] = same,
    init_secret: bytes | None = None,
    private: bool = True,
    psks: PskLookup = no_psks,
    authenticated_data: bytes = b"",
) -> ForgedCommit:
    """A commit from what `state` knows, unchecked. `external`: a joiner's, who knows the public part.

    `with_path` None: where section 12.4 demands one. `identity`: whose the leaf of the path is.
    """
    suite = state.suite
    external_sender = Sender(SenderType.NEW_MEMBER_COMMIT)
    sender = Sender(SenderType.MEMBER, state.own_leaf) if external is None else external_sender
    covered = [
        state.proposals.get(one) or PendingProposal(Remove(LeafIndex(2**31)), sender) for one in references
    ]
    covered += [PendingProposal(one, sender) for one in proposals]
    applied = apply_unchecked(state, covered)
    committer = state.own_leaf
    if external is not None:
        room, committer = applied.tree.with_room()
        applied = replace(applied, tree=room)
    applied = alter_applied(applied)
    owner = identity or external or state.group.identity
    made: CreatedPath | None = None
    if applied.path_required if with_path is None else with_path:
        context = state.context
        made = forge_path(
            applied.tree,
            committer,
            applied.new_leaves,
            owner,
            state.group_id,
            lambda tree_hash: provisional_context(suite, context, tree_hash, applied.extensions),
            path,
        )
    commit = alter_commit(Commit((*references, *proposals), None if made is None else made.update_path))
    wire_format = WireFormat.PRIVATE_MESSAGE if private and external is None else WireFormat.PUBLIC_MESSAGE
    signer = external or state.group.identity
    signed = alter_signed(
        sign_content(signer, state.messages, sender, commit, authenticated_data, wire_format)
    )
    tree = applied.tree if made is None else made.tree
    epoch = next_epoch(
        state.context,
        state.group.interim_transcript_hash,
        tree,
        applied,
        state.group.keys.init_secret if init_secret is None else init_secret,
        suite.zero_secret if made is None else made.commit_secret,
        signed.framed,
        signed.signature,
        wire_format,
        state.with_own_psks(psks),
    )
    message = protect(state, signed, tag=alter_tag(epoch.confirmation_tag))
    keys: Mapping[NodeIndex, bytes] = {} if made is None else made.private_keys
    if external is None:
        kept = {**state.group.private_keys, **keys}
        still = state.group.identity if made is None else owner
        transition = following_epoch(state, epoch, applied, tree, still, kept, None)
        next_state = merge_commit(transition, state)
    else:
        next_state = first_state(epoch, tree, owner, committer, keys, Settings())
    return ForgedCommit(message, tuple(proposals), applied, epoch, made, next_state)


def external_init(state: GroupState) -> tuple[ExternalInit, bytes]:
    """What a joiner makes of a group's external_pub: the proposal and the init secret (section 8.3)."""
    _, public = state.suite.derive_key_pair(state.group.keys.external_secret)
    output, secret = state.suite.external_init_send(public)
    return ExternalInit(output), secret


def forge_external_commit(
    state: GroupState, joiner: Identity, *, more: Sequence[Proposal] = (), **how: object
) -> ForgedCommit:
    """An external commit, from what a GroupInfo of `state` would tell the joiner."""
    init, secret = external_init(state)
    options: dict[str, object] = {"proposals": (init, *more), "init_secret": secret, **how}
    return forge_commit(state, external=joiner, **options)  # type: ignore[arg-type] # forge_commit's own
