"""The yardstick: what no implementation on the same library can do without, as bare calls with bare bytes.

Encrypting = one Ed25519 signature, two AEADs, six HMACs; decrypting = one verification, two AEADs, six HMACs.
Signature keys are parsed beforehand. AEAD keys are not: every message brings its own.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backchannel_mls import GroupState, PrivateMessage, encrypt, parse_message
from backchannel_mls.codec import u64, vector
from backchannel_mls.types import SenderType, WireFormat
from backchannel_mls.wire.framing import FramedContent, Sender, framed_content_tbs

TAG_SIZE = 16
NONCE_SIZE = 12
SENDER_DATA_SIZE = 12
HMACS = 6
"""The yardstick. Ours makes five: sender data key and nonce; ratchet key, nonce and next secret."""


@dataclass(frozen=True)
class Primitives:
    """Inputs of the sizes that one real message has."""

    hash_name: str
    signing_key: Ed25519PrivateKey
    verifying_key: Ed25519PublicKey
    key: bytes
    nonce: bytes
    signed: bytes
    signature: bytes
    plaintext: bytes
    ciphertext: bytes
    aad: bytes
    sender_data: bytes
    sealed_sender_data: bytes
    header: bytes
    secret: bytes
    labels: tuple[bytes, ...]

    @classmethod
    def like(cls, state: GroupState, data: bytes) -> Primitives:
        """Random bytes of the sizes of `data` encrypted in that state; an Ed25519 and AES-GCM suite."""
        suite = state.suite
        message = parse_message(encrypt(state, data).message)
        assert isinstance(message, PrivateMessage)
        content = FramedContent(
            message.group_id, message.epoch, Sender(SenderType.MEMBER, state.own_leaf), b"", data
        )
        signed = framed_content_tbs(WireFormat.PRIVATE_MESSAGE, content.encode(), state.context.encode())
        plaintext = os.urandom(len(message.ciphertext) - TAG_SIZE)
        header = vector(message.group_id) + u64(message.epoch) + b"\1"
        aad = header + vector(message.authenticated_data)
        key, nonce, signing_key = (
            os.urandom(suite.key_size),
            os.urandom(NONCE_SIZE),
            Ed25519PrivateKey.generate(),
        )
        sender_data = os.urandom(SENDER_DATA_SIZE)
        short, long = (
            os.urandom(20),
            os.urandom(16 + suite.hash_size),
        )  # KDFLabels of a ratchet and of sender data
        return cls(
            suite.hash_name,
            signing_key,
            signing_key.public_key(),
            key,
            nonce,
            signed,
            signing_key.sign(signed),
            plaintext,
            AESGCM(key).encrypt(nonce, plaintext, aad),
            aad,
            sender_data,
            AESGCM(key).encrypt(nonce, sender_data, header),
            header,
            os.urandom(suite.hash_size),
            (long, long, *[short] * (HMACS - 2)),
        )

    def encrypt(self) -> None:
        """One message's worth."""
        self.signing_key.sign(self.signed)
        for label in self.labels:
            hmac.digest(self.secret, label, self.hash_name)
        AESGCM(self.key).encrypt(self.nonce, self.plaintext, self.aad)
        AESGCM(self.key).encrypt(self.nonce, self.sender_data, self.header)

    def decrypt(self) -> None:
        """One message's worth."""
        for label in self.labels:
            hmac.digest(self.secret, label, self.hash_name)
        AESGCM(self.key).decrypt(self.nonce, self.sealed_sender_data, self.header)
        AESGCM(self.key).decrypt(self.nonce, self.ciphertext, self.aad)
        self.verifying_key.verify(self.signature, self.signed)
