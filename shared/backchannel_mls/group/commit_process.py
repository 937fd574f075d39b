"""Processing a commit of somebody else's (RFC 9420 section 12.4.2)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace

from backchannel_mls.errors import LocalError, PolicyError, RemoteError
from backchannel_mls.group.advance import (
    describe,
    following_epoch,
    kept_private_keys,
    next_epoch,
    provisional_context,
)
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.leaf_rules import check_leaf, check_leaf_fits_group, check_members
from backchannel_mls.group.policy import Policy
from backchannel_mls.group.proposals import (
    AppliedProposals,
    Covered,
    Judgement,
    apply_proposals,
    judge_new_credential,
)
from backchannel_mls.group.protection import VerifiedContent
from backchannel_mls.group.state import EpochKeys, GroupState, GroupStatus, PendingProposal
from backchannel_mls.group.transition import EpochTransition, StagedCommit
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import PskLookup
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.tree.treekem import decrypt_path, merge_path
from backchannel_mls.types import EpochNumber, LeafIndex, LeafNodeSource, NodeIndex, SenderType, WireFormat
from backchannel_mls.wire.commit import Commit, UpdatePath


@dataclass(frozen=True, slots=True)
class _MergedPath:
    """The tree after a commit's path, and where its committer stands."""

    tree: RatchetTree
    committer: LeafIndex


def process_commit(
    state: GroupState, verified: VerifiedContent, policy: Policy, psks: PskLookup, now_s: int | None
) -> StagedCommit:
    """Verifies a commit whole and stages it; `state` is not changed. Raises RemoteError, PolicyError."""
    content, commit = verified.content, verified.content.body
    if not isinstance(commit, Commit):
        raise LocalError("not-a-commit", "Only a commit can be staged.")
    external = content.sender.type is SenderType.NEW_MEMBER_COMMIT
    committer = None if external else LeafIndex(content.sender.index or 0)
    covered = _covered(state, verified, commit)
    judge = Judgement(state.suite, state.context, state.tree, policy, now_s)
    applied = apply_proposals(judge, covered, committer)
    if applied.path_required and commit.path is None:
        raise RemoteError(Rule.PATH_MISSING)
    merged = None if commit.path is None else _merge(judge, applied, commit.path, committer)
    tree = applied.tree if merged is None else merged.tree
    check_members(tree)
    path_leaf = None if commit.path is None else commit.path.leaf_node
    effect = describe(
        state.tree,
        content.sender,
        covered,
        applied,
        path_leaf,
        tree,
        content.authenticated_data,
        EpochNumber(state.epoch + 1),
        joined_at=merged.committer if merged is not None and external else None,
    )
    if any(member.index == state.own_leaf for member in applied.removed):
        policy.judge_commit(state, effect)
        return StagedCommit(effect, _leave(state, verified))
    transition = _enter(state, verified, commit, applied, merged, psks)
    policy.judge_commit(state, effect)
    return StagedCommit(effect, transition)


def _covered(state: GroupState, verified: VerifiedContent, commit: Commit) -> Covered:
    """The proposals that a commit covers, references resolved."""
    sender = verified.content.sender
    covered: list[PendingProposal] = []
    for one in commit.proposals:
        if not isinstance(one, bytes):
            covered.append(PendingProposal(one, sender))
            continue
        if sender.type is SenderType.NEW_MEMBER_COMMIT:
            raise RemoteError(Rule.EXTERNAL_REFERENCE)
        found = state.proposals.get(one)
        if found is None:
            raise RemoteError(Rule.PROPOSAL_UNKNOWN)
        covered.append(found)
    return covered


