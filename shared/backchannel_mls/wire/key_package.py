"""KeyPackages (RFC 9420 section 10)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backchannel_mls.codec import Reader, u16, vector
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import MLS10, KeyPackageRef
from backchannel_mls.wire.extension import Extension, encode_extensions, parse_extensions
from backchannel_mls.wire.leaf_node import LeafNode


@dataclass(frozen=True, slots=True)
class KeyPackage:
    """What a client publishes so that others can add it to a group. Not verified."""

    cipher_suite: int
    init_key: bytes
    leaf_node: LeafNode
    extensions: tuple[Extension, ...]
    signature: bytes
    _raw: bytes = field(default=b"", compare=False, repr=False)

    def encode(self) -> bytes:
        """Section 10; the received bytes where there are any."""
        return self._raw or self._encode_unsigned() + vector(self.signature)

    def _encode_unsigned(self) -> bytes:
        return (
            u16(MLS10)
            + u16(self.cipher_suite)
            + vector(self.init_key)
            + self.leaf_node.encode()
            + encode_extensions(self.extensions)
        )

    def signed_content(self) -> bytes:
        """KeyPackageTBS."""
        raw = self._raw
        return raw[: len(raw) - len(vector(self.signature))] if raw else self._encode_unsigned()

    def with_signature(self, signature: bytes) -> KeyPackage:
        """This key package, signed."""
        signed = replace(self, signature=signature, _raw=b"")
        return replace(signed, _raw=signed.encode())

    def reference(self, suite: CipherSuite) -> KeyPackageRef:
        """MakeKeyPackageRef (section 5.2)."""
        return KeyPackageRef(suite.reference(b"KeyPackage", self.encode()))

    @classmethod
    def parse(cls, reader: Reader) -> KeyPackage:
        """Section 10."""
        begin = reader.position
        if reader.uint(2) != MLS10:
            raise RemoteError(Rule.VERSION_UNSUPPORTED)
        cipher_suite = reader.uint(2)
        init_key = reader.vector()
        leaf_node = LeafNode.parse(reader)
        extensions = parse_extensions(reader)
        signature = reader.vector()
        return cls(cipher_suite, init_key, leaf_node, extensions, signature, reader.since(begin))
