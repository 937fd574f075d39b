"""Ed25519 signatures with labels, and fingerprints (PROTOCOL.md, section 2)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from backchannel_mls.codec import vector
from backchannel_protocol.canonical import digest, label
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.refusals import Code

FINGERPRINT_SIZE = 16


def fingerprint(public_key: bytes) -> bytes:
    """16 bytes that stand for a public key."""
    return digest(label("fingerprint") + vector(public_key))[:FINGERPRINT_SIZE]


def generate_key() -> bytes:
    """A new private key, 32 bytes."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(private_key: bytes) -> bytes:
    """The public half, 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, name: str, content: bytes) -> bytes:
    """A signature, 64 bytes, over V("backchannel v1 " || name) || content."""
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(label(name) + content)


def verify(key: bytes, name: str, content: bytes, signature: bytes) -> None:
    """Raises `bad-signature` unless `signature` is `key`'s."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, label(name) + content)
    except (InvalidSignature, ValueError):
        raise RemoteProtocolError(Code.BAD_SIGNATURE) from None
