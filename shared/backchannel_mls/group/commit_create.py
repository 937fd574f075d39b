"""Creating a commit and its Welcome (RFC 9420 sections 12.4.1 and 12.4.3)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from backchannel_mls.crypto.suite import RandomBytes
from backchannel_mls.errors import LocalError, PolicyError, RemoteError
from backchannel_mls.group.advance import (
    describe,
    following_epoch,
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
from backchannel_mls.group.transition import StagedCommit
from backchannel_mls.group.welcome import make_welcome
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import PskLookup, psk_secret
from backchannel_mls.tree.treekem import CreatedPath, create_path, no_path
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
from backchannel_mls.wire.message import parse_message
from backchannel_mls.wire.proposal import Add, Proposal, Remove


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A commit of this client's, to be merged when it is known to be accepted (section 14).

    message       what to send, an MLSMessage
    welcome       for the added members, once the commit is accepted; None where there are none
    sender_state  the state until then, with the commit's generation spent: store it before sending
    staged        what `merge_commit` turns into the new state; `encode_transition` stores it
    """

    message: bytes
    welcome: bytes | None
    sender_state: GroupState = field(repr=False)
    staged: StagedCommit

    @property
    def ratchet_tree(self) -> bytes:
        """The new epoch's tree, for joiners whose Welcome does not hold it (section 12.4.3.3)."""
        return self.staged.effect.tree.encode()


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
    inline = [*proposals, *map(Remove, map(LeafIndex, remove)), *map(_add, add)]
    own = Sender(SenderType.MEMBER, state.own_leaf)
    judge = Judgement(state.suite, state.context, state.tree, policy, now_s, successor)
    if references is None:
        references = choose_references(judge, state, inline, state.with_own_psks(psks))
    covered = [_pending(state, reference) for reference in references]
    covered += [PendingProposal(proposal, own) for proposal in inline]
    if any(isinstance(one.proposal, Add) for one in covered):
        require_time(now_s)
    applied = apply_proposals(judge, covered, state.own_leaf)
    if force_path or identity is not None or applied.path_required:
        path = make_path(judge, applied, state.own_leaf, identity or state.group.identity, random)
    else:
        path = no_path(applied.tree)
    check_members(path.tree)
    commit = Commit((*references, *inline), path.update_path)
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    signed = sign_content(state.group.identity, state.messages, own, commit, authenticated_data, wire_format)
    epoch = next_epoch(
        state.context,
        state.group.interim_transcript_hash,
        path.tree,
        applied,
        state.group.keys.init_secret,
        path.commit_secret,
        signed.framed,
        signed.signature,
        wire_format,
        state.with_own_psks(psks),
    )
    messages, message = _protect(state, signed, epoch.confirmation_tag, padding, random)
    private_keys = kept_private_keys(path.tree, state.group.private_keys, path.private_keys)
    committer = state.own_leaf if private else None
    transition = following_epoch(
        state, epoch, applied, path.tree, identity or state.group.identity, private_keys, committer
    )
    leaf = path.update_path.leaf_node if path.update_path else None
    effect = describe(
        state.tree, own, covered, applied, leaf, path.tree, authenticated_data, epoch.context.epoch
    )
    policy.judge_commit(state, effect)
    welcome = make_welcome(
        transition.group, epoch, applied, path.path_secrets, tree_in_welcome=tree_in_welcome
    )
    return PendingCommit(message, welcome, state.with_messages(messages), StagedCommit(effect, transition))


def _add(package: bytes | KeyPackage | VerifiedKeyPackage) -> Add:
    """The proposal for a key package, which is verified with the list of proposals."""
    if isinstance(package, VerifiedKeyPackage):
        package = package.key_package
    message = parse_message(package) if isinstance(package, bytes) else package
    if not isinstance(message, KeyPackage):
        raise RemoteError(Rule.VALUE_UNKNOWN)
    return Add(message)


def choose_references(
    judge: Judgement, state: GroupState, inline: Sequence[Proposal], psks: PskLookup
) -> list[ProposalRef]:
    """The pending proposals to cover: as many as make a valid list with those by value (12.4).

    One that is valid alone but spoils the list, such as an Add with a member's encryption key, is
    left out; else whoever may propose could keep everybody from committing.
    """
    own = Sender(SenderType.MEMBER, state.own_leaf)
    by_value = [PendingProposal(proposal, own) for proposal in inline]

    def valid(references: Sequence[ProposalRef]) -> bool:
        covered = [state.proposals[reference] for reference in references] + by_value
        try:
            applied = apply_proposals(judge, covered, state.own_leaf)
            check_members(applied.tree)
            psk_secret(state.suite, applied.psks, psks)
        except (RemoteError, PolicyError):
            return False
        return True

    chosen = select_references(state.tree, state.proposals, inline, state.own_leaf)
    if not chosen or valid(chosen):
        return chosen
    kept: list[ProposalRef] = []
    for reference in chosen:
        if valid([*kept, reference]):
            kept.append(reference)
    return kept


def _pending(state: GroupState, reference: ProposalRef) -> PendingProposal:
    found = state.proposals.get(reference)
    if found is None:
        raise LocalError("proposal-unknown", "There is no pending proposal of that reference.")
    return found


def make_path(
    judge: Judgement,
    applied: AppliedProposals,
    committer: LeafIndex,
    signer: Identity,
    random: RandomBytes,
    replaces: LeafNode | None = None,
) -> CreatedPath:
    """The committer's path on the tree after its proposals, its leaf checked as receivers will."""
    if signer.suite.id != judge.suite.id:
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
