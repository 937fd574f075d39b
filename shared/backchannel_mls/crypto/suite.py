"""Cipher suites (RFC 9420 sections 5.1, 5.2 and 17.1) and their labelled functions.

Every derivation, signature and encryption carries its label. Labels that the work of a chat room
uses for each message are prepared once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from backchannel_mls.codec import u16, vector
from backchannel_mls.crypto.kem import (
    Kem,
    NistKem,
    X25519Kem,
    XWingKem,
    hkdf_expand,
    labeled_expand,
    labeled_extract,
)
from backchannel_mls.crypto.signature import Ecdsa, Ed25519, SignatureScheme, SigningKey, VerifyingKey
from backchannel_mls.errors import LocalError, RemoteError
from backchannel_mls.rules import Rule

RandomBytes = Callable[[int], bytes]
"""Where random bytes come from; `os.urandom` outside tests."""

_PREFIX: Final = b"MLS 1.0 "
_HPKE_KDF: Final = {
    "sha256": (1, hpke.KDF.HKDF_SHA256),
    "sha384": (2, hpke.KDF.HKDF_SHA384),
    "sha512": (3, hpke.KDF.HKDF_SHA512),
}
_HPKE_AEAD: Final = {1: hpke.AEAD.AES_128_GCM, 2: hpke.AEAD.AES_256_GCM, 3: hpke.AEAD.CHACHA20_POLY1305}


@lru_cache(maxsize=64)
def _labelled(label: bytes) -> bytes:
    """A label as labelled structures hold it (sections 5.1.2, 8): the same few again and again."""
    return vector(_PREFIX + label)


class CipherSuite:
    """One cipher suite. In bytes: `hash_size` (KDF.Nh), `key_size` (AEAD.Nk), `nonce_size` (AEAD.Nn)."""

    nonce_size: Final = 12

    def __init__(
        self, id: int, name: str, *, kem: Kem, hash_name: str, aead_id: int, signature: SignatureScheme
    ) -> None:
        self.id = id
        self.name = name
        self.kem = kem
        self.hash_name = hash_name
        self.signature = signature
        self.hash_size = hashlib.new(hash_name).digest_size
        self.key_size = 16 if aead_id == 1 else 32
        self.zero_secret = bytes(self.hash_size)
        self._aead = ChaCha20Poly1305 if aead_id == 3 else AESGCM
        kdf_id, kdf = _HPKE_KDF[hash_name]
        self._hpke = hpke.Suite(kem.kem, kdf, _HPKE_AEAD[aead_id])
        self._hpke_id = b"HPKE" + u16(kem.id) + u16(kdf_id) + u16(aead_id)
        # KDFLabel up to its context, for the derivations made for every message (section 9.1)
        self._key_label = u16(self.key_size) + vector(_PREFIX + b"key")
        self._nonce_label = u16(self.nonce_size) + vector(_PREFIX + b"nonce")
        self._secret_label = u16(self.hash_size) + vector(_PREFIX + b"secret")

    def __repr__(self) -> str:
        return f"<CipherSuite {self.id} {self.name}>"

    # ---- hash, MAC, KDF (sections 5.1, 5.2, 8)
    def hash(self, data: bytes) -> bytes:
        """Hash(data)."""
        return hashlib.new(self.hash_name, data).digest()

    def mac(self, key: bytes, data: bytes) -> bytes:
        """MAC(key, data): HMAC with the suite's hash."""
        return hmac.digest(key, data, self.hash_name)

    def extract(self, salt: bytes, ikm: bytes) -> bytes:
        """KDF.Extract."""
        return hmac.digest(salt, ikm, self.hash_name)

    def expand_with_label(self, secret: bytes, label: bytes, context: bytes, size: int) -> bytes:
        """ExpandWithLabel (section 8)."""
        return hkdf_expand(self.hash_name, secret, u16(size) + _labelled(label) + vector(context), size)

    def derive_secret(self, secret: bytes, label: bytes) -> bytes:
        """DeriveSecret (section 8)."""
        return self.expand_with_label(secret, label, b"", self.hash_size)

    def key_and_nonce(self, secret: bytes, context: bytes) -> tuple[bytes, bytes]:
        """The "key" and "nonce" of one secret: ratchets (9.1) and sender data (6.3.2)."""
        suffix = vector(context) + b"\1"
        key = hmac.digest(secret, self._key_label + suffix, self.hash_name)
        nonce = hmac.digest(secret, self._nonce_label + suffix, self.hash_name)
        return key[: self.key_size], nonce[:12]

    def next_ratchet_secret(self, secret: bytes, context: bytes) -> bytes:
        """DeriveTreeSecret(., "secret", generation, Nh) (section 9.1)."""
        return hmac.digest(secret, self._secret_label + vector(context) + b"\1", self.hash_name)

    def reference(self, label: bytes, value: bytes) -> bytes:
        """RefHash (section 5.2); `label` without "MLS 1.0 " and "Reference"."""
        return self.hash(vector(_PREFIX + label + b" Reference") + vector(value))

    # ---- AEAD
    def aead_seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """AEAD.Seal: ciphertext and tag."""
        return self._aead(key).encrypt(nonce, plaintext, aad)

    def aead_open(self, key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes | None:
        """AEAD.Open, or None where the ciphertext is not authentic."""
        try:
            return self._aead(key).decrypt(nonce, ciphertext, aad)
        except InvalidTag:
            return None

    # ---- signatures (section 5.1.2)
    def sign_with_label(self, key: SigningKey, label: bytes, content: bytes) -> bytes:
        """SignWithLabel."""
        return key.sign(_labelled(label) + vector(content))

    def verify_with_label(
        self, key: VerifyingKey, label: bytes, content: bytes, signature: bytes, rule: Rule
    ) -> None:
        """VerifyWithLabel; raises RemoteError(rule) where the signature is wrong."""
        try:
            key.verify(signature, _labelled(label) + vector(content))
        except (InvalidSignature, ValueError):
            raise RemoteError(rule) from None

    def verifying_key(self, public: bytes) -> VerifyingKey:
        """Parses a signature public key; raises `key-malformed`."""
        try:
            return self.signature.load_verifying(public)
        except ValueError:
            raise RemoteError(Rule.KEY_MALFORMED) from None

    # ---- HPKE (sections 5.1.3 and 8.3)
    def encrypt_with_label(
        self, public: bytes, label: bytes, context: bytes, plaintext: bytes
    ) -> tuple[bytes, bytes]:
        """EncryptWithLabel: (kem_output, ciphertext)."""
        try:
            sealed = self._hpke.encrypt(
                plaintext, self.kem.load_public(public), _labelled(label) + vector(context)
            )
        except ValueError:
            raise RemoteError(Rule.KEY_MALFORMED) from None
        return sealed[: self.kem.output_size], sealed[self.kem.output_size :]

    def decrypt_with_label(
        self, private: bytes, label: bytes, context: bytes, kem_output: bytes, ciphertext: bytes
    ) -> bytes | None:
        """DecryptWithLabel, or None where the ciphertext is not authentic."""
        if len(kem_output) != self.kem.output_size:
            return None
        try:
            info = _labelled(label) + vector(context)
            return self._hpke.decrypt(kem_output + ciphertext, self.kem.load_private(private), info)
        except (InvalidTag, ValueError):
            return None

    def check_hpke_public(self, public: bytes) -> None:
        """Raises `key-malformed` unless `public` is a public key of the suite's KEM."""
        try:
            self.kem.load_public(public)
        except ValueError:
            raise RemoteError(Rule.KEY_MALFORMED) from None

    def derive_key_pair(self, ikm: bytes) -> tuple[bytes, bytes]:
        """KEM.DeriveKeyPair: (private, public)."""
        private = self.kem.derive_private(ikm)
        return private, self.kem.public_of(private)

    def external_init_send(self, external_public: bytes) -> tuple[bytes, bytes]:
        """(kem_output, init_secret) for a joiner (section 8.3)."""
        try:
            shared, output = self.kem.encapsulate(external_public)
        except ValueError:
            raise RemoteError(Rule.KEY_MALFORMED) from None
        return output, self._export_init(shared)

    def external_init_receive(self, external_private: bytes, kem_output: bytes) -> bytes | None:
        """init_secret for a member (section 8.3), or None where `kem_output` is malformed."""
        try:
            return self._export_init(self.kem.decapsulate(external_private, kem_output))
        except ValueError:
            return None

    def _export_init(self, shared: bytes) -> bytes:
        """RFC 9180 KeySchedule in mode_base with empty info, then its Export."""
        name, suite_id = self.hash_name, self._hpke_id
        context = (
            b"\0"
            + labeled_extract(name, suite_id, b"", b"psk_id_hash", b"")
            + labeled_extract(name, suite_id, b"", b"info_hash", b"")
        )
        secret = labeled_extract(name, suite_id, shared, b"secret", b"")
        exporter = labeled_expand(name, suite_id, secret, b"exp", context, self.hash_size)
        return labeled_expand(
            name, suite_id, exporter, b"sec", _PREFIX + b"external init secret", self.hash_size
        )


_P256 = NistKem(0x0010, hpke.KEM.P256, ec.SECP256R1(), "sha256", 0xFF)
_P384 = NistKem(0x0011, hpke.KEM.P384, ec.SECP384R1(), "sha384", 0xFF)
_P521 = NistKem(0x0012, hpke.KEM.P521, ec.SECP521R1(), "sha512", 0x01)

X25519_AES128GCM_SHA256_ED25519: Final = 1
P256_AES128GCM_SHA256_P256: Final = 2
X25519_CHACHA20POLY1305_SHA256_ED25519: Final = 3
P521_AES256GCM_SHA512_P521: Final = 5
P384_AES256GCM_SHA384_P384: Final = 7
XWING_AES256GCM_SHA512_ED25519: Final = 83
"""A private id: the hybrid that ts-mls 1.6.4 calls MLS_256_XWING_AES256GCM_SHA512_Ed25519."""

SUITES: Final[dict[int, CipherSuite]] = {
    suite.id: suite
    for suite in (
        CipherSuite(
            1,
            "X25519_AES128GCM_SHA256_Ed25519",
            kem=X25519Kem(),
            hash_name="sha256",
            aead_id=1,
            signature=Ed25519(),
        ),
        CipherSuite(
            2,
            "P256_AES128GCM_SHA256_P256",
            kem=_P256,
            hash_name="sha256",
            aead_id=1,
            signature=Ecdsa(ec.SECP256R1(), hashes.SHA256()),
        ),
        CipherSuite(
            3,
            "X25519_CHACHA20POLY1305_SHA256_Ed25519",
            kem=X25519Kem(),
            hash_name="sha256",
            aead_id=3,
            signature=Ed25519(),
        ),
        CipherSuite(
            5,
            "P521_AES256GCM_SHA512_P521",
            kem=_P521,
            hash_name="sha512",
            aead_id=2,
            signature=Ecdsa(ec.SECP521R1(), hashes.SHA512()),
        ),
        CipherSuite(
            7,
            "P384_AES256GCM_SHA384_P384",
            kem=_P384,
            hash_name="sha384",
            aead_id=2,
            signature=Ecdsa(ec.SECP384R1(), hashes.SHA384()),
        ),
        CipherSuite(
            83,
            "XWING_AES256GCM_SHA512_Ed25519",
            kem=XWingKem(),
            hash_name="sha512",
            aead_id=2,
            signature=Ed25519(),
        ),
    )
}


def cipher_suite(id: int) -> CipherSuite:
    """The suite of an id that this program chose; raises `suite-unsupported`."""
    suite = SUITES.get(id)
    if suite is None:
        hint = (
            " (4 and 6 need HPKE over X448, which the cryptography library does not have)"
            if id in (4, 6)
            else ""
        )
        known = ", ".join(map(str, SUITES))
        raise LocalError(
            "suite-unsupported", f"Cipher suite {id} is not supported{hint}; these are: {known}."
        )
    return suite
