"""Leaf nodes and what they say of a member (RFC 9420 section 7.2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backchannel_mls.codec import Reader, u8, u16_vector, u32, u64, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import GroupId, LeafIndex, LeafNodeSource
from backchannel_mls.wire.credential import Credential, parse_credential
from backchannel_mls.wire.extension import Extension, encode_extensions, parse_extensions


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a client supports, default types left out (section 7.2)."""

    versions: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """Section 7.2."""
        return (
            u16_vector(self.versions)
            + u16_vector(self.cipher_suites)
            + u16_vector(self.extensions)
            + u16_vector(self.proposals)
            + u16_vector(self.credentials)
        )

    @classmethod
    def parse(cls, reader: Reader) -> Capabilities:
        """Section 7.2."""
        return cls(
            reader.u16_items(), reader.u16_items(), reader.u16_items(), reader.u16_items(), reader.u16_items()
        )


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a KeyPackage's leaf may be used, in seconds since 1970-01-01T00:00:00Z (section 7.2)."""

    not_before: int
    not_after: int

    def encode(self) -> bytes:
        """Section 7.2."""
        return u64(self.not_before) + u64(self.not_after)

    @classmethod
    def parse(cls, reader: Reader) -> Lifetime:
        """Section 7.2."""
        return cls(reader.uint(8), reader.uint(8))


@dataclass(frozen=True, slots=True)
class LeafNode:
    """A member's leaf; `lifetime` stands only in source KEY_PACKAGE, `parent_hash` only in COMMIT."""

    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    source: LeafNodeSource
    lifetime: Lifetime | None
    parent_hash: bytes | None
    extensions: tuple[Extension, ...]
    signature: bytes
    _raw: bytes = field(default=b"", compare=False, repr=False)

    def encode(self) -> bytes:
        """Section 7.2; the received bytes where there are any."""
        return self._raw or self._encode_unsigned() + vector(self.signature)

    def _encode_unsigned(self) -> bytes:
        if self.lifetime is not None:
            source = self.lifetime.encode()
        else:
            source = b"" if self.parent_hash is None else vector(self.parent_hash)
        return (
            vector(self.encryption_key)
            + vector(self.signature_key)
            + self.credential.encode()
            + self.capabilities.encode()
            + u8(self.source)
            + source
            + encode_extensions(self.extensions)
        )

    def signed_content(self, group_id: GroupId | None, index: LeafIndex | None) -> bytes:
        """LeafNodeTBS: a leaf made within a group is bound to the group and its place (section 7.2)."""
        raw = self._raw
        content = raw[: len(raw) - len(vector(self.signature))] if raw else self._encode_unsigned()
        if self.source == LeafNodeSource.KEY_PACKAGE or group_id is None or index is None:
            return content
        return content + vector(group_id) + u32(index)

    def with_signature(self, signature: bytes) -> LeafNode:
        """This leaf, signed."""
        signed = replace(self, signature=signature, _raw=b"")
        return replace(signed, _raw=signed.encode())

    @classmethod
    def parse(cls, reader: Reader) -> LeafNode:
        """Section 7.2."""
        begin = reader.position
        encryption_key = reader.vector()
        signature_key = reader.vector()
        credential = parse_credential(reader)
        capabilities = Capabilities.parse(reader)
        source = reader.uint(1)
        lifetime = parent_hash = None
        if source == LeafNodeSource.KEY_PACKAGE:
            lifetime = Lifetime.parse(reader)
        elif source == LeafNodeSource.COMMIT:
            parent_hash = reader.vector()
        elif source != LeafNodeSource.UPDATE:
            raise RemoteError(Rule.VALUE_UNKNOWN)
        extensions = parse_extensions(reader)
        signature = reader.vector()
        return cls(
            encryption_key,
            signature_key,
            credential,
            capabilities,
            LeafNodeSource(source),
            lifetime,
            parent_hash,
            extensions,
            signature,
            reader.since(begin),
        )
