"""Groups that continue others: reinitialization and branching (RFC 9420 sections 11.2 and 11.3)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from backchannel_mls.crypto.suite import RandomBytes
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.group.commit_create import PendingCommit, create_commit
from backchannel_mls.group.create import create_group
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.leaf_rules import VerifiedKeyPackage
from backchannel_mls.group.policy import ALLOW_ALL, Policy
from backchannel_mls.group.state import GroupState, GroupStatus, Settings
from backchannel_mls.rules import Rule
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import MLS10, ResumptionUsage
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.proposal import PreSharedKey
from backchannel_mls.wire.psk import PskId, ResumptionPskId

_LINKING = (ResumptionUsage.REINIT, ResumptionUsage.BRANCH)


def continue_group(
    old: GroupState,
    identity: Identity,
    key_packages: Sequence[bytes | KeyPackage | VerifiedKeyPackage],
    *,
    now_s: int,
    policy: Policy = ALLOW_ALL,
    settings: Settings | None = None,
    random: RandomBytes = os.urandom,
) -> PendingCommit:
    """The group that continues one ended by a ReInit (section 11.2), with all its members.

    `identity` and `key_packages` are of the cipher suite that the ReInit names.
    """
    reinit = old.group.reinit
    if old.status is not GroupStatus.REINITIALIZED or reinit is None:
        raise LocalError("not-reinitialized", "The old group was not ended by a ReInit.")
    if reinit.version != MLS10:
        raise LocalError("version-unsupported", "The version that was agreed on is not supported here.")
    if identity.suite.id != reinit.cipher_suite:
        raise LocalError("identity-suite", "The identity is not of the cipher suite that was agreed on.")
    new = create_group(
        identity,
        group_id=reinit.group_id,
        now_s=now_s,
        extensions=reinit.extensions,
        settings=settings,
        random=random,
    )
    pending = _linked_commit(old, new, ResumptionUsage.REINIT, key_packages, now_s, policy, random)
    _check_all_came(old, pending.staged.effect.tree, policy)
    return pending


def branch_group(
    old: GroupState,
    identity: Identity,
    key_packages: Sequence[bytes | KeyPackage | VerifiedKeyPackage],
    *,
    group_id: bytes,
    now_s: int,
    policy: Policy = ALLOW_ALL,
    settings: Settings | None = None,
    random: RandomBytes = os.urandom,
) -> PendingCommit:
    """A new group of some of the old one's members, with the same parameters (section 11.3)."""
    old.require_active()
    if identity.suite.id != old.suite.id:
        raise LocalError("identity-suite", "A branch has its origin's cipher suite.")
    extensions = old.context.extensions
    new = create_group(
        identity, group_id=group_id, now_s=now_s, extensions=extensions, settings=settings, random=random
    )
    pending = _linked_commit(old, new, ResumptionUsage.BRANCH, key_packages, now_s, policy, random)
    _check_all_belong(old, pending.staged.effect.tree, policy)
    return pending


def _linked_commit(
    old: GroupState,
    new: GroupState,
    usage: ResumptionUsage,
    key_packages: Sequence[bytes | KeyPackage | VerifiedKeyPackage],
    now_s: int,
    policy: Policy,
    random: RandomBytes,
) -> PendingCommit:
    nonce = random(new.suite.hash_size)
    link = PreSharedKey(ResumptionPskId(usage, old.group_id, old.epoch, nonce))

    def lookup(_: PskId) -> bytes | None:
        return old.resumption_psk(old.epoch)

    return create_commit(
        new,
        proposals=[link],
        add=key_packages,
        force_path=True,
        policy=policy,
        psks=lookup,
        now_s=now_s,
        random=random,
        successor=True,
    )


def linking_psk(psks: Sequence[PskId]) -> ResumptionPskId | None:
    """The PSK by which a Welcome's group continues another; there may be only one (12.4.3.1)."""
    links = [psk for psk in psks if isinstance(psk, ResumptionPskId) and psk.usage in _LINKING]
    if len(links) > 1:
        raise RemoteError(Rule.WELCOME_PSKS_CONFLICT)
    return links[0] if links else None


def check_succession(
    old: GroupState | None,
    link: ResumptionPskId | None,
    context: GroupContext,
    tree: RatchetTree,
    policy: Policy,
) -> None:
    """Whether the new group is what the old one's members agreed on (sections 11.2, 11.3, 12.4.3.1)."""
    if old is None and link is None:
        return
    if old is None or link is None or link.group_id != old.group_id:
        raise RemoteError(Rule.SUCCESSOR_UNLINKED)
    if context.epoch != 1:
        raise RemoteError(Rule.SUCCESSOR_EPOCH_WRONG)
    if link.usage is ResumptionUsage.BRANCH:
        if context.cipher_suite != old.suite.id:
            raise RemoteError(Rule.BRANCH_MISMATCH)
        _check_all_belong(old, tree, policy)
        return
    reinit = old.group.reinit
    if old.status is not GroupStatus.REINITIALIZED or reinit is None or link.epoch != old.epoch:
        raise RemoteError(Rule.REINIT_UNASKED)
    agreed = (reinit.version, reinit.group_id, reinit.cipher_suite, reinit.extensions)
    if (MLS10, context.group_id, context.cipher_suite, context.extensions) != agreed:
        raise RemoteError(Rule.REINIT_MISMATCH)
    _check_all_came(old, tree, policy)


def _check_all_came(old: GroupState, tree: RatchetTree, policy: Policy) -> None:
    new = [leaf for _, leaf in tree.leaves()]
    for _, leaf in old.tree.leaves():
        if not _is_among(leaf, new, policy):
            raise RemoteError(Rule.REINIT_MEMBERS_MISSING)


def _check_all_belong(old: GroupState, tree: RatchetTree, policy: Policy) -> None:
    members = [leaf for _, leaf in old.tree.leaves()]
    for _, leaf in tree.leaves():
        if not any(policy.same_client(member, leaf) for member in members):
            raise RemoteError(Rule.BRANCH_MEMBERS_FOREIGN)


def _is_among(old: LeafNode, new: Sequence[LeafNode], policy: Policy) -> bool:
    return any(policy.same_client(old, leaf) for leaf in new)
