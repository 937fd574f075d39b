"""Rows as values: what a decision looks at and what it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from backchannel_protocol.events import EventKind
from backchannel_protocol.frames import Mail
from backchannel_protocol.ids import BlobId, EventId, MailboxId, RoomId, SeatId
from backchannel_protocol.limits import CLOSED_ROOM_S
from backchannel_protocol.record.merkle import Frontier

NEVER_THERE: Final = 0
"""The floor of a seat whose admission was voided: no event is for it, and it may be admitted again."""


@dataclass(frozen=True, slots=True)
class Room:
    """A row of `rooms`. Times and durations in seconds."""

    id: RoomId
    head: int
    epoch: int
    opening: EventId
    last_time: int
    slow_mode_s: int = 0
    retention_s: int = 0
    after_reading: bool = False
    paused_until: int = 0
    policy_seq: int = 0
    closed_seq: int | None = None
    closed_time: int | None = None
    record_size: int = 0
    record_frontier: bytes = b""

    def is_over(self, now: int) -> bool:
        """Whether the room is as good as gone (PROTOCOL.md, section 3). `now` in seconds."""
        return self.closed_time is not None and self.closed_time + CLOSED_ROOM_S <= now

    def frontier(self) -> Frontier:
        """The record's tree. Raises ValueError where the row is damaged."""
        return Frontier.decode(self.record_size, self.record_frontier)


@dataclass(frozen=True, slots=True)
class Seat:
    """A row of `seats`."""

    room: RoomId
    id: SeatId
    key: bytes
    may_facilitate: bool
    floor: int
    muted_until: int = 0
    mute_seq: int = 0
    removed_seq: int | None = None
    cursor: int = 0
    last_chat: int = 0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A row of `invitations`."""

    mailbox: MailboxId
    room: RoomId
    auth_key: bytes
    expires: int
    claim_key: bytes | None = None
    closed_time: int | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of `mail`."""

    mailbox: MailboxId
    number: int
    step: int
    sealed: bytes

    @property
    def name(self) -> tuple[MailboxId, int]:
        """Which letter it is."""
        return self.mailbox, self.number

    def frame(self) -> Mail:
        """As it travels."""
        return Mail(self.mailbox, self.step, self.sealed)


@dataclass(frozen=True, slots=True)
class Blob:
    """A row of `blobs`. `size` in bytes, as it is encrypted; `completed` None: it is not whole."""

    room: RoomId
    id: BlobId
    seat: SeatId
    size: int
    begun: int
    completed: int | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A row of `tokens`. The host's own has neither a number of rooms nor an end."""

    hash: bytes
    rooms_left: int | None = None
    expires: int | None = None

    @property
    def is_host(self) -> bool:
        """Whether it may make other tokens."""
        return self.rooms_left is None


@dataclass(frozen=True, slots=True)
class Known:
    """An event that exists already under the id of a draft; `first`: the first of its Submit."""

    room: RoomId
    id: EventId
    seat: SeatId
    seq: int
    first: int
    time: int
    kind: EventKind
    epoch: int
    body_hash: bytes
    leaf: bytes | None
