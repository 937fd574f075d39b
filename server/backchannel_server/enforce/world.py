"""What a decision on a Submit looks at, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import Placed
from backchannel_protocol.ids import EventId, MailboxId, SeatId
from backchannel_server.storage.rows import Mailbox, Room, Seat


@dataclass(frozen=True, slots=True)
class CommitToVoid:
    """The commit that a VoidCommit names, and what voiding takes back (PROTOCOL.md, section 8).

    `epoch` and `opening` are the room's before the commit. `others_wrote`: a seat other than the
    author encrypted something in the epoch that the commit opened. `added`, `removed` and
    `bits` are what the operations of the commit's Submit did to seats (`bits`: the bit before).
    """

    id: EventId
    seq: int
    author: SeatId
    epoch: int
    opening: EventId
    others_wrote: bool
    added: frozenset[SeatId] = frozenset()
    removed: frozenset[SeatId] = frozenset()
    bits: Mapping[SeatId, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """The room; of its seats and mailboxes those that matter: the author's seat alone where the Submit
    holds no operation, else all seats of the room."""

    room: Room
    seats: Mapping[SeatId, Seat]
    mailboxes: Mapping[MailboxId, Mailbox] = field(default_factory=dict)
    open_mailboxes: int = 0
    voidable: CommitToVoid | None = None


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
