"""People of the tests: seats whose keys follow from their names, the same in every run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from backchannel_protocol.credential import SeatCredential
from backchannel_protocol.ids import SeatId, b64u
from backchannel_protocol.keys import public_key
from backchannel_protocol.room.state import Keys

ROOM = hashlib.sha256(b"test room").digest()[:16]
ROOM_ID = b64u(ROOM)
RECORD_PRIVATE = hashlib.sha256(b"test record key").digest()


def seed_of(*parts: str) -> bytes:
    """32 bytes that depend on nothing but the parts."""
    return hashlib.sha256("/".join(("test", *parts)).encode()).digest()


def id_of(*parts: str) -> str:
    """An identifier (b64u) that depends on nothing but the parts."""
    return b64u(seed_of(*parts)[:16])


@dataclass(frozen=True)
class Person:
    """Somebody with a seat; the private keys follow from the name."""

    name: str

    @cached_property
    def seat(self) -> bytes:
        """The seat's id."""
        return seed_of(self.name, "seat id")[:16]

    @cached_property
    def id(self) -> str:
        """The seat's id, b64u."""
        return b64u(self.seat)

    def private(self, purpose: str) -> bytes:
        """A private key: of the seat, the leaf or governance."""
        return seed_of(self.name, purpose)

    @cached_property
    def governance(self) -> bytes:
        """The private governance key."""
        return self.private("governance")

    @cached_property
    def keys(self) -> Keys:
        """The public keys, as the fold has them."""
        return Keys(
            seat=b64u(public_key(self.private("seat"))),
            leaf=b64u(public_key(self.private("leaf"))),
            governance=b64u(public_key(self.governance)),
            inbox=b64u(seed_of(self.name, "inbox")),
        )

    @cached_property
    def package(self) -> str:
        """A KeyPackageRef, b64u."""
        return b64u(seed_of(self.name, "package"))

    @cached_property
    def credential(self) -> SeatCredential:
        """The credential in the person's leaf."""
        return SeatCredential(
            SeatId(self.seat),
            public_key(self.private("seat")),
            public_key(self.governance),
            seed_of(self.name, "inbox"),
        )


ANNA, BORIS, CLARA, DAVID, EDITH, FARID = PEOPLE = tuple(
    Person(name) for name in ("Anna", "Boris", "Clara", "David", "Edith", "Farid")
)
MALLORY = Person("Mallory")
