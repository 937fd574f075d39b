"""Proposals (RFC 9420 section 12.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from backchannel_mls.codec import Reader, u16, u32, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import GroupId, LeafIndex, ProposalType
from backchannel_mls.wire.extension import Extension, encode_extensions, parse_extensions
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import LeafNode
from backchannel_mls.wire.psk import PskId, parse_psk_id


@dataclass(frozen=True, slots=True)
class Add:
    """Add a client (section 12.1.1)."""

    type: ClassVar[ProposalType] = ProposalType.ADD
    key_package: KeyPackage

    def encode_body(self) -> bytes:
        """Section 12.1.1."""
        return self.key_package.encode()


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the sender's leaf (section 12.1.2)."""

    type: ClassVar[ProposalType] = ProposalType.UPDATE
    leaf_node: LeafNode

    def encode_body(self) -> bytes:
        """Section 12.1.2."""
        return self.leaf_node.encode()


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the member at a leaf (section 12.1.3)."""

    type: ClassVar[ProposalType] = ProposalType.REMOVE
    removed: LeafIndex

    def encode_body(self) -> bytes:
        """Section 12.1.3."""
        return u32(self.removed)


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """Mix a pre-shared key into the next epoch (section 12.1.4)."""

    type: ClassVar[ProposalType] = ProposalType.PSK
    psk: PskId

    def encode_body(self) -> bytes:
        """Section 12.1.4."""
        return self.psk.encode()


@dataclass(frozen=True, slots=True)
class ReInit:
    """End the group and continue it with other parameters (section 12.1.5)."""

    type: ClassVar[ProposalType] = ProposalType.REINIT
    group_id: GroupId
    version: int
    cipher_suite: int
    extensions: tuple[Extension, ...]

    def encode_body(self) -> bytes:
        """Section 12.1.5."""
        return (
            vector(self.group_id)
            + u16(self.version)
            + u16(self.cipher_suite)
            + encode_extensions(self.extensions)
        )


@dataclass(frozen=True, slots=True)
class ExternalInit:
    """A joiner's contribution to the init secret (section 12.1.6)."""

    type: ClassVar[ProposalType] = ProposalType.EXTERNAL_INIT
    kem_output: bytes

    def encode_body(self) -> bytes:
        """Section 12.1.6."""
        return vector(self.kem_output)


@dataclass(frozen=True, slots=True)
class GroupContextExtensions:
    """Replace the group's extensions (section 12.1.7)."""

    type: ClassVar[ProposalType] = ProposalType.GROUP_CONTEXT_EXTENSIONS
    extensions: tuple[Extension, ...]

    def encode_body(self) -> bytes:
        """Section 12.1.7."""
        return encode_extensions(self.extensions)


Proposal = Add | Update | Remove | PreSharedKey | ReInit | ExternalInit | GroupContextExtensions

_PARSERS: dict[int, Callable[[Reader], Proposal]] = {
    ProposalType.ADD: lambda reader: Add(KeyPackage.parse(reader)),
    ProposalType.UPDATE: lambda reader: Update(LeafNode.parse(reader)),
    ProposalType.REMOVE: lambda reader: Remove(LeafIndex(reader.uint(4))),
    ProposalType.PSK: lambda reader: PreSharedKey(parse_psk_id(reader)),
    ProposalType.REINIT: lambda reader: ReInit(
        GroupId(reader.vector()), reader.uint(2), reader.uint(2), parse_extensions(reader)
    ),
    ProposalType.EXTERNAL_INIT: lambda reader: ExternalInit(reader.vector()),
    ProposalType.GROUP_CONTEXT_EXTENSIONS: lambda reader: GroupContextExtensions(parse_extensions(reader)),
}


def parse_proposal(reader: Reader) -> Proposal:
    """Section 12.1. A type that is not a default one is supported by no member here (12.2)."""
    parse_body = _PARSERS.get(reader.uint(2))
    if parse_body is None:
        raise RemoteError(Rule.PROPOSAL_TYPE_UNKNOWN)
    return parse_body(reader)


def encode_proposal(proposal: Proposal) -> bytes:
    """Section 12.1."""
    return u16(proposal.type) + proposal.encode_body()
