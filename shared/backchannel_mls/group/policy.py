"""What the application decides: which changes it allows and whom it believes (sections 5.3.1, 12.2).

A policy's callables judge with the state in their hands; they refuse by raising PolicyError.
Whatever else they raise passes through unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backchannel_mls.errors import PolicyError
from backchannel_mls.limits import MAX_LIFETIME_S
from backchannel_mls.types import EpochNumber, LeafIndex, ProposalType, SenderType
from backchannel_mls.wire.credential import Credential
from backchannel_mls.wire.extension import Extension
from backchannel_mls.wire.framing import Sender
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.proposal import Proposal

if TYPE_CHECKING:
    from backchannel_mls.group.state import GroupState
    from backchannel_mls.tree.ratchet_tree import RatchetTree


@dataclass(frozen=True, slots=True)
class PresentedCredential:
    """A credential to be judged, with its key, and the one it replaces if it replaces one."""

    credential: Credential
    signature_key: bytes
    replaces: LeafNode | None = None


@dataclass(frozen=True, slots=True)
class AddedMember:
    """A new member; `key_package` is None for one who joined by an external commit."""

    index: LeafIndex
    leaf: LeafNode
    key_package: KeyPackage | None


@dataclass(frozen=True, slots=True)
class RemovedMember:
    """A member who is no longer in the group."""

    index: LeafIndex
    leaf: LeafNode


@dataclass(frozen=True, slots=True)
class UpdatedMember:
    """A member whose leaf was replaced, by an Update or by the committer's path."""

    index: LeafIndex
    old: LeafNode
    new: LeafNode


@dataclass(frozen=True, slots=True)
class CommitEffect:
    """Everything that a commit changes, verified but not merged. `tree` is the new epoch's."""

    epoch: EpochNumber
    sender: Sender
    proposals: tuple[tuple[Proposal, Sender], ...]
    added: tuple[AddedMember, ...]
    removed: tuple[RemovedMember, ...]
    updated: tuple[UpdatedMember, ...]
    has_path: bool
    extensions: tuple[Extension, ...]
    authenticated_data: bytes
    tree: RatchetTree


def accept_credential(presented: PresentedCredential) -> None:
    """Believes every credential: for tests, and where `judge_commit` decides."""


def accept_proposal(state: GroupState, proposal: Proposal, sender: Sender) -> None:
    """Takes every proposal that the protocol allows."""


def accept_commit(state: GroupState, effect: CommitEffect) -> None:
    """Takes every commit that the protocol allows."""


def accept_join(state: GroupState) -> None:
    """Joins every group that the protocol allows."""


def same_credential(old: LeafNode, new: LeafNode) -> bool:
    """Whether two leaves are one client's, for groups that continue others (sections 11.2, 11.3)."""
    return old.credential == new.credential


@dataclass(frozen=True, slots=True)
class Policy:
    """The application's decisions; without arguments, all that RFC 9420 allows is allowed.

    judge_credential  every credential that comes into the group (5.3.1), on joining all of them
    judge_proposal    every proposal on its own, as it is received
    judge_commit      every commit, ours too, verified whole, before it can be merged
    judge_join        the state that a Welcome gives, before it is returned
    same_client       whether one leaf may stand for another: in a group that continues another, and
                      where a joiner from outside replaces a member; by default equal credentials
    """

    forbidden_proposals: frozenset[ProposalType] = frozenset()
    allow_external_commits: bool = True
    allow_external_proposals: bool = True
    require_private: bool = False
    max_lifetime_s: int = MAX_LIFETIME_S
    judge_credential: Callable[[PresentedCredential], None] = accept_credential
    judge_proposal: Callable[[GroupState, Proposal, Sender], None] = accept_proposal
    judge_commit: Callable[[GroupState, CommitEffect], None] = accept_commit
    judge_join: Callable[[GroupState], None] = accept_join
    same_client: Callable[[LeafNode, LeafNode], bool] = same_credential

    def check_proposal_type(self, proposal: Proposal) -> None:
        """Refuses a type that the application forbids."""
        if proposal.type in self.forbidden_proposals:
            name = proposal.type.name.lower().replace("_", " ")
            raise PolicyError("proposal-forbidden", f"This application does not allow {name} proposals.")

    def check_sender(self, sender: Sender, *, private: bool) -> None:
        """Refuses outsiders and unencrypted handshakes where the application does."""
        if sender.type is SenderType.NEW_MEMBER_COMMIT and not self.allow_external_commits:
            raise PolicyError("external-commit-forbidden", "This application does not allow external joins.")
        outside = sender.type in (SenderType.EXTERNAL, SenderType.NEW_MEMBER_PROPOSAL)
        if outside and not self.allow_external_proposals:
            raise PolicyError(
                "external-proposal-forbidden", "This application does not allow outsiders to propose."
            )
        if sender.type is SenderType.MEMBER and self.require_private and not private:
            raise PolicyError(
                "public-message-forbidden", "This application encrypts handshakes; this one is not."
            )


ALLOW_ALL = Policy()
"""All that RFC 9420 allows."""
