"""The events of a room's log, and the drafts that become events (PROTOCOL.md, sections 3 to 5)."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from backchannel_protocol.canonical import digest
from backchannel_protocol.ids import ID_SIZE
from backchannel_protocol.limits import MAX_BODY_BYTES

Id = Annotated[bytes, Meta(min_length=ID_SIZE, max_length=ID_SIZE)]
Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
U53 = Annotated[int, Meta(ge=0, le=(1 << 53) - 1)]
"""Every number of a frame or body: what a double, and so JSON and JavaScript, holds exactly (section 4)."""

U32 = Annotated[int, Meta(ge=0, le=(1 << 32) - 1)]
Leaf = Annotated[bytes, Meta(min_length=33, max_length=33)]
"""An entry of the record (PROTOCOL.md, section 13)."""

Body = Annotated[bytes, Meta(min_length=1, max_length=MAX_BODY_BYTES)]


class EventKind(IntEnum):
    """What a body is, as far as the server knows."""

    CHAT = 1
    GOVERNANCE = 2
    COMMIT = 3
    CONTROL = 4
    ANONYMOUS = 5


PURGED_KINDS: Final = (EventKind.CHAT, EventKind.ANONYMOUS)
"""Whose bodies retention takes; the others are kept for the room's life."""


class LogEvent(msgspec.Struct, array_like=True, frozen=True):
    """One event of the log.

    `body` is None where retention took it, and then `body_hash` stands for it; `leaf` is the
    event's entry in the record, where it has one.
    """

    seq: U53
    time: U53
    seat: Id
    kind: EventKind
    id: Id
    epoch: U53
    body: Body | None
    leaf: Leaf | None = None
    body_hash: Hash | None = None

    def __post_init__(self) -> None:
        """Raises ValueError: a body is there, or its hash is."""
        if (self.body is None) != (self.body_hash is not None):
            raise ValueError("an event has a body or its hash")

    @property
    def is_withheld(self) -> bool:
        """Whether it lacks a body that no retention takes (section 3): the log is not whole without it."""
        return self.body is None and self.kind not in PURGED_KINDS

    def hash_of_body(self) -> bytes:
        """H(body), 32 bytes, whether the body is there or not."""
        if self.body is not None:
            return digest(self.body)
        return self.body_hash or bytes(32)


class Draft(msgspec.Struct, array_like=True, frozen=True):
    """What a seat wants to become an event. `opening` is the id of the commit that opened `epoch`."""

    id: Id
    kind: EventKind
    epoch: U53
    opening: Id
    body: Body
    leaf: Leaf | None = None
