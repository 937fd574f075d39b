"""Which proposals are valid, alone and together, and what they do to the tree (sections 12.1 to 12.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import RemoteError
from backchannel_mls.group.leaf_rules import (
    check_key_package,
    check_leaf,
    check_leaf_fits_group,
    meets,
    supports_extensions,
)
from backchannel_mls.group.policy import (
    AddedMember,
    Policy,
    PresentedCredential,
    RemovedMember,
    UpdatedMember,
)
from backchannel_mls.group.state import PendingProposal
from backchannel_mls.rules import Rule
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import (
    MLS10,
    PATH_REQUIRED,
    LeafIndex,
    LeafNodeSource,
    ProposalRef,
    ProposalType,
    ResumptionUsage,
    SenderType,
)
from backchannel_mls.wire.extension import (
    Extension,
    RequiredCapabilities,
    check_known_extensions,
    parse_external_senders,
)
from backchannel_mls.wire.framing import Sender
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    Update,
)
from backchannel_mls.wire.psk import PskId, ResumptionPskId

Covered = Sequence[PendingProposal]
"""The proposals that a commit covers, in its order, each with who proposed it."""

_FROM_OUTSIDE = frozenset(
    {
        ProposalType.ADD,
        ProposalType.REMOVE,
        ProposalType.PSK,
        ProposalType.REINIT,
        ProposalType.GROUP_CONTEXT_EXTENSIONS,
    }
)
"""What an outsider may propose (sections 12.1.8 and 17.4)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What proposals are judged by. `successor`: the first commit of a group that continues another."""

    suite: CipherSuite
    context: GroupContext
    tree: RatchetTree
    policy: Policy
    now_s: int | None
    successor: bool = False


@dataclass(frozen=True, slots=True)
class AppliedProposals:
    """The tree and context extensions after a list of proposals, and what is left to do (section 12.3)."""

    tree: RatchetTree
    extensions: tuple[Extension, ...]
    added: tuple[AddedMember, ...]
    removed: tuple[RemovedMember, ...]
    updated: tuple[UpdatedMember, ...]
    psks: tuple[PskId, ...]
    external_init: ExternalInit | None
    reinit: ReInit | None
    path_required: bool

    @property
    def new_leaves(self) -> frozenset[LeafIndex]:
        """Leaves that get their path secrets by Welcome."""
        return frozenset(member.index for member in self.added)


# ---- one proposal (section 12.1)
def check_proposal(judge: Judgement, covered: PendingProposal, extensions: Sequence[Extension]) -> None:
    """Whether a proposal is valid by itself; `extensions` are the group's, or the proposed ones (12.3)."""
    proposal, sender = covered.proposal, covered.sender
    judge.policy.check_proposal_type(proposal)
    outside = sender.type in (SenderType.EXTERNAL, SenderType.NEW_MEMBER_PROPOSAL)
    if outside and proposal.type not in _FROM_OUTSIDE:
        raise RemoteError(Rule.EXTERNAL_PROPOSAL_TYPE)
    if isinstance(proposal, Add):
        check_key_package(judge.suite, proposal.key_package, extensions, judge.policy, judge.now_s)
    elif isinstance(proposal, Update):
        _check_update(judge, proposal, sender, extensions)
    elif isinstance(proposal, Remove):
        if judge.tree.leaf(proposal.removed) is None:
            raise RemoteError(Rule.REMOVE_BLANK)
    elif isinstance(proposal, PreSharedKey):
        _check_psk(judge, proposal.psk)
    elif isinstance(proposal, ReInit):
        if proposal.version < MLS10:
            raise RemoteError(Rule.REINIT_VERSION_LOWER)
    elif isinstance(proposal, GroupContextExtensions):
        _check_group_extensions(judge, proposal)


def _check_update(
    judge: Judgement, proposal: Update, sender: Sender, extensions: Sequence[Extension]
) -> None:
    old = judge.tree.leaf(sender.index) if sender.index is not None else None
    if sender.type is not SenderType.MEMBER or old is None or sender.index is None:
        raise RemoteError(Rule.EXTERNAL_PROPOSAL_TYPE)
    new = proposal.leaf_node
    if new.encryption_key == old.encryption_key:
        raise RemoteError(Rule.UPDATE_KEY_REUSED)
    index = LeafIndex(sender.index)
    check_leaf(judge.suite, new, LeafNodeSource.UPDATE, judge.context.group_id, index)
    check_leaf_fits_group(new, extensions)
    judge_new_credential(judge.policy, old, new)


