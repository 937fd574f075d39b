"""Signature schemes of the cipher suites (RFC 9420 section 5.1.1 and 5.1.2).

Private keys are 32 raw bytes (Ed25519) or a big-endian scalar (ECDSA); public keys 32 raw bytes
or an uncompressed point. Malformed keys raise ValueError, wrong signatures InvalidSignature.
"""

from __future__ import annotations

from typing import Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_FIELD: Final = 2**255 - 19
_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER: Final = frozenset((0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8))
"""The y-coordinates of Ed25519's points whose order divides 8."""


class SigningKey(Protocol):
    """A parsed private key, ready to sign."""

    def sign(self, content: bytes) -> bytes:
        """The signature of `content`."""


class VerifyingKey(Protocol):
    """A parsed public key, ready to verify."""

    def verify(self, signature: bytes, content: bytes) -> None:
        """Raises InvalidSignature."""


class SignatureScheme(Protocol):
    """One signature scheme."""

    def generate(self) -> bytes:
        """A new private key."""

    def public_of(self, private: bytes) -> bytes:
        """The public key of a private key."""

    def load_signing(self, private: bytes) -> SigningKey:
        """Parses a private key."""

    def load_verifying(self, public: bytes) -> VerifyingKey:
        """Parses a public key."""


class Ed25519:
    """EdDSA over Curve25519 (RFC 8032)."""

    def generate(self) -> bytes:
        """32 random bytes."""
        return Ed25519PrivateKey.generate().private_bytes_raw()

    def public_of(self, private: bytes) -> bytes:
        """32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def load_signing(self, private: bytes) -> Ed25519PrivateKey:
        """Parses 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(private)

    def load_verifying(self, public: bytes) -> Ed25519PublicKey:
        """Parses 32 bytes, the one spelling of a point that is not of small order.

        Under other keys implementations disagree on what is a signature, and so would the members of a group.
        """
        key = Ed25519PublicKey.from_public_bytes(public)
        coordinate = int.from_bytes(public, "little") % 2**255
        if coordinate >= _FIELD or coordinate in _SMALL_ORDER:
            raise ValueError("not a usable Ed25519 public key")
        return key


class EcdsaSigningKey:
    """An ECDSA private key with its hash."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, algorithm: ec.ECDSA) -> None:
        self._key = key
        self._algorithm = algorithm

    def sign(self, content: bytes) -> bytes:
        """A DER-encoded signature."""
        return self._key.sign(content, self._algorithm)


class EcdsaVerifyingKey:
    """An ECDSA public key with its hash."""

    def __init__(self, key: ec.EllipticCurvePublicKey, algorithm: ec.ECDSA) -> None:
        self._key = key
        self._algorithm = algorithm

    def verify(self, signature: bytes, content: bytes) -> None:
        """Raises InvalidSignature."""
        self._key.verify(signature, content, self._algorithm)


class Ecdsa:
    """ECDSA over a NIST curve; signatures are DER (RFC 9420 section 5.1.2)."""

    def __init__(self, curve: ec.EllipticCurve, algorithm: hashes.HashAlgorithm) -> None:
        self._curve = curve
        self._algorithm = ec.ECDSA(algorithm)
        self._size = (curve.key_size + 7) // 8

    def generate(self) -> bytes:
        """A big-endian scalar."""
        return (
            ec.generate_private_key(self._curve).private_numbers().private_value.to_bytes(self._size, "big")
        )

    def public_of(self, private: bytes) -> bytes:
        """An uncompressed point."""
        return self._load(private).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def load_signing(self, private: bytes) -> EcdsaSigningKey:
        """Parses a big-endian scalar."""
        return EcdsaSigningKey(self._load(private), self._algorithm)

    def load_verifying(self, public: bytes) -> EcdsaVerifyingKey:
        """Parses an uncompressed point; a compressed one is refused (RFC 9420 section 5.1.1)."""
        if len(public) != 2 * self._size + 1:
            raise ValueError("not an uncompressed point")
        return EcdsaVerifyingKey(
            ec.EllipticCurvePublicKey.from_encoded_point(self._curve, public), self._algorithm
        )

    def _load(self, private: bytes) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(private, "big"), self._curve)
