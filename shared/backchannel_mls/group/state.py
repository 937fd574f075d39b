"""The state of one member in one group. Immutable: a transition returns a new one.

`GroupState` = what a commit changes (`EpochState`) + what a message changes (`MessageKeys`, by
epoch) + what proposals change. Parts that a transition does not touch are shared with the state
before it, so that a message costs neither a copy nor a rewriting of the group (see store.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from backchannel_mls import limits
from backchannel_mls.codec import u64, vector
from backchannel_mls.crypto.signature import VerifyingKey
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.group.identity import Identity
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.key_schedule import EpochSecrets, PskLookup, export_secret
from backchannel_mls.schedule.secret_tree import SecretTree, Windows
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.types import EpochNumber, GroupId, LeafIndex, NodeIndex, ProposalRef
from backchannel_mls.wire.framing import Sender
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.proposal import Proposal, ReInit
from backchannel_mls.wire.psk import ExternalPskId, PskId


class GroupStatus(Enum):
    """ACTIVE may do everything; the others only read what comes late."""

    ACTIVE = 1
    REMOVED = 2
    REINITIALIZED = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """The windows of a group's state; see limits.py for their meaning."""

    forward_generations: int = limits.MAX_FORWARD_GENERATIONS
    skipped_keys: int = limits.MAX_SKIPPED_KEYS
    past_epochs: int = limits.MAX_PAST_EPOCHS
    resumption_epochs: int = limits.MAX_RESUMPTION_EPOCHS

    @property
    def windows(self) -> Windows:
        """For the secret tree."""
        return Windows(self.forward_generations, self.skipped_keys)


@dataclass(frozen=True, slots=True)
class EpochKeys:
    """The secrets of an epoch that are needed until its end. The others are spent in deriving."""

    init_secret: bytes = field(repr=False)
    exporter_secret: bytes = field(repr=False)
    external_secret: bytes = field(repr=False)
    membership_key: bytes = field(repr=False)
    epoch_authenticator: bytes = field(repr=False)

    @classmethod
    def of(cls, secrets: EpochSecrets) -> EpochKeys:
        """What is kept of freshly derived secrets."""
        return cls(
            secrets.init_secret,
            secrets.exporter_secret,
            secrets.external_secret,
            secrets.membership_key,
            secrets.epoch_authenticator,
        )


class MessageKeys:
    """All that reading and writing the messages of one epoch needs; it outlives the epoch for a while.

    `signature_keys` by leaf index, None where blank. `header` is what every PrivateMessage of the
    epoch begins with: group id and epoch.
    """

    __slots__ = (
        "_verifying",
        "context",
        "epoch",
        "header",
        "secret_tree",
        "sender_data_secret",
        "signature_keys",
    )

    def __init__(
        self,
        group_id: GroupId,
        epoch: EpochNumber,
        context: bytes,
        sender_data_secret: bytes,
        secret_tree: SecretTree,
        signature_keys: tuple[bytes | None, ...],
    ) -> None:
        self.epoch = epoch
        self.header = vector(group_id) + u64(epoch)
        self.context = context
        self.sender_data_secret = sender_data_secret
        self.secret_tree = secret_tree
        self.signature_keys = signature_keys
        # parsed keys, filled as members are heard; shared by all states of the epoch
        self._verifying: dict[int, VerifyingKey] = {}

    @classmethod
    def of_epoch(
        cls, tree: RatchetTree, context: GroupContext, encoded: bytes, secrets: EpochSecrets
    ) -> MessageKeys:
        """The keys of a new epoch."""
        signature_keys = tuple(
            node.signature_key if isinstance(node, LeafNode) else None for node in tree.nodes[::2]
        )
        secret_tree = SecretTree.of_epoch(tree.suite, tree.leaf_count, secrets.encryption_secret)
        return cls(
            context.group_id, context.epoch, encoded, secrets.sender_data_secret, secret_tree, signature_keys
        )

    def with_secret_tree(self, secret_tree: SecretTree) -> MessageKeys:
        """These keys with some of them spent."""
        keys = object.__new__(MessageKeys)
        keys.epoch = self.epoch
        keys.header = self.header
        keys.context = self.context
        keys.sender_data_secret = self.sender_data_secret
        keys.secret_tree = secret_tree
        keys.signature_keys = self.signature_keys
        keys._verifying = self._verifying
        return keys

    def verifying_key(self, index: int) -> VerifyingKey:
        """The key of the member at a leaf; raises `sender-blank`."""
        key = self._verifying.get(index)
        if key is None:
            public = self.signature_keys[index] if index < len(self.signature_keys) else None
            if public is None:
                raise RemoteError(Rule.SENDER_BLANK)
            key = self._verifying[index] = self.secret_tree.suite.verifying_key(public)
        return key