def judge_new_credential(policy: Policy, old: LeafNode | None, new: LeafNode) -> None:
    """Lets the application judge a credential unless it is the one that was there (section 5.3.1)."""
    if old is None or old.credential != new.credential or old.signature_key != new.signature_key:
        policy.judge_credential(PresentedCredential(new.credential, new.signature_key, old))


def _check_psk(judge: Judgement, psk: PskId) -> None:
    if len(psk.nonce) != judge.suite.hash_size:
        raise RemoteError(Rule.PSK_NONCE_LENGTH_WRONG)
    reserved = isinstance(psk, ResumptionPskId) and psk.usage is not ResumptionUsage.APPLICATION
    if reserved and not judge.successor:
        raise RemoteError(Rule.PSK_USAGE_RESERVED)


def _check_group_extensions(judge: Judgement, proposal: GroupContextExtensions) -> None:
    check_known_extensions(proposal.extensions)
    known = {sender.signature_key for sender in parse_external_senders(judge.context.extensions)}
    for sender in parse_external_senders(proposal.extensions):
        judge.suite.verifying_key(sender.signature_key)
        if sender.signature_key not in known:
            judge.policy.judge_credential(PresentedCredential(sender.credential, sender.signature_key))


# ---- a list of proposals (section 12.2)
def check_member_list(judge: Judgement, covered: Covered, committer: LeafIndex) -> None:
    """Whether a member's commit may cover this list."""
    proposals = [one.proposal for one in covered]
    if any(isinstance(proposal, ExternalInit) for proposal in proposals):
        raise RemoteError(Rule.EXTERNAL_INIT_BY_MEMBER)
    if len(proposals) > 1 and any(isinstance(proposal, ReInit) for proposal in proposals):
        raise RemoteError(Rule.REINIT_NOT_ALONE)
    if sum(isinstance(proposal, GroupContextExtensions) for proposal in proposals) > 1:
        raise RemoteError(Rule.GROUP_EXTENSIONS_TWICE)
    changed: set[int] = set()
    for one in covered:
        if isinstance(one.proposal, Update):
            leaf, rule = one.sender.index, Rule.UPDATE_BY_COMMITTER
        elif isinstance(one.proposal, Remove):
            leaf, rule = one.proposal.removed, Rule.REMOVE_OF_COMMITTER
        else:
            continue
        if leaf is None:
            raise RemoteError(Rule.EXTERNAL_PROPOSAL_TYPE)
        if leaf == committer:
            raise RemoteError(rule)
        if leaf in changed:
            raise RemoteError(Rule.LEAF_CHANGED_TWICE)
        changed.add(leaf)
    _check_psks_differ(proposals)
    _check_adds_differ(judge, proposals)


def _check_psks_differ(proposals: Sequence[Proposal]) -> None:
    psks = [proposal.psk for proposal in proposals if isinstance(proposal, PreSharedKey)]
    if len(set(psks)) != len(psks):
        raise RemoteError(Rule.PSK_TWICE)


def _check_adds_differ(judge: Judgement, proposals: Sequence[Proposal]) -> None:
    """A client is known by its signature key; whether others are one person is the policy's to say."""
    keys = [one.key_package.leaf_node.signature_key for one in proposals if isinstance(one, Add)]
    if not keys:
        return
    if len(set(keys)) != len(keys):
        raise RemoteError(Rule.ADD_TWICE)
    removed = {one.removed for one in proposals if isinstance(one, Remove)}
    staying = {leaf.signature_key for index, leaf in judge.tree.leaves() if index not in removed}
    if not staying.isdisjoint(keys):
        raise RemoteError(Rule.ADD_OF_MEMBER)


def check_external_list(proposals: Sequence[Proposal]) -> None:
    """Whether an external commit may hold this list."""
    if sum(isinstance(proposal, ExternalInit) for proposal in proposals) != 1:
        raise RemoteError(Rule.EXTERNAL_INIT_COUNT)
    if sum(isinstance(proposal, Remove) for proposal in proposals) > 1:
        raise RemoteError(Rule.EXTERNAL_REMOVE_COUNT)
    if not all(isinstance(proposal, (ExternalInit, Remove, PreSharedKey)) for proposal in proposals):
        raise RemoteError(Rule.EXTERNAL_PROPOSAL_LIST)
    _check_psks_differ(proposals)


