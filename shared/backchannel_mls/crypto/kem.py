"""KEMs of the cipher suites: key formats, DeriveKeyPair, and the raw KEM for external init.

HPKE itself (RFC 9180 SealBase and OpenBase) is `cryptography`'s. It offers neither DeriveKeyPair
nor the exporter that external init needs (RFC 9420 section 8.3), so these two stand here, over
the library's Diffie-Hellman, ML-KEM and HMAC. Private keys are bytes as SerializePrivateKey
gives them; for X-Wing the 32-byte seed.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backchannel_mls.codec import u16

_FIELD: Final = 2**255 - 19
_SMALL_ORDER: Final = frozenset(
    (
        0,
        1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
        _FIELD - 1,
    )
)
"""The u-coordinates below 2**255 - 19 of points whose order divides 8."""

PublicKey = X25519PublicKey | ec.EllipticCurvePublicKey | hpke.MLKEM768X25519PublicKey
PrivateKey = X25519PrivateKey | ec.EllipticCurvePrivateKey | hpke.MLKEM768X25519PrivateKey


def labeled_extract(hash_name: str, suite_id: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """RFC 9180 section 4."""
    return hmac.digest(
        salt or bytes(hashlib.new(hash_name).digest_size), b"HPKE-v1" + suite_id + label + ikm, hash_name
    )


def labeled_expand(
    hash_name: str, suite_id: bytes, prk: bytes, label: bytes, info: bytes, size: int
) -> bytes:
    """RFC 9180 section 4."""
    return hkdf_expand(hash_name, prk, u16(size) + b"HPKE-v1" + suite_id + label + info, size)


def hkdf_expand(hash_name: str, prk: bytes, info: bytes, size: int) -> bytes:
    """HKDF-Expand (RFC 5869 section 2.3) over the standard library's HMAC, which is the quickest."""
    block = hmac.digest(prk, info + b"\1", hash_name)
    if len(block) >= size:
        return block[:size]
    output = block
    counter = 1
    while len(output) < size:
        counter += 1
        block = hmac.digest(prk, block + info + bytes((counter,)), hash_name)
        output += block
    return output[:size]


def load_x25519(public: bytes) -> X25519PublicKey:
    """An X25519 public key that can be encrypted to, in its one canonical spelling.

    X25519 itself takes any 32 bytes. But a key of small order makes every encryption to it fail, so
    that one such leaf would stop a whole group from committing; and one key in two spellings would
    pass for two, where keys must differ (RFC 9420 sections 7.3 and 12.4.2).
    """
    key = X25519PublicKey.from_public_bytes(public)
    coordinate = int.from_bytes(public, "little")
    if coordinate >= _FIELD or coordinate in _SMALL_ORDER:
        raise ValueError("not a usable X25519 public key")
    return key


class Kem(Protocol):
    """One KEM. Malformed keys raise ValueError; the suite turns that into the package's errors."""

    id: int
    kem: hpke.KEM
    output_size: int

    def load_public(self, public: bytes) -> PublicKey:
        """Parses a public key."""

    def load_private(self, private: bytes) -> PrivateKey:
        """Parses a private key."""

    def public_of(self, private: bytes) -> bytes:
        """The public key of a private key."""

    def derive_private(self, ikm: bytes) -> bytes:
        """DeriveKeyPair (RFC 9180 section 7.1.3): the private half."""

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """(shared secret, KEM output) for a public key."""

    def decapsulate(self, private: bytes, output: bytes) -> bytes:
        """The shared secret of a KEM output."""


class X25519Kem:
    """DHKEM(X25519, HKDF-SHA256), RFC 9180 section 4.1."""

    id: int = 0x0020
    kem: hpke.KEM = hpke.KEM.X25519
    output_size: int = 32
    _suite_id: Final = b"KEM" + u16(0x0020)

    def load_public(self, public: bytes) -> X25519PublicKey:
        """Parses 32 bytes."""
        return load_x25519(public)

    def load_private(self, private: bytes) -> X25519PrivateKey:
        """Parses 32 bytes."""
        return X25519PrivateKey.from_private_bytes(private)

    def public_of(self, private: bytes) -> bytes:
        """32 bytes."""
        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def derive_private(self, ikm: bytes) -> bytes:
        """RFC 9180 section 7.1.3."""
        prk = labeled_extract("sha256", self._suite_id, b"", b"dkp_prk", ikm)
        return labeled_expand("sha256", self._suite_id, prk, b"sk", b"", 32)

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """RFC 9180 section 4.1, Encap."""
        ephemeral = X25519PrivateKey.generate()
        output = ephemeral.public_key().public_bytes_raw()
        return self._shared(ephemeral.exchange(self.load_public(public)), output + public), output

    def decapsulate(self, private: bytes, output: bytes) -> bytes:
        """RFC 9180 section 4.1, Decap."""
        key = self.load_private(private)
        return self._shared(
            key.exchange(self.load_public(output)), output + key.public_key().public_bytes_raw()
        )

    def _shared(self, exchanged: bytes, context: bytes) -> bytes:
        prk = labeled_extract("sha256", self._suite_id, b"", b"eae_prk", exchanged)
        return labeled_expand("sha256", self._suite_id, prk, b"shared_secret", context, 32)


