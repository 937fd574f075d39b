"""The keys of one seat, made for one room alone (PROTOCOL.md, section 2)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import msgspec

from backchannel_mls import BasicCredential, Identity, KeyPackageBundle, cipher_suite, create_key_package
from backchannel_protocol.credential import SeatCredential
from backchannel_protocol.ids import ID_SIZE, SeatId, b64u
from backchannel_protocol.keys import generate_key, public_key
from backchannel_protocol.room.state import Keys

_SEED_SIZE = 64


class _Wire(msgspec.Struct, array_like=True, frozen=True):
    suite: int
    seat: bytes
    seat_key: bytes
    leaf_key: bytes
    governance_key: bytes
    inbox_key: bytes


@dataclass(frozen=True, slots=True)
class SeatKeys:
    """A seat's id and its private keys; repr() shows none of them."""

    suite: int
    seat: SeatId
    seat_key: bytes = field(repr=False)
    leaf_key: bytes = field(repr=False)
    governance_key: bytes = field(repr=False)
    inbox_key: bytes = field(repr=False)

    @classmethod
    def generate(cls, suite: int) -> SeatKeys:
        """A new seat with new keys."""
        inbox, _ = cipher_suite(suite).derive_key_pair(os.urandom(_SEED_SIZE))
        seat = SeatId(os.urandom(ID_SIZE))
        return cls(suite, seat, generate_key(), generate_key(), generate_key(), inbox)

    def credential(self) -> SeatCredential:
        """What stands in the seat's leaf."""
        inbox = cipher_suite(self.suite).kem.public_of(self.inbox_key)
        return SeatCredential(self.seat, public_key(self.seat_key), public_key(self.governance_key), inbox)

    def public(self) -> Keys:
        """The public keys as the fold has them."""
        return keys_of(self.credential(), public_key(self.leaf_key))

    def identity(self) -> Identity:
        """The MLS identity."""
        credential = BasicCredential(self.credential().encode())
        return Identity.restore(self.suite, credential, self.leaf_key)

    def key_package(self, now_s: int) -> KeyPackageBundle:
        """A KeyPackage for one join."""
        return create_key_package(self.identity(), now_s=now_s)

    def encode(self) -> bytes:
        """For storage: holds private keys in clear."""
        wire = _Wire(self.suite, self.seat, self.seat_key, self.leaf_key, self.governance_key, self.inbox_key)
        return msgspec.msgpack.encode(wire)

    @classmethod
    def decode(cls, data: bytes) -> SeatKeys:
        """What `encode` wrote."""
        wire = msgspec.msgpack.decode(data, type=_Wire)
        return cls(
            wire.suite,
            SeatId(wire.seat),
            wire.seat_key,
            wire.leaf_key,
            wire.governance_key,
            wire.inbox_key,
        )


def keys_of(credential: SeatCredential, leaf_key: bytes) -> Keys:
    """A seat's public keys as the fold has them."""
    return Keys(
        seat=b64u(credential.seat_key),
        leaf=b64u(leaf_key),
        governance=b64u(credential.governance_key),
        inbox=b64u(credential.inbox_key),
    )
