"""A client's own keys: its identity, and the key packages by which others add it (section 10)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from backchannel_mls.codec import Reader, parse_all, u16, vector
from backchannel_mls.crypto.signature import SigningKey
from backchannel_mls.crypto.suite import CipherSuite, RandomBytes, cipher_suite
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.limits import DEFAULT_LIFETIME_S, LIFETIME_SKEW_S
from backchannel_mls.types import DEFAULT_EXTENSIONS, MLS10, GroupId, LeafIndex, LeafNodeSource
from backchannel_mls.wire.credential import Credential, parse_credential
from backchannel_mls.wire.extension import Extension, encode_extensions, parse_extensions
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import Capabilities, LeafNode, Lifetime
from backchannel_mls.wire.message import encode_message


@dataclass(frozen=True, slots=True)
class Identity:
    """A signature key pair with the credential and capabilities that stand in the client's leaves.

    Make one with `generate` or `restore`. `signature_private` is secret; repr() leaves it out.
    """

    suite: CipherSuite
    credential: Credential
    capabilities: Capabilities
    extensions: tuple[Extension, ...]
    signature_key: bytes
    signature_private: bytes = field(repr=False)
    signing_key: SigningKey = field(repr=False, compare=False)

    @classmethod
    def generate(
        cls,
        suite_id: int,
        credential: Credential,
        *,
        capabilities: Capabilities | None = None,
        extensions: Iterable[Extension] = (),
    ) -> Identity:
        """A new identity of that cipher suite. Raises `suite-unsupported`."""
        private = cipher_suite(suite_id).signature.generate()
        return cls.restore(suite_id, credential, private, capabilities=capabilities, extensions=extensions)

    @classmethod
    def restore(
        cls,
        suite_id: int,
        credential: Credential,
        signature_private: bytes,
        *,
        capabilities: Capabilities | None = None,
        extensions: Iterable[Extension] = (),
    ) -> Identity:
        """An identity with a known private key. Raises `suite-unsupported`, `key-invalid`."""
        suite = cipher_suite(suite_id)
        extensions = tuple(extensions)
        if capabilities is None:
            listed = tuple(sorted({one.type for one in extensions} - DEFAULT_EXTENSIONS))
            capabilities = Capabilities((MLS10,), (suite_id,), listed, (), (credential.type,))
        try:
            signing_key = suite.signature.load_signing(signature_private)
            public = suite.signature.public_of(signature_private)
        except ValueError:
            raise LocalError("key-invalid", "The private signature key is not one of the suite.") from None
        return cls(suite, credential, capabilities, extensions, public, signature_private, signing_key)

    def sign_leaf(
        self,
        encryption_key: bytes,
        source: LeafNodeSource,
        *,
        lifetime: Lifetime | None = None,
        parent_hash: bytes | None = None,
        group_id: GroupId | None = None,
        index: LeafIndex | None = None,
    ) -> LeafNode:
        """A leaf of this client; group and index are bound where the source is not KEY_PACKAGE (7.2)."""
        leaf = LeafNode(
            encryption_key,
            self.signature_key,
            self.credential,
            self.capabilities,
            source,
            lifetime,
            parent_hash,
            self.extensions,
            b"",
        )
        content = leaf.signed_content(group_id, index)
        return leaf.with_signature(self.suite.sign_with_label(self.signing_key, b"LeafNodeTBS", content))

    def encode(self) -> bytes:
        """For storage: holds the private key in clear."""
        return (
            u16(self.suite.id)
            + self.credential.encode()
            + self.capabilities.encode()
            + encode_extensions(self.extensions)
            + vector(self.signature_private)
        )

    @classmethod
    def parse(cls, reader: Reader) -> Identity:
        """What `encode` wrote."""
        suite_id = reader.uint(2)
        credential = parse_credential(reader)
        capabilities = Capabilities.parse(reader)
        extensions = parse_extensions(reader)
        return cls.restore(
            suite_id, credential, reader.vector(), capabilities=capabilities, extensions=extensions
        )


@dataclass(frozen=True, slots=True)
class KeyPackageBundle:
    """A key package with its private keys. Use it for one join, then forget it (section 10)."""

    identity: Identity
    key_package: KeyPackage
    init_private: bytes = field(repr=False)
    encryption_private: bytes = field(repr=False)

    @property
    def message(self) -> bytes:
        """The key package as an MLSMessage, to publish."""
        return encode_message(self.key_package)

    def encode(self) -> bytes:
        """For storage: holds private keys in clear."""
        return (
            self.identity.encode()
            + self.key_package.encode()
            + vector(self.init_private)
            + vector(self.encryption_private)
        )

    @classmethod
    def decode(cls, data: bytes) -> KeyPackageBundle:
        """What `encode` wrote. Raises LocalError where it is damaged."""
        try:
            return parse_all(data, cls._parse)
        except RemoteError as error:
            raise LocalError("bundle-damaged", "The stored key package is damaged.") from error

    @classmethod
    def _parse(cls, reader: Reader) -> KeyPackageBundle:
        return cls(Identity.parse(reader), KeyPackage.parse(reader), reader.vector(), reader.vector())


def create_key_package(
    identity: Identity,
    *,
    now_s: int,
    lifetime_s: int = DEFAULT_LIFETIME_S,
    extensions: Iterable[Extension] = (),
    random: RandomBytes = os.urandom,
) -> KeyPackageBundle:
    """A key package for one join (section 10), valid from an hour before `now_s` on."""
    suite = identity.suite
    seed_size = max(32, suite.hash_size)
    init_private, init_key = suite.derive_key_pair(random(seed_size))
    encryption_private, encryption_key = suite.derive_key_pair(random(seed_size))
    lifetime = Lifetime(max(0, now_s - LIFETIME_SKEW_S), now_s + lifetime_s)
    leaf = identity.sign_leaf(encryption_key, LeafNodeSource.KEY_PACKAGE, lifetime=lifetime)
    unsigned = KeyPackage(suite.id, init_key, leaf, tuple(extensions), b"")
    signature = suite.sign_with_label(identity.signing_key, b"KeyPackageTBS", unsigned.signed_content())
    return KeyPackageBundle(identity, unsigned.with_signature(signature), init_private, encryption_private)
