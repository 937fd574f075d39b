"""From one epoch to the next: what committer, receivers and joiners compute alike (sections 8, 12.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import LocalError
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.policy import AddedMember, CommitEffect, UpdatedMember
from backchannel_mls.group.proposals import AppliedProposals, Covered
from backchannel_mls.group.state import (
    EpochKeys,
    EpochState,
    GroupState,
    GroupStatus,
    MessageKeys,
    Settings,
)
from backchannel_mls.group.transition import EpochTransition
from backchannel_mls.schedule.key_schedule import (
    EpochSecrets,
    JoinerSecrets,
    PskLookup,
    commit_secrets,
    epoch_secrets,
    psk_secret,
)
from backchannel_mls.schedule.transcript import confirmed_transcript_hash, interim_transcript_hash
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import EpochNumber, LeafIndex, NodeIndex, WireFormat
from backchannel_mls.wire.extension import Extension
from backchannel_mls.wire.framing import Sender
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.leaf_node import LeafNode


@dataclass(frozen=True, slots=True)
class NextEpoch:
    """The new epoch's context and secrets. Transient: only what is needed later goes into a state."""

    context: GroupContext
    encoded_context: bytes
    joiner: JoinerSecrets = field(repr=False)
    secrets: EpochSecrets = field(repr=False)
    confirmation_tag: bytes
    interim_transcript_hash: bytes


def following(epoch: EpochNumber) -> EpochNumber:
    """The number of the next epoch; there is none after the largest that can be encoded."""
    if epoch >= 0xFFFF_FFFF_FFFF_FFFF:
        raise LocalError("epochs-exhausted", "This group has no further epochs.")
    return EpochNumber(epoch + 1)


def provisional_context(
    suite: CipherSuite, context: GroupContext, tree_hash: bytes, extensions: tuple[Extension, ...]
) -> bytes:
    """The GroupContext that path secrets are bound to: the new epoch, the old transcript (12.4.1)."""
    return GroupContext(
        suite.id,
        context.group_id,
        following(context.epoch),
        tree_hash,
        context.confirmed_transcript_hash,
        extensions,
    ).encode()


def next_epoch(
    context: GroupContext,
    interim: bytes,
    tree: RatchetTree,
    applied: AppliedProposals,
    init_secret: bytes,
    commit_secret: bytes,
    framed: bytes,
    signature: bytes,
    wire_format: WireFormat,
    lookup: PskLookup,
) -> NextEpoch:
    """The epoch that a commit opens; `framed` is its encoded FramedContent (sections 8, 8.2)."""
    suite = tree.suite
    confirmed = confirmed_transcript_hash(suite, interim, wire_format, framed, signature)
    new_context = GroupContext(
        suite.id,
        context.group_id,
        following(context.epoch),
        tree.tree_hash(),
        confirmed,
        applied.extensions,
    )
    encoded = new_context.encode()
    psk = psk_secret(suite, applied.psks, lookup)
    joiner = commit_secrets(suite, init_secret, commit_secret, psk, encoded)
    secrets = epoch_secrets(suite, joiner, encoded)
    tag = suite.mac(secrets.confirmation_key, confirmed)
    return NextEpoch(
        new_context, encoded, joiner, secrets, tag, interim_transcript_hash(suite, confirmed, tag)
    )


def first_state(
    epoch: NextEpoch,
    tree: RatchetTree,
    identity: Identity,
    own_leaf: LeafIndex,
    private_keys: Mapping[NodeIndex, bytes],
    settings: Settings,
) -> GroupState:
    """The state of a client that comes into a group with this epoch."""
    group = EpochState(
        suite=tree.suite,
        settings=settings,
        status=GroupStatus.ACTIVE,
        identity=identity,
        own_leaf=own_leaf,
        context=epoch.context,
        tree=tree,
        private_keys=private_keys,
        keys=EpochKeys.of(epoch.secrets),
        interim_transcript_hash=epoch.interim_transcript_hash,
        confirmation_tag=epoch.confirmation_tag,
        resumption_psks={epoch.context.epoch: epoch.secrets.resumption_psk},
    )
    return GroupState(group, MessageKeys.of_epoch(tree, epoch.context, epoch.encoded_context, epoch.secrets))


def following_epoch(
    state: GroupState,
    epoch: NextEpoch,
    applied: AppliedProposals,
    tree: RatchetTree,
    identity: Identity,
    private_keys: Mapping[NodeIndex, bytes],
    committer: LeafIndex | None,
) -> EpochTransition:
    """A member's way into the next epoch; `committer` sent a PrivateMessage, or is None."""
    settings = state.group.settings
    psks = {**state.group.resumption_psks, epoch.context.epoch: epoch.secrets.resumption_psk}
    for oldest in list(psks)[: max(0, len(psks) - settings.resumption_epochs)]:
        del psks[oldest]
    group = EpochState(
        suite=tree.suite,
        settings=settings,
        status=GroupStatus.REINITIALIZED if applied.reinit else GroupStatus.ACTIVE,
        identity=identity,
        own_leaf=state.own_leaf,
        context=epoch.context,
        tree=tree,
        private_keys=private_keys,
        keys=EpochKeys.of(epoch.secrets),
        interim_transcript_hash=epoch.interim_transcript_hash,
        confirmation_tag=epoch.confirmation_tag,
        resumption_psks=psks,
        reinit=applied.reinit,
    )
    messages = MessageKeys.of_epoch(tree, epoch.context, epoch.encoded_context, epoch.secrets)
    return EpochTransition(state.messages.context, group, messages, committer)


def kept_private_keys(
    tree: RatchetTree, private_keys: Mapping[NodeIndex, bytes], fresh: Mapping[NodeIndex, bytes]
) -> dict[NodeIndex, bytes]:
    """The private keys of nodes that are still there and not blank, with the fresh ones (section 7.5)."""
    kept = {
        node: key
        for node, key in private_keys.items()
        if node < len(tree.nodes) and tree.nodes[node] is not None
    }
    kept.update(fresh)
    return kept


def describe(
    old_tree: RatchetTree,
    sender: Sender,
    covered: Covered,
    applied: AppliedProposals,
    path_leaf: LeafNode | None,
    new_tree: RatchetTree,
    authenticated_data: bytes,
    new_epoch: EpochNumber,
    joined_at: LeafIndex | None = None,
) -> CommitEffect:
    """What a commit changes, for the application to judge; `joined_at` is an external joiner's leaf."""
    added, updated = applied.added, applied.updated
    if path_leaf is not None:
        if joined_at is not None:
            added = (*added, AddedMember(joined_at, path_leaf, None))
        elif sender.index is not None:
            index = LeafIndex(sender.index)
            old = old_tree.leaf(index)
            if old is not None:
                updated = (*updated, UpdatedMember(index, old, path_leaf))
    return CommitEffect(
        epoch=new_epoch,
        sender=sender,
        proposals=tuple((one.proposal, one.sender) for one in covered),
        added=added,
        removed=applied.removed,
        updated=updated,
        has_path=path_leaf is not None,
        extensions=applied.extensions,
        authenticated_data=authenticated_data,
        tree=new_tree,
    )
