"""Outsiders: joining by external commit, and proposing from outside (sections 12.1.8, 12.4.3.2)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from backchannel_mls.crypto.suite import RandomBytes
from backchannel_mls.errors import RemoteError
from backchannel_mls.group.advance import describe, first_state, next_epoch
from backchannel_mls.group.commit_create import make_path
from backchannel_mls.group.identity import Identity, KeyPackageBundle
from backchannel_mls.group.join import verify_group_info
from backchannel_mls.group.leaf_rules import check_members
from backchannel_mls.group.policy import ALLOW_ALL, CommitEffect, Policy
from backchannel_mls.group.proposals import Judgement, apply_proposals
from backchannel_mls.group.state import GroupState, PendingProposal, Settings, no_psks
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import PskLookup
from backchannel_mls.schedule.transcript import interim_transcript_hash
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex, SenderType, WireFormat
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.extension import parse_external_pub
from backchannel_mls.wire.framing import (
    FramedContent,
    FramedContentAuthData,
    PublicMessage,
    Sender,
    framed_content_tbs,
)
from backchannel_mls.wire.message import encode_message, parse_message
from backchannel_mls.wire.proposal import Add, ExternalInit, PreSharedKey, Proposal, Remove
from backchannel_mls.wire.psk import PskId
from backchannel_mls.wire.welcome import GroupInfo


@dataclass(frozen=True, slots=True)
class PendingJoin:
    """An external commit to send, and this client's first state, to be used once it is accepted."""

    message: bytes
    state: GroupState = field(repr=False)
    effect: CommitEffect


def join_by_external_commit(
    identity: Identity,
    group_info: bytes | GroupInfo,
    *,
    ratchet_tree: bytes | None = None,
    remove: int | None = None,
    pre_shared_keys: Sequence[PskId] = (),
    authenticated_data: bytes = b"",
    psks: PskLookup = no_psks,
    policy: Policy = ALLOW_ALL,
    settings: Settings | None = None,
    random: RandomBytes = os.urandom,
) -> PendingJoin:
    """A commit by which this client adds itself, sent as a PublicMessage (section 12.4.3.2).

    `remove`: the leaf of this client's earlier appearance, to be replaced. Raises RemoteError,
    PolicyError.
    """
    parsed = parse_message(group_info) if isinstance(group_info, bytes) else group_info
    if not isinstance(parsed, GroupInfo):
        raise RemoteError(Rule.VALUE_UNKNOWN)
    suite, context = identity.suite, parsed.group_context
    verified = verify_group_info(suite, parsed, ratchet_tree, policy)
    external_pub = parse_external_pub(parsed.extensions)
    if external_pub is None:
        raise RemoteError(Rule.EXTERNAL_PUB_MISSING)
    kem_output, init_secret = suite.external_init_send(external_pub)
    sender = Sender(SenderType.NEW_MEMBER_COMMIT)
    proposals: list[Proposal] = [ExternalInit(kem_output), *map(PreSharedKey, pre_shared_keys)]
    if remove is not None:
        proposals.append(Remove(LeafIndex(remove)))
    covered = [PendingProposal(proposal, sender) for proposal in proposals]
    judge = Judgement(suite, context, verified.tree, policy, None)
    applied = apply_proposals(judge, covered, None)
    room, own_leaf = applied.tree.with_room()
    placed = replace(applied, tree=room)
    replaced = applied.removed[0].leaf if applied.removed else None
    path = make_path(judge, placed, own_leaf, identity, random, replaces=replaced)
    check_members(path.tree)
    body = Commit(tuple(proposals), path.update_path)
    framed = FramedContent(context.group_id, context.epoch, sender, authenticated_data, body)
    signature = _sign(identity, framed, context.encode())
    interim = interim_transcript_hash(suite, context.confirmed_transcript_hash, parsed.confirmation_tag)
    epoch = next_epoch(
        context,
        interim,
        path.tree,
        placed,
        init_secret,
        path.commit_secret,
        framed.encode(),
        signature,
        WireFormat.PUBLIC_MESSAGE,
        psks,
    )
    auth = FramedContentAuthData(signature, epoch.confirmation_tag)
    message = encode_message(PublicMessage(framed, auth, None))
    state = first_state(epoch, path.tree, identity, own_leaf, path.private_keys, settings or Settings())
    effect = describe(
        verified.tree,
        sender,
        covered,
        placed,
        path.update_path.leaf_node if path.update_path else None,
        path.tree,
        authenticated_data,
        epoch.context.epoch,
        joined_at=own_leaf,
    )
    policy.judge_join(state)
    return PendingJoin(message, state, effect)


def propose_join(
    bundle: KeyPackageBundle, *, group_id: bytes, epoch: int, authenticated_data: bytes = b""
) -> bytes:
    """A PublicMessage by which a client asks a group to add it (new_member_proposal, section 12.1.8)."""
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    add = Add(bundle.key_package)
    content = FramedContent(GroupId(group_id), EpochNumber(epoch), sender, authenticated_data, add)
    return _public_proposal(bundle.identity, content)


def propose_from_outside(
    identity: Identity,
    sender_index: int,
    proposal: Proposal,
    *,
    group_id: bytes,
    epoch: int,
    authenticated_data: bytes = b"",
) -> bytes:
    """A PublicMessage of the `sender_index`-th of a group's external senders (section 12.1.8.1)."""
    sender = Sender(SenderType.EXTERNAL, sender_index)
    content = FramedContent(GroupId(group_id), EpochNumber(epoch), sender, authenticated_data, proposal)
    return _public_proposal(identity, content)


def _public_proposal(identity: Identity, content: FramedContent) -> bytes:
    signature = _sign(identity, content, b"")
    return encode_message(PublicMessage(content, FramedContentAuthData(signature, None), None))


def _sign(identity: Identity, content: FramedContent, context: bytes) -> bytes:
    signed = framed_content_tbs(WireFormat.PUBLIC_MESSAGE, content.encode(), context)
    return identity.suite.sign_with_label(identity.signing_key, b"FramedContentTBS", signed)