class NistKem:
    """DHKEM over P-256, P-384 or P-521 (RFC 9180 section 7.1)."""

    def __init__(self, id: int, kem: hpke.KEM, curve: ec.EllipticCurve, hash_name: str, bitmask: int) -> None:
        self.id = id
        self.kem = kem
        self.curve = curve
        self.hash_name = hash_name
        self.bitmask = bitmask
        self.scalar_size = (curve.key_size + 7) // 8
        self.output_size = 2 * self.scalar_size + 1
        self._suite_id = b"KEM" + u16(id)

    def load_public(self, public: bytes) -> ec.EllipticCurvePublicKey:
        """Parses an uncompressed point; a compressed one is refused (RFC 9180 section 7.1.1)."""
        if len(public) != self.output_size:
            raise ValueError("not an uncompressed point")
        return ec.EllipticCurvePublicKey.from_encoded_point(self.curve, public)

    def load_private(self, private: bytes) -> ec.EllipticCurvePrivateKey:
        """Parses a big-endian scalar."""
        return ec.derive_private_key(int.from_bytes(private, "big"), self.curve)

    def public_of(self, private: bytes) -> bytes:
        """An uncompressed point."""
        return (
            self.load_private(private)
            .public_key()
            .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        )

    def derive_private(self, ikm: bytes) -> bytes:
        """RFC 9180 section 7.1.3: candidates until one is below the group's order."""
        prk = labeled_extract(self.hash_name, self._suite_id, b"", b"dkp_prk", ikm)
        for counter in range(256):
            candidate = bytearray(
                labeled_expand(
                    self.hash_name, self._suite_id, prk, b"candidate", bytes((counter,)), self.scalar_size
                )
            )
            candidate[0] &= self.bitmask
            if 0 < int.from_bytes(candidate, "big") < self.curve.group_order:
                return bytes(candidate)
        raise ValueError("no key can be derived")

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """RFC 9180 section 4.1, Encap."""
        ephemeral = ec.generate_private_key(self.curve)
        output = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        exchanged = ephemeral.exchange(ec.ECDH(), self.load_public(public))
        return self._shared(exchanged, output + public), output

    def decapsulate(self, private: bytes, output: bytes) -> bytes:
        """RFC 9180 section 4.1, Decap."""
        key = self.load_private(private)
        exchanged = key.exchange(ec.ECDH(), self.load_public(output))
        return self._shared(exchanged, output + self.public_of(private))

    def _shared(self, exchanged: bytes, context: bytes) -> bytes:
        size = hashlib.new(self.hash_name).digest_size
        prk = labeled_extract(self.hash_name, self._suite_id, b"", b"eae_prk", exchanged)
        return labeled_expand(self.hash_name, self._suite_id, prk, b"shared_secret", context, size)


class XWingKem:
    """X-Wing, the hybrid of ML-KEM-768 and X25519 (draft-connolly-cfrg-xwing-kem).

    A private key is the 32-byte seed, a public key ML-KEM's 1,184 bytes and X25519's 32.
    DeriveKeyPair is plain SHAKE256 of the input, as ts-mls 1.6.4's suite 83 has it.
    """

    id: int = 0x647A
    kem: hpke.KEM = hpke.KEM.MLKEM768_X25519
    output_size: int = 1120
    _label: Final = rb"\.//^" + b"\\"

    def load_public(self, public: bytes) -> hpke.MLKEM768X25519PublicKey:
        """Parses 1,216 bytes."""
        if len(public) != 1216:
            raise ValueError("not an X-Wing public key")
        return hpke.MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public[:1184]),
            load_x25519(public[1184:]),
        )

    def load_private(self, private: bytes) -> hpke.MLKEM768X25519PrivateKey:
        """Expands a 32-byte seed."""
        return hpke.MLKEM768X25519PrivateKey(*self._expand(private))

    def public_of(self, private: bytes) -> bytes:
        """1,216 bytes."""
        mlkem, x25519 = self._expand(private)
        return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()

    def derive_private(self, ikm: bytes) -> bytes:
        """32 bytes of SHAKE256."""
        return hashlib.shake_256(ikm).digest(32)

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """The draft's Encapsulate: (32-byte shared secret, ML-KEM ciphertext and X25519 key)."""
        if len(public) != 1216:
            raise ValueError("not an X-Wing public key")
        shared, ciphertext = MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
        ephemeral = X25519PrivateKey.generate()
        sent = ephemeral.public_key().public_bytes_raw()
        exchanged = ephemeral.exchange(load_x25519(public[1184:]))
        return self._combine(shared, exchanged, sent, public[1184:]), ciphertext + sent

    def decapsulate(self, private: bytes, output: bytes) -> bytes:
        """The draft's Decapsulate."""
        if len(output) != self.output_size:
            raise ValueError("not an X-Wing ciphertext")
        mlkem, x25519 = self._expand(private)
        sent = output[1088:]
        exchanged = x25519.exchange(X25519PublicKey.from_public_bytes(sent))
        own = x25519.public_key().public_bytes_raw()
        return self._combine(mlkem.decapsulate(output[:1088]), exchanged, sent, own)

    def _expand(self, seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
        if len(seed) != 32:
            raise ValueError("not an X-Wing seed")
        expanded = hashlib.shake_256(seed).digest(96)
        return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), X25519PrivateKey.from_private_bytes(
            expanded[64:]
        )

    def _combine(self, mlkem: bytes, x25519: bytes, sent: bytes, public: bytes) -> bytes:
        return hashlib.sha3_256(mlkem + x25519 + sent + public + self._label).digest()
