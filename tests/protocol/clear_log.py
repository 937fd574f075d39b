"""Logs in clear: what a server writes of a room's epochs, event by event, for tests of voiding."""

from __future__ import annotations

import hashlib

from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.operations import (
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    VoidCommit,
    encode_operation,
)
from backchannel_protocol.room.clear import Clear, Followed, first_clear, follow
from backchannel_protocol.room.void import Verdict
from protocol.people import ROOM, Person


class ClearLog:
    """A log that is being written, and what a member who follows it knows."""

    def __init__(self, creator: Person) -> None:
        self.clear: Clear = first_clear(ROOM, creator.seat)
        self.last = Followed(self.clear)
        self.seq = 0

    def write(
        self, who: Person, kind: EventKind, body: bytes = b"sealed", epoch: int | None = None
    ) -> Followed:
        """One event."""
        self.seq += 1
        id_ = hashlib.sha256(f"event {self.seq}".encode()).digest()[:16]
        at = self.clear.epoch if epoch is None else epoch
        event = LogEvent(self.seq, 1_800_000_000 + self.seq, who.seat, kind, id_, at, body)
        self.last = follow(self.clear, event)
        self.clear = self.last.clear
        return self.last

    def chat(self, who: Person, epoch: int | None = None) -> Followed:
        """A message."""
        return self.write(who, EventKind.CHAT, epoch=epoch)

    def operate(self, who: Person, operation: Operation, epoch: int | None = None) -> Followed:
        """An operation in clear."""
        return self.write(who, EventKind.CONTROL, encode_operation(operation), epoch)

    def commit(
        self,
        who: Person,
        added: tuple[Person, ...] = (),
        removed: tuple[Person, ...] = (),
        *,
        bit: bool = False,
    ) -> bytes:
        """A commit with its operations; its id."""
        for one in added:
            self.operate(who, SeatAdd(None, one.seat, one.credential.seat_key, bit))
        for one in removed:
            self.operate(who, SeatRemove(None, one.seat))
        self.write(who, EventKind.COMMIT)
        return self.clear.opening

    def set_bit(self, who: Person, whom: Person, bit: bool) -> Followed:
        """SeatSet."""
        return self.operate(who, SeatSet(None, whom.seat, bit))

    def void(self, who: Person, commit: bytes, epoch: int | None = None) -> Verdict | None:
        """VoidCommit, and what it does."""
        return self.operate(who, VoidCommit(None, commit), epoch).verdict


def room_of(facilitators: tuple[Person, ...], members: tuple[Person, ...] = ()) -> ClearLog:
    """A room with these seats, each of which has written."""
    log = ClearLog(facilitators[0])
    for one in (*facilitators[1:], *members):
        log.commit(facilitators[0], added=(one,), bit=one in facilitators)
        log.chat(one)
    return log
