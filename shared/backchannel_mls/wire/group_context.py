"""The GroupContext (RFC 9420 section 8.1): what all members of an epoch agree on."""

from __future__ import annotations

from dataclasses import dataclass

from backchannel_mls.codec import Reader, u16, u64, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import MLS10, EpochNumber, GroupId
from backchannel_mls.wire.extension import Extension, encode_extensions, parse_extensions


@dataclass(frozen=True, slots=True)
class GroupContext:
    """Summary of a group's state in one epoch."""

    cipher_suite: int
    group_id: GroupId
    epoch: EpochNumber
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: tuple[Extension, ...]

    def encode(self) -> bytes:
        """Section 8.1."""
        return (
            u16(MLS10)
            + u16(self.cipher_suite)
            + vector(self.group_id)
            + u64(self.epoch)
            + vector(self.tree_hash)
            + vector(self.confirmed_transcript_hash)
            + encode_extensions(self.extensions)
        )

    @classmethod
    def parse(cls, reader: Reader) -> GroupContext:
        """Section 8.1."""
        if reader.uint(2) != MLS10:
            raise RemoteError(Rule.VERSION_UNSUPPORTED)
        return cls(
            reader.uint(2),
            GroupId(reader.vector()),
            EpochNumber(reader.uint(8)),
            reader.vector(),
            reader.vector(),
            parse_extensions(reader),
        )
