"""Sending and receiving: the two doors of a group's state (RFC 9420 sections 6, 12.1, 15)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from backchannel_mls.crypto.suite import RandomBytes
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.group.commit_process import process_commit
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.policy import ALLOW_ALL, Policy
from backchannel_mls.group.proposals import Judgement, check_proposal
from backchannel_mls.group.protection import (
    VerifiedContent,
    encrypt_content,
    open_private,
    open_public,
    public_message,
    sign_content,
)
from backchannel_mls.group.state import (
    GroupState,
    PendingProposal,
    PendingUpdate,
    no_psks,
)
from backchannel_mls.group.transition import StagedCommit
from backchannel_mls.limits import MAX_PENDING_PROPOSALS
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import PskLookup
from backchannel_mls.types import (
    EpochNumber,
    LeafIndex,
    LeafNodeSource,
    ProposalRef,
    SenderType,
    WireFormat,
)
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.framing import (
    AuthenticatedContent,
    FramedContent,
    FramedContentAuthData,
    PrivateMessage,
    PublicMessage,
    Sender,
)
from backchannel_mls.wire.message import MlsMessage, parse_message
from backchannel_mls.wire.proposal import Add, ExternalInit, Proposal, Update


@dataclass(frozen=True, slots=True)
class Sent:
    """A message to send, and the state to store before it is sent."""

    state: GroupState = field(repr=False)
    message: bytes


@dataclass(frozen=True, slots=True)
class SentProposal:
    """A proposal to send, the state to store before that, and the reference by which commits cover it."""

    state: GroupState = field(repr=False)
    message: bytes
    reference: ProposalRef


@dataclass(frozen=True, slots=True)
class ApplicationReceived:
    """Application data, and the state in which it is read once and for all."""

    state: GroupState = field(repr=False)
    sender: LeafIndex
    epoch: EpochNumber
    authenticated_data: bytes
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProposalReceived:
    """A valid proposal, and the state that keeps it for a commit."""

    state: GroupState = field(repr=False)
    sender: Sender
    reference: ProposalRef
    proposal: Proposal
    authenticated_data: bytes


Received = ApplicationReceived | ProposalReceived | StagedCommit


def receive(
    state: GroupState,
    message: bytes | MlsMessage,
    *,
    policy: Policy = ALLOW_ALL,
    psks: PskLookup = no_psks,
    now_s: int | None = None,
) -> Received:
    """Opens, verifies and judges one message from the group; `state` stays as it is.

    Raises RemoteError where the message breaks a rule (it can be dropped), PolicyError where the
    application refuses it, LocalError where this state cannot take it.
    """
    parsed = parse_message(message) if isinstance(message, bytes) else message
    if isinstance(parsed, PrivateMessage):
        verified = open_private(state, parsed)
    elif isinstance(parsed, PublicMessage):
        state.require_active()
        verified = open_public(state, parsed)
    else:
        raise RemoteError(Rule.NOT_A_GROUP_MESSAGE)
    content, body = verified.content, verified.content.body
    if isinstance(body, bytes):
        return ApplicationReceived(
            state.with_messages(verified.messages),
            LeafIndex(content.sender.index or 0),
            content.epoch,
            content.authenticated_data,
            body,
        )
    state.require_active()
    policy.check_sender(content.sender, private=verified.wire_format is WireFormat.PRIVATE_MESSAGE)
    if isinstance(body, Commit):
        return process_commit(state, verified, policy, psks, now_s)
    return _receive_proposal(state, verified, body, policy, now_s)


def _receive_proposal(
    state: GroupState, verified: VerifiedContent, proposal: Proposal, policy: Policy, now_s: int | None
) -> ProposalReceived:
    sender = verified.content.sender
    pending = PendingProposal(proposal, sender)
    if isinstance(proposal, ExternalInit):
        raise RemoteError(Rule.EXTERNAL_INIT_BY_MEMBER)
    judge = Judgement(state.suite, state.context, state.tree, policy, now_s)
    check_proposal(judge, pending, state.context.extensions)
    policy.judge_proposal(state, proposal, sender)
    reference = proposal_reference(
        state, AuthenticatedContent(verified.wire_format, verified.content, verified.auth)
    )
    kept = _keep(state.with_messages(verified.messages), reference, pending)
    return ProposalReceived(kept, sender, reference, proposal, verified.content.authenticated_data)


def proposal_reference(state: GroupState, content: AuthenticatedContent) -> ProposalRef:
    """MakeProposalRef (section 5.2)."""
    return ProposalRef(state.suite.reference(b"Proposal", content.encode()))


def _keep(state: GroupState, reference: ProposalRef, pending: PendingProposal) -> GroupState:
    if len(state.proposals) >= MAX_PENDING_PROPOSALS and reference not in state.proposals:
        raise RemoteError(Rule.PROPOSALS_TOO_MANY)
    proposals = {**state.proposals, reference: pending}
    return GroupState(state.group, state.messages, state.past, proposals, state.updates)


def encrypt(
    state: GroupState,
    data: bytes,
    *,
    authenticated_data: bytes = b"",
    padding: int = 0,
    random: RandomBytes = os.urandom,
) -> Sent:
    """Application data as a PrivateMessage. Store the returned state before the message leaves.

    `authenticated_data` is sent in clear and authenticated; with `padding` the content is filled
    up to a multiple of so many bytes. Raises LocalError while proposals wait for a commit (section
    12.4) and after the client was removed.
    """
    state.require_active()
    if state.proposals:
        raise LocalError(
            "commit-first", "There are pending proposals: a commit must come before further messages."
        )
    _check_padding(padding)
    sender = Sender(SenderType.MEMBER, state.own_leaf)
    signed = sign_content(
        state.group.identity, state.messages, sender, data, authenticated_data, WireFormat.PRIVATE_MESSAGE
    )
    messages, message = encrypt_content(
        state.suite, state.messages, state.own_leaf, signed, None, padding, random
    )
    return Sent(GroupState(state.group, messages, state.past, state.proposals, state.updates), message)


def _check_padding(padding: int) -> None:
    if padding < 0:
        raise LocalError("padding-negative", "Padding is a number of bytes.")


def propose(
    state: GroupState,
    proposal: Proposal,
    *,
    authenticated_data: bytes = b"",
    private: bool = True,
    padding: int = 0,
    policy: Policy = ALLOW_ALL,
    now_s: int | None = None,
    random: RandomBytes = os.urandom,
) -> SentProposal:
    """Proposes a change for a later commit to cover (section 12.1); for an own Update see propose_update."""
    state.require_active()
    _check_padding(padding)
    if isinstance(proposal, (Update, ExternalInit)):
        raise LocalError("proposal-kind", "Use propose_update or join_by_external_commit for this.")
    return _propose(state, proposal, authenticated_data, private, padding, policy, now_s, random)


def _propose(
    state: GroupState,
    proposal: Proposal,
    authenticated_data: bytes,
    private: bool,
    padding: int,
    policy: Policy,
    now_s: int | None,
    random: RandomBytes,
) -> SentProposal:
    if isinstance(proposal, Add) and now_s is None:
        raise LocalError("time-missing", "Proposing a member needs the current time, to check the lifetime.")
    sender = Sender(SenderType.MEMBER, state.own_leaf)
    pending = PendingProposal(proposal, sender)
    judge = Judgement(state.suite, state.context, state.tree, policy, now_s)
    check_proposal(judge, pending, state.context.extensions)
    policy.judge_proposal(state, proposal, sender)
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    signed = sign_content(
        state.group.identity, state.messages, sender, proposal, authenticated_data, wire_format
    )
    if private:
        messages, message = encrypt_content(
            state.suite, state.messages, state.own_leaf, signed, None, padding, random
        )
        sent = state.with_messages(messages)
    else:
        key = state.group.keys.membership_key
        sent, message = state, public_message(state.suite, key, state.messages.context, signed, None)
    content = FramedContent(state.group_id, state.epoch, sender, authenticated_data, proposal, signed.framed)
    auth = FramedContentAuthData(signed.signature, None)
    reference = proposal_reference(state, AuthenticatedContent(wire_format, content, auth))
    return SentProposal(_keep(sent, reference, pending), message, reference)


def propose_update(
    state: GroupState,
    *,
    identity: Identity | None = None,
    authenticated_data: bytes = b"",
    private: bool = True,
    padding: int = 0,
    policy: Policy = ALLOW_ALL,
    random: RandomBytes = os.urandom,
) -> SentProposal:
    """Proposes a fresh leaf for this client, with a new identity if one is given (section 12.1.2)."""
    state.require_active()
    _check_padding(padding)
    suite = state.suite
    signer = identity or state.group.identity
    if signer.suite.id != suite.id:
        raise LocalError("identity-suite", "The identity is of another cipher suite than the group.")
    encryption_private, encryption_key = suite.derive_key_pair(random(max(32, suite.hash_size)))
    leaf = signer.sign_leaf(
        encryption_key, LeafNodeSource.UPDATE, group_id=state.group_id, index=state.own_leaf
    )
    sent = _propose(state, Update(leaf), authenticated_data, private, padding, policy, None, random)
    updates = {**sent.state.updates, encryption_key: PendingUpdate(encryption_private, signer)}
    kept = sent.state
    return SentProposal(
        GroupState(kept.group, kept.messages, kept.past, kept.proposals, updates),
        sent.message,
        sent.reference,
    )


def forget_proposals(state: GroupState, references: Sequence[ProposalRef]) -> GroupState:
    """Without these pending proposals: for an application that decided never to commit them."""
    dropped = set(references)
    proposals = {reference: one for reference, one in state.proposals.items() if reference not in dropped}
    return GroupState(state.group, state.messages, state.past, proposals, state.updates)
