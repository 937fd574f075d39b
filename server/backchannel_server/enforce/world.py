"""What a decision on a Submit looks at, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import Placed
from backchannel_protocol.ids import MailboxId, SeatId
from backchannel_protocol.room.void import Opening
from backchannel_server.storage.rows import Mailbox, Room, Seat


@dataclass(frozen=True, slots=True)
class Opened:
    """The commit that opened the room's epoch, as the protocol judges it, and where it stands.

    `asked_seq` is the first VoidCommit of it that waits for others, where there is one.
    """

    opening: Opening
    seq: int
    asked_seq: int | None = None


@dataclass(frozen=True, slots=True)
class World:
    """The room; of its seats and mailboxes those that matter: the author's seat alone where the Submit
    holds neither operation nor commit, else all seats of the room.

    `opened` is looked up for a commit and for a VoidCommit; None in epoch 0.
    """

    room: Room
    seats: Mapping[SeatId, Seat]
    mailboxes: Mapping[MailboxId, Mailbox] = field(default_factory=dict)
    open_mailboxes: int = 0
    opened: Opened | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write, all of it or nothing."""

    first: int
    events: tuple[LogEvent, ...]
    room: Room
    seats: tuple[Seat, ...]
    new_seats: tuple[Seat, ...]
    mailboxes: tuple[Mailbox, ...]
    new_mailboxes: tuple[Mailbox, ...]

    def placed(self) -> tuple[Placed, ...]:
        """The Ack."""
        return tuple(Placed(event.id, event.seq, event.time) for event in self.events)

    def removed(self) -> frozenset[SeatId]:
        """The seats that this Submit leaves removed."""
        return frozenset(seat.id for seat in self.seats if seat.removed_seq is not None)