# ---- applying a list (section 12.3)
def apply_proposals(judge: Judgement, covered: Covered, committer: LeafIndex | None) -> AppliedProposals:
    """Checks a commit's list and applies it; `committer` None is an external joiner."""
    proposals = [one.proposal for one in covered]
    if committer is None:
        check_external_list(proposals)
    else:
        check_member_list(judge, covered, committer)
    extensions = judge.context.extensions
    new_extensions = next((one for one in proposals if isinstance(one, GroupContextExtensions)), None)
    if new_extensions is not None:
        extensions = new_extensions.extensions
    for one in covered:
        check_proposal(judge, one, extensions)
    tree = judge.tree
    updated: list[UpdatedMember] = []
    removed: list[RemovedMember] = []
    added: list[AddedMember] = []
    for one in covered:
        if isinstance(one.proposal, Update) and one.sender.index is not None:
            index = LeafIndex(one.sender.index)
            updated.append(UpdatedMember(index, _member(tree, index), one.proposal.leaf_node))
            tree = tree.with_updated(index, one.proposal.leaf_node)
    for proposal in proposals:
        if isinstance(proposal, Remove):
            removed.append(RemovedMember(proposal.removed, _member(tree, proposal.removed)))
            tree = tree.with_removed(proposal.removed)
    for proposal in proposals:
        if isinstance(proposal, Add):
            tree, index = tree.with_added(proposal.key_package.leaf_node)
            added.append(AddedMember(index, proposal.key_package.leaf_node, proposal.key_package))
    if new_extensions is not None:
        _check_all_support(tree, extensions)
    return AppliedProposals(
        tree=tree,
        extensions=extensions,
        added=tuple(added),
        removed=tuple(removed),
        updated=tuple(updated),
        psks=tuple(one.psk for one in proposals if isinstance(one, PreSharedKey)),
        external_init=next((one for one in proposals if isinstance(one, ExternalInit)), None),
        reinit=next((one for one in proposals if isinstance(one, ReInit)), None),
        path_required=not proposals or any(one.type in PATH_REQUIRED for one in proposals),
    )


def _member(tree: RatchetTree, index: LeafIndex) -> LeafNode:
    leaf = tree.leaf(index)
    if leaf is None:
        raise RemoteError(Rule.REMOVE_BLANK)
    return leaf


def _check_all_support(tree: RatchetTree, extensions: Sequence[Extension]) -> None:
    """Every member, new ones included, meets what the new extensions demand (section 12.1.7)."""
    required = RequiredCapabilities.of(extensions)
    for _, leaf in tree.leaves():
        fits = required is None or meets(leaf.capabilities, required)
        if not fits or not supports_extensions(leaf.capabilities, extensions):
            raise RemoteError(Rule.GROUP_EXTENSION_UNSUPPORTED)


# ---- what a committer covers (section 12.4)
def select_references(
    tree: RatchetTree,
    pending: Mapping[ProposalRef, PendingProposal],
    inline: Sequence[Proposal],
    committer: LeafIndex,
) -> list[ProposalRef]:
    """The pending proposals that make a valid list with `inline`: all but those that conflict.

    Of several changes to one leaf a Remove goes first, else the last Update; a ReInit is left for
    later when there is anything else.
    """
    if not pending:
        return []
    taken = {_claim(one, None) for one in inline}
    leaving = {one.removed for one in inline if isinstance(one, Remove)}
    leaving.update(one.proposal.removed for one in pending.values() if isinstance(one.proposal, Remove))
    taken.update(("client", leaf.signature_key) for index, leaf in tree.leaves() if index not in leaving)
    chosen: list[ProposalRef] = []
    by_preference = list(pending.items())
    by_preference.reverse()
    by_preference.sort(key=lambda item: not isinstance(item[1].proposal, Remove))
    for reference, one in by_preference:
        claim = _claim(one.proposal, one.sender.index)
        own = claim in (("leaf", committer), ("reinit",))
        if own or claim in taken:
            continue
        taken.add(claim)
        chosen.append(reference)
    if not chosen and not inline:
        reinits = [ref for ref, one in pending.items() if isinstance(one.proposal, ReInit)]
        return reinits[-1:]
    if any(isinstance(one, ReInit) for one in inline):
        return []
    order = {reference: position for position, reference in enumerate(pending)}
    return sorted(chosen, key=order.__getitem__)


def _claim(proposal: Proposal, sender: int | None) -> tuple[object, ...]:
    """What only one proposal of a list may touch."""
    if isinstance(proposal, Add):
        return ("client", proposal.key_package.leaf_node.signature_key)
    if isinstance(proposal, Update):
        return ("leaf", sender)
    if isinstance(proposal, Remove):
        return ("leaf", proposal.removed)
    if isinstance(proposal, PreSharedKey):
        return ("psk", proposal.psk)
    if isinstance(proposal, GroupContextExtensions):
        return ("extensions",)
    return ("reinit",) if isinstance(proposal, ReInit) else ("external init",)
