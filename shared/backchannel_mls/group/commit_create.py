"""Creating a commit and its Welcome (RFC 9420 sections 12.4.1 and 12.4.3)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from backchannel_mls.crypto.suite import RandomBytes
from backchannel_mls.errors import LocalError
from backchannel_mls.group.advance import (
    StagedCommit,
    describe,
    following_state,
    kept_private_keys,
    next_epoch,
    provisional_context,
)
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.leaf_rules import (
    VerifiedKeyPackage,
    check_leaf,
    check_leaf_fits_group,
    check_members,
    require_time,
    verify_key_package,
)
from backchannel_mls.group.policy import (
    ALLOW_ALL,
    Policy,
)
from backchannel_mls.group.proposals import (
    AppliedProposals,
    Judgement,
    apply_proposals,
    judge_new_credential,
    select_references,
)
from backchannel_mls.group.protection import SignedContent, encrypt_content, public_message, sign_content
from backchannel_mls.group.state import GroupState, MessageKeys, PendingProposal, no_psks
from backchannel_mls.group.welcome import make_welcome
from backchannel_mls.schedule.key_schedule import PskLookup
from backchannel_mls.tree.treekem import CreatedPath, create_path
from backchannel_mls.types import (
    LeafIndex,
    LeafNodeSource,
    ProposalRef,
    SenderType,
    WireFormat,
)
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.framing import Sender
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.proposal import Add, Proposal, Remove


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A commit of this client's, to be merged when it is known to be accepted (section 14).

    message       what to send, an MLSMessage
    welcome       for the added members, once the commit is accepted; None where there are none
    sender_state  the state until then, with the commit's generation spent: store it before sending;
                  None for an external join, which has no state before
    staged        what `merge_commit` turns into the new state
    """

    message: bytes
    welcome: bytes | None
    sender_state: GroupState | None = field(repr=False)
    staged: StagedCommit

    @property
    def ratchet_tree(self) -> bytes:
        """The new epoch's tree, for joiners whose Welcome does not hold it (section 12.4.3.3)."""
        return self.staged.next_state.tree.encode()


def create_commit(
    state: GroupState,
    *,
    add: Sequence[bytes | KeyPackage | VerifiedKeyPackage] = (),
    remove: Sequence[int] = (),
    proposals: Sequence[Proposal] = (),
    references: Sequence[ProposalRef] | None = None,
    force_path: bool = False,
    authenticated_data: bytes = b"",
    private: bool = True,
    tree_in_welcome: bool = True,
    padding: int = 0,
    identity: Identity | None = None,
    policy: Policy = ALLOW_ALL,
    psks: PskLookup = no_psks,
    now_s: int | None = None,
    random: RandomBytes = os.urandom,
    successor: bool = False,
) -> PendingCommit:
    """A commit of pending proposals and of new ones by value; `state` stays as it is.

    add, remove         key packages and leaf indices, committed by value after `proposals`
    references          which pending proposals to cover; None for all that make a valid list
    force_path          a path although the changes need none
    private             PrivateMessage; False for a PublicMessage
    tree_in_welcome     puts the ratchet tree into the Welcome
    padding             see `encrypt`
    identity            new keys or credential for this client's leaf; implies a path
    now_s               seconds since 1970; demanded where members are added (section 7.3)
    successor           the first commit of a group that continues another (see successor.py)

    Raises LocalError for what does not fit the state, RemoteError for key packages and proposals
    that are invalid, PolicyError.
    """
    state.require_active()
    group = state.group
    own = Sender(SenderType.MEMBER, state.own_leaf)
    inline = [*proposals, *map(Remove, map(LeafIndex, remove))]
    inline += [Add(_verified(state, package, policy, now_s)) for package in add]
    if any(isinstance(proposal, Add) for proposal in inline):
        require_time(now_s)
    if references is None:
        references = select_references(state.tree, state.proposals, inline, state.own_leaf)
    covered = [_pending(state, reference) for reference in references]
    covered += [PendingProposal(proposal, own) for proposal in inline]
    judge = Judgement(state.suite, state.context, state.tree, policy, now_s, successor)
    applied = apply_proposals(judge, covered, state.own_leaf)
    path: CreatedPath | None = None
    if force_path or identity is not None or applied.path_required:
        signer = identity or group.identity
        path = make_path(state.suite.id, judge, applied, state.own_leaf, signer, random)
    tree = applied.tree if path is None else path.tree
    check_members(tree)
    commit = Commit((*references, *inline), None if path is None else path.update_path)
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    signed = sign_content(group.identity, state.messages, own, commit, authenticated_data, wire_format)
    epoch = next_epoch(
        state.context,
        group.interim_transcript_hash,
        tree,
        applied,
        group.keys.init_secret,
        state.suite.zero_secret if path is None else path.commit_secret,
        signed.framed,
        signed.signature,
        wire_format,
        state.with_own_psks(psks),
    )
    messages, message = _protect(state, signed, epoch.confirmation_tag, padding, random)
    new_identity = identity or group.identity
    fresh = {} if path is None else path.private_keys
    private_keys = kept_private_keys(tree, group.private_keys, fresh)
    next_state = following_state(state, messages, epoch, applied, tree, new_identity, private_keys)
    new_leaf = None if path is None else path.update_path.leaf_node
    effect = describe(
        state.tree, own, covered, applied, new_leaf, tree, authenticated_data, epoch.context.epoch
    )
    policy.judge_commit(state, effect)
    path_secrets = {} if path is None else path.path_secrets
    welcome = make_welcome(next_state, epoch, applied, path_secrets, tree_in_welcome=tree_in_welcome)
    return PendingCommit(
        message, welcome, state.with_messages(messages), StagedCommit(effect, False, next_state)
    )


