"""Entering the epoch that a commit opens (RFC 9420 sections 12.4.2, 14 and 9.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from backchannel_mls.errors import LocalError
from backchannel_mls.group.policy import CommitEffect
from backchannel_mls.group.state import EpochState, GroupState, MessageKeys
from backchannel_mls.types import LeafIndex


@dataclass(frozen=True, slots=True)
class EpochTransition:
    """What merging a commit needs: the new epoch, and which one it follows.

    base       the encoded GroupContext of the epoch that ends
    group      the new epoch; for a client that is removed, the old one without its secrets
    messages   the new epoch's message keys; None for a client that is removed
    committer  the leaf whose handshake key the commit spent; None where none was (PublicMessage)
    """

    base: bytes
    group: EpochState = field(repr=False)
    messages: MessageKeys | None = field(repr=False)
    committer: LeafIndex | None


@dataclass(frozen=True, slots=True)
class StagedCommit:
    """A commit verified whole, not yet merged: see `merge_commit`. `effect` says what it changes."""

    effect: CommitEffect
    transition: EpochTransition = field(repr=False)

    @property
    def self_removed(self) -> bool:
        """Whether the commit removes this client; the state after it only reads what comes late."""
        return self.transition.messages is None


def merge_commit(staged: StagedCommit | EpochTransition, state: GroupState) -> GroupState:
    """The state after a staged commit, from the *latest* state of the epoch that it ends.

    Messages read since the commit was staged stay read: the ending epoch's keys are those of
    `state`, and go to the past epochs without anything that can still be spent by writing or by
    handshakes. Raises LocalError where `state` is of another epoch.
    """
    transition = staged.transition if isinstance(staged, StagedCommit) else staged
    if transition.base != state.messages.context:
        raise LocalError("commit-stale", "The commit follows another epoch than the one this state is in.")
    ending = _retired(state, transition.committer)
    if transition.messages is None:
        return GroupState(transition.group, ending, state.past)
    keep = transition.group.settings.past_epochs
    past = (*state.past, ending)[-keep:] if keep else ()
    return GroupState(transition.group, transition.messages, past)


def _retired(state: GroupState, committer: LeafIndex | None) -> MessageKeys:
    """The ending epoch's keys, for reading late application messages of others and nothing else."""
    leaves = {state.own_leaf} if committer is None else {state.own_leaf, committer}
    return state.messages.with_secret_tree(state.messages.secret_tree.retired(leaves, state.own_leaf))