@dataclass(frozen=True, slots=True)
class EpochState:
    """What only a commit changes. `private_keys` are the HPKE keys on the own direct path, by node."""

    suite: CipherSuite
    settings: Settings
    status: GroupStatus
    identity: Identity
    own_leaf: LeafIndex
    context: GroupContext
    tree: RatchetTree
    private_keys: Mapping[NodeIndex, bytes] = field(repr=False)
    keys: EpochKeys
    interim_transcript_hash: bytes
    confirmation_tag: bytes
    resumption_psks: Mapping[EpochNumber, bytes] = field(repr=False)
    reinit: ReInit | None = None


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A verified proposal of this epoch that no commit covered yet."""

    proposal: Proposal
    sender: Sender


@dataclass(frozen=True, slots=True)
class PendingUpdate:
    """The private half of an own Update that no commit covered yet."""

    encryption_private: bytes = field(repr=False)
    identity: Identity


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the group."""

    index: LeafIndex
    leaf: LeafNode


@dataclass(frozen=True, slots=True)
class GroupState:
    """One member's state. Never encrypt twice from one state: store the returned one, then send."""

    group: EpochState
    messages: MessageKeys
    past: tuple[MessageKeys, ...] = ()
    proposals: Mapping[ProposalRef, PendingProposal] = field(default_factory=dict)
    updates: Mapping[bytes, PendingUpdate] = field(default_factory=dict)

    # ---- what an application asks for
    @property
    def suite(self) -> CipherSuite:
        """The cipher suite."""
        return self.group.suite

    @property
    def group_id(self) -> GroupId:
        """The group's id."""
        return self.group.context.group_id

    @property
    def epoch(self) -> EpochNumber:
        """The current epoch."""
        return self.group.context.epoch

    @property
    def context(self) -> GroupContext:
        """The current GroupContext."""
        return self.group.context

    @property
    def tree(self) -> RatchetTree:
        """The current ratchet tree."""
        return self.group.tree

    @property
    def own_leaf(self) -> LeafIndex:
        """Where this client stands."""
        return self.group.own_leaf

    @property
    def status(self) -> GroupStatus:
        """Whether this client may still act."""
        return self.group.status

    @property
    def sent_messages(self) -> int:
        """How many application messages this client has encrypted in this epoch."""
        ratchet = self.messages.secret_tree.ratchets.find(2 * self.own_leaf)
        return 0 if ratchet is None else ratchet.generation

    @property
    def epoch_authenticator(self) -> bytes:
        """Equal for members whose views are equal (section 8.7)."""
        return self.group.keys.epoch_authenticator

    def members(self) -> list[Member]:
        """Who is in the group."""
        return [Member(index, leaf) for index, leaf in self.group.tree.leaves()]

    def export_secret(self, label: bytes, context: bytes, size: int) -> bytes:
        """MLS-Exporter (section 8.5): `size` bytes, at most 255 hashes, that only members know."""
        if not 0 <= size <= 255 * self.suite.hash_size:
            raise LocalError("export-size", "An exported secret has at most 255 times the hash's size.")
        return export_secret(self.suite, self.group.keys.exporter_secret, label, context, size)

    def resumption_psk(self, epoch: EpochNumber) -> bytes | None:
        """The resumption_psk of an epoch (section 8.6), while it is kept."""
        return self.group.resumption_psks.get(epoch)

    def with_own_psks(self, lookup: PskLookup) -> PskLookup:
        """A lookup that also finds this group's own resumption PSKs."""

        def look(psk_id: PskId) -> bytes | None:
            if not isinstance(psk_id, ExternalPskId) and psk_id.group_id == self.group_id:
                return self.resumption_psk(psk_id.epoch)
            return lookup(psk_id)

        return look

    def require_active(self) -> None:
        """Raises where this client was removed or the group has ended."""
        if self.status is GroupStatus.REMOVED:
            raise LocalError("removed", "This client was removed from the group.")
        if self.status is GroupStatus.REINITIALIZED:
            raise LocalError(
                "reinitialized", "This group has ended: join the one that continues it (RFC 9420, 11.2)."
            )

    def with_messages(self, messages: MessageKeys) -> GroupState:
        """With the keys of one epoch, current or past, replaced."""
        if messages.epoch == self.messages.epoch:
            return GroupState(self.group, messages, self.past, self.proposals, self.updates)
        past = tuple(messages if keys.epoch == messages.epoch else keys for keys in self.past)
        return GroupState(self.group, self.messages, past, self.proposals, self.updates)


def no_psks(_: PskId) -> bytes | None:
    """A lookup for applications without pre-shared keys."""
    return None