def _verified(
    state: GroupState, package: bytes | KeyPackage | VerifiedKeyPackage, policy: Policy, now_s: int | None
) -> KeyPackage:
    """A key package to add; those given as verified were judged already, and are judged with the list."""
    if isinstance(package, VerifiedKeyPackage):
        return package.key_package
    return verify_key_package(
        package,
        state.suite.id,
        now_s=require_time(now_s),
        extensions=state.context.extensions,
        policy=policy,
    ).key_package


def _pending(state: GroupState, reference: ProposalRef) -> PendingProposal:
    found = state.proposals.get(reference)
    if found is None:
        raise LocalError("proposal-unknown", "There is no pending proposal of that reference.")
    return found


def make_path(
    suite_id: int,
    judge: Judgement,
    applied: AppliedProposals,
    committer: LeafIndex,
    signer: Identity,
    random: RandomBytes,
    replaces: LeafNode | None = None,
) -> CreatedPath:
    """The committer's path on the tree after its proposals, its leaf checked as receivers will."""
    if signer.suite.id != suite_id:
        raise LocalError("identity-suite", "The identity is of another cipher suite than the group.")
    context = judge.context
    old = applied.tree.leaf(committer) or replaces

    def make_leaf(encryption_key: bytes, parent_hash: bytes) -> LeafNode:
        leaf = signer.sign_leaf(
            encryption_key,
            LeafNodeSource.COMMIT,
            parent_hash=parent_hash,
            group_id=context.group_id,
            index=committer,
        )
        check_leaf(judge.suite, leaf, LeafNodeSource.COMMIT, context.group_id, committer)
        check_leaf_fits_group(leaf, applied.extensions)
        judge_new_credential(judge.policy, old, leaf)
        return leaf

    def bound_to(tree_hash: bytes) -> bytes:
        return provisional_context(judge.suite, context, tree_hash, applied.extensions)

    return create_path(applied.tree, committer, applied.new_leaves, make_leaf, bound_to, random)


def _protect(
    state: GroupState, signed: SignedContent, tag: bytes, padding: int, random: RandomBytes
) -> tuple[MessageKeys, bytes]:
    if signed.wire_format is WireFormat.PRIVATE_MESSAGE:
        return encrypt_content(state.suite, state.messages, state.own_leaf, signed, tag, padding, random)
    key = state.group.keys.membership_key
    return state.messages, public_message(state.suite, key, state.messages.context, signed, tag)
