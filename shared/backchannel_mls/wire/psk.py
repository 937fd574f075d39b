"""PreSharedKeyID (RFC 9420 section 8.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from backchannel_mls.codec import Reader, u8, u64, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import EpochNumber, GroupId, PskType, ResumptionUsage


@dataclass(frozen=True, slots=True)
class ExternalPskId:
    """A key that the application distributed by other means."""

    type: ClassVar[PskType] = PskType.EXTERNAL
    psk_id: bytes
    nonce: bytes

    def encode(self) -> bytes:
        """Section 8.4."""
        return u8(self.type) + vector(self.psk_id) + vector(self.nonce)


@dataclass(frozen=True, slots=True)
class ResumptionPskId:
    """A key that a group's members had in one of its epochs."""

    type: ClassVar[PskType] = PskType.RESUMPTION
    usage: ResumptionUsage
    group_id: GroupId
    epoch: EpochNumber
    nonce: bytes

    def encode(self) -> bytes:
        """Section 8.4."""
        return u8(self.type) + u8(self.usage) + vector(self.group_id) + u64(self.epoch) + vector(self.nonce)


PskId = ExternalPskId | ResumptionPskId


def parse_psk_id(reader: Reader) -> PskId:
    """Section 8.4."""
    psk_type = reader.uint(1)
    if psk_type == PskType.EXTERNAL:
        return ExternalPskId(reader.vector(), reader.vector())
    if psk_type == PskType.RESUMPTION:
        usage = reader.uint(1)
        if usage not in (1, 2, 3):
            raise RemoteError(Rule.VALUE_UNKNOWN)
        return ResumptionPskId(
            ResumptionUsage(usage), GroupId(reader.vector()), EpochNumber(reader.uint(8)), reader.vector()
        )
    raise RemoteError(Rule.VALUE_UNKNOWN)
