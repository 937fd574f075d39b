"""Sealing what is stored: a random master key, itself sealed under the passphrase's Argon2id key."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from backchannel.errors import ProfileError

_NONCE_SIZE = 12
ARGON2_MEMORY_KIB = 64 * 1024
ARGON2_ITERATIONS = 3
ARGON2_LANES = 4
"""RFC 9106 section 4, the second recommended option: 64 MiB, 3 passes, 4 lanes."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals values under a master key; each is bound to the place where it stands."""

    master: bytes = field(repr=False)
    _aead: AESGCM = field(init=False, repr=False, compare=False)
    _name_key: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """What every value needs is made once."""
        name_key = hmac.digest(self.master, b"backchannel v1 profile names", hashlib.sha256)
        object.__setattr__(self, "_aead", AESGCM(self.master))
        object.__setattr__(self, "_name_key", name_key)

    @classmethod
    def generate(cls) -> Sealer:
        """With a new master key."""
        return cls(os.urandom(32))

    def name_key(self) -> bytes:
        """The key under which names stand in the profile."""
        return self._name_key

    def seal(self, place: str, value: bytes) -> bytes:
        """AES-256-GCM with a random nonce; `place` is authenticated."""
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._aead.encrypt(nonce, value, place.encode())

    def open(self, place: str, sealed: bytes) -> bytes:
        """Raises ProfileError where the value is not what was sealed for that place."""
        try:
            return self._aead.decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], place.encode())
        except (InvalidTag, ValueError):
            raise ProfileError(
                "profile-damaged", "The profile is damaged: a stored value was altered."
            ) from None


def passphrase_key(passphrase: str, salt: bytes) -> bytes:
    """Argon2id (RFC 9106) of a passphrase, 32 bytes."""
    return Argon2id(
        salt=salt,
        length=32,
        iterations=ARGON2_ITERATIONS,
        lanes=ARGON2_LANES,
        memory_cost=ARGON2_MEMORY_KIB,
    ).derive(passphrase.encode())


def wrap_master(sealer: Sealer, passphrase: str) -> bytes:
    """The master key for storage: salt, then the sealed key."""
    salt = os.urandom(16)
    return salt + Sealer(passphrase_key(passphrase, salt)).seal("master", sealer.master)


def unwrap_master(wrapped: bytes, passphrase: str) -> Sealer:
    """Raises ProfileError (`passphrase-wrong`)."""
    key = Sealer(passphrase_key(passphrase, wrapped[:16]))
    try:
        return Sealer(key.open("master", wrapped[16:]))
    except ProfileError:
        raise ProfileError("passphrase-wrong", "The passphrase is not the one of this profile.") from None
