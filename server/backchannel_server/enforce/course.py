"""The course of one Submit through a room: what each draft finds is what those before it left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.ids import EventId, MailboxId, SeatId
from backchannel_protocol.refusals import Code
from backchannel_server.enforce.world import Decision, World
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import Mailbox, Room, Seat


class Course:
    """Gathers what a Submit does; nothing of it is real until `decision` is written."""

    def __init__(self, world: World, author: SeatId, time: int) -> None:
        self.world = world
        self.author = author
        self.time = time
        self.room = world.room
        self.first = world.room.head + 1
        self._events: list[LogEvent] = []
        self._seats: dict[SeatId, Seat] = {}
        self._mailboxes: dict[MailboxId, Mailbox] = {}

    @property
    def seq(self) -> int:
        """The seq of the draft that is being placed."""
        return self.room.head + 1

    def seat(self, id_: SeatId) -> Seat | None:
        """A seat as it is by now."""
        return self._seats.get(id_) or self.world.seats.get(id_)

    def present_seat(self, id_: SeatId) -> Seat:
        """A seat that is in the room. Raises `unknown-seat`, `removed`."""
        seat = self.seat(id_)
        if seat is None:
            raise Refusal(Code.UNKNOWN_SEAT)
        if seat.removed_seq is not None:
            raise Refusal(Code.REMOVED, cause=seat.removed_seq)
        return seat

    def count_seats(self) -> int:
        """How many seats the room ever had."""
        return len(self.world.seats.keys() | self._seats.keys())

    def with_bit(self) -> frozenset[SeatId]:
        """The seats of the room that may facilitate by now."""
        now = {**self.world.seats, **self._seats}
        return frozenset(seat.id for seat in now.values() if seat.may_facilitate and seat.removed_seq is None)

    def mailbox(self, id_: MailboxId) -> Mailbox | None:
        """A mailbox as it is by now."""
        return self._mailboxes.get(id_) or self.world.mailboxes.get(id_)

    def count_open_mailboxes(self) -> int:
        """How many invitations of the room work, those of this Submit among them."""
        return self.world.open_mailboxes + len(self._mailboxes.keys() - self.world.mailboxes.keys())

    def put_seat(self, seat: Seat) -> None:
        """A seat is new or has changed."""
        self._seats[seat.id] = seat

    def put_mailbox(self, mailbox: Mailbox) -> None:
        """A mailbox is new or has changed."""
        self._mailboxes[mailbox.mailbox] = mailbox

    def change_room(self, change: Callable[[Room], Room]) -> None:
        """The room's numbers or epoch change."""
        self.room = change(self.room)

    def place(self, draft: Draft) -> None:
        """The draft gets the next seq; a commit opens the next epoch."""
        event = LogEvent(
            self.seq, self.time, self.author, draft.kind, draft.id, draft.epoch, draft.body, draft.leaf
        )
        self._events.append(event)
        room = replace(self.room, head=event.seq, last_time=event.time)
        if draft.kind is EventKind.COMMIT:
            room = replace(room, epoch=room.epoch + 1, opening=EventId(draft.id))
        if draft.leaf is not None:
            grown = room.frontier().append(draft.leaf)
            room = replace(room, record_size=grown.size, record_frontier=grown.encode())
        self.room = room

    def decision(self) -> Decision:
        """All of it."""
        old = self.world.seats.keys()
        known = self.world.mailboxes.keys()
        return Decision(
            self.first,
            tuple(self._events),
            self.room,
            tuple(seat for id_, seat in self._seats.items() if id_ in old),
            tuple(seat for id_, seat in self._seats.items() if id_ not in old),
            tuple(box for id_, box in self._mailboxes.items() if id_ in known),
            tuple(box for id_, box in self._mailboxes.items() if id_ not in known),
        )
