"""Commits and update paths (RFC 9420 sections 7.6 and 12.4)."""

from __future__ import annotations

from dataclasses import dataclass

from backchannel_mls.codec import Reader, optional, u8, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import ProposalRef
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.proposal import Proposal, encode_proposal, parse_proposal

_BY_VALUE = 1
_BY_REFERENCE = 2


@dataclass(frozen=True, slots=True)
class HpkeCiphertext:
    """struct { opaque kem_output<V>; opaque ciphertext<V>; } (section 7.6)"""

    kem_output: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Section 7.6."""
        return vector(self.kem_output) + vector(self.ciphertext)

    @classmethod
    def parse(cls, reader: Reader) -> HpkeCiphertext:
        """Section 7.6."""
        return cls(reader.vector(), reader.vector())


@dataclass(frozen=True, slots=True)
class UpdatePathNode:
    """A new key for one node, and its path secret for those below its other child."""

    encryption_key: bytes
    encrypted_path_secret: tuple[HpkeCiphertext, ...]

    def encode(self) -> bytes:
        """Section 7.6."""
        secrets = b"".join(ciphertext.encode() for ciphertext in self.encrypted_path_secret)
        return vector(self.encryption_key) + vector(secrets)

    @classmethod
    def parse(cls, reader: Reader) -> UpdatePathNode:
        """Section 7.6."""
        return cls(reader.vector(), reader.items(HpkeCiphertext.parse))


@dataclass(frozen=True, slots=True)
class UpdatePath:
    """A new leaf and new keys for the committer's filtered direct path."""

    leaf_node: LeafNode
    nodes: tuple[UpdatePathNode, ...]

    def encode(self) -> bytes:
        """Section 7.6."""
        return self.leaf_node.encode() + vector(b"".join(node.encode() for node in self.nodes))

    @classmethod
    def parse(cls, reader: Reader) -> UpdatePath:
        """Section 7.6."""
        return cls(LeafNode.parse(reader), reader.items(UpdatePathNode.parse))


@dataclass(frozen=True, slots=True)
class Commit:
    """Proposals by value, or by reference as `bytes` (ProposalRef), and the path if there is one."""

    proposals: tuple[Proposal | ProposalRef, ...]
    path: UpdatePath | None

    def encode(self) -> bytes:
        """Section 12.4."""
        covered = b"".join(map(_encode_proposal_or_ref, self.proposals))
        return vector(covered) + optional(None if self.path is None else self.path.encode())

    @classmethod
    def parse(cls, reader: Reader) -> Commit:
        """Section 12.4."""
        return cls(reader.items(_parse_proposal_or_ref), reader.optional(UpdatePath.parse))


def _encode_proposal_or_ref(covered: Proposal | ProposalRef) -> bytes:
    if isinstance(covered, bytes):
        return u8(_BY_REFERENCE) + vector(covered)
    return u8(_BY_VALUE) + encode_proposal(covered)


def _parse_proposal_or_ref(reader: Reader) -> Proposal | ProposalRef:
    kind = reader.uint(1)
    if kind == _BY_VALUE:
        return parse_proposal(reader)
    if kind == _BY_REFERENCE:
        return ProposalRef(reader.vector())
    raise RemoteError(Rule.VALUE_UNKNOWN)