def _merge(
    judge: Judgement, applied: AppliedProposals, path: UpdatePath, committer: LeafIndex | None
) -> _MergedPath:
    """Checks the committer's new leaf and puts its path into the tree."""
    tree, leaf = applied.tree, path.leaf_node
    group_id = judge.context.group_id
    if committer is None:
        tree, index = tree.with_room()
        old = applied.removed[0].leaf if applied.removed else None
        if old is not None and old.encryption_key == leaf.encryption_key:
            raise RemoteError(Rule.EXTERNAL_REMOVE_UNFIT)
        if old is not None and not judge.policy.same_client(old, leaf):
            raise PolicyError("external-replacement-foreign", "A joiner wants to replace somebody else.")
    else:
        index = committer
        old = tree.leaf(index)
        if old is None:
            raise RemoteError(Rule.SENDER_BLANK)
    check_leaf(judge.suite, leaf, LeafNodeSource.COMMIT, group_id, index)
    check_leaf_fits_group(leaf, applied.extensions)
    judge_new_credential(judge.policy, old, leaf)
    return _MergedPath(merge_path(tree, index, path, applied.new_leaves), index)


def _enter(
    state: GroupState,
    verified: VerifiedContent,
    commit: Commit,
    applied: AppliedProposals,
    merged: _MergedPath | None,
    psks: PskLookup,
) -> EpochTransition:
    """The way into the commit's epoch, its confirmation tag verified."""
    suite, content = state.suite, verified.content
    identity, private_keys = _own_keys(state, applied)
    tree = applied.tree
    commit_secret = suite.zero_secret
    if merged is not None and commit.path is not None:
        tree = merged.tree
        context = provisional_context(suite, state.context, tree.tree_hash(), applied.extensions)
        derived = decrypt_path(
            tree, merged.committer, commit.path, applied.new_leaves, context, state.own_leaf, private_keys
        )
        commit_secret = derived.commit_secret
        private_keys = kept_private_keys(tree, private_keys, derived.private_keys)
    epoch = next_epoch(
        state.context,
        state.group.interim_transcript_hash,
        tree,
        applied,
        _init_secret(state, applied),
        commit_secret,
        content.encode(),
        verified.auth.signature,
        verified.wire_format,
        state.with_own_psks(psks),
    )
    if not hmac.compare_digest(epoch.confirmation_tag, verified.auth.confirmation_tag or b""):
        raise RemoteError(Rule.CONFIRMATION_TAG_INVALID)
    spent = _spent_by(verified)
    return following_epoch(state, epoch, applied, tree, identity, private_keys, spent)


def _own_keys(state: GroupState, applied: AppliedProposals) -> tuple[Identity, Mapping[NodeIndex, bytes]]:
    """The own identity and keys after the proposals, of which one may be an own Update."""
    identity, fresh = state.group.identity, dict[NodeIndex, bytes]()
    own = next((member.new for member in applied.updated if member.index == state.own_leaf), None)
    if own is not None:
        update = state.updates.get(own.encryption_key)
        if update is None:
            raise LocalError(
                "update-unknown", "The group took an update of this client's whose keys are lost."
            )
        identity = update.identity
        fresh[NodeIndex(2 * state.own_leaf)] = update.encryption_private
    return identity, kept_private_keys(applied.tree, state.group.private_keys, fresh)


def _init_secret(state: GroupState, applied: AppliedProposals) -> bytes:
    """The last epoch's init_secret, or the one that an external joiner sent (section 8.3)."""
    if applied.external_init is None:
        return state.group.keys.init_secret
    private, _ = state.suite.derive_key_pair(state.group.keys.external_secret)
    received = state.suite.external_init_receive(private, applied.external_init.kem_output)
    if received is None:
        raise RemoteError(Rule.EXTERNAL_INIT_UNDECRYPTABLE)
    return received


def _leave(state: GroupState, verified: VerifiedContent) -> EpochTransition:
    """What is left to a client that is removed: late messages can be read, nothing else."""
    nothing = EpochKeys(b"", b"", b"", b"", b"")
    group = replace(
        state.group, status=GroupStatus.REMOVED, private_keys={}, resumption_psks={}, keys=nothing
    )
    return EpochTransition(state.messages.context, group, None, _spent_by(verified))


def _spent_by(verified: VerifiedContent) -> LeafIndex | None:
    """The leaf whose handshake key a commit spent."""
    if verified.wire_format is not WireFormat.PRIVATE_MESSAGE or verified.content.sender.index is None:
        return None
    return LeafIndex(verified.content.sender.index)
