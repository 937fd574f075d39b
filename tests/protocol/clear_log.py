"""Logs in clear: what a server writes of a room's epochs, event by event, for tests of voiding."""

from __future__ import annotations

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
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH, FARID, MALLORY, ROOM, Person


class ClearLog:
    """A log that is being written, and what a member who follows it knows."""

    def __init__(self, creator: Person) -> None:
        self.clear: Clear = first_clear(ROOM, creator.seat)
        self.last = Followed(self.clear)
        self.written: list[tuple[LogEvent, Followed]] = []
        self.seq = 0

    def write(
        self, who: Person, kind: EventKind, body: bytes = b"sealed", epoch: int | None = None
    ) -> Followed:
        """One event."""
        self.seq += 1
        id_ = self.seq.to_bytes(16, "big")
        at = self.clear.epoch if epoch is None else epoch
        event = LogEvent(self.seq, 1_800_000_000 + self.seq, who.seat, kind, id_, at, body)
        self.last = follow(self.clear, event)
        self.clear = self.last.clear
        self.written.append((event, self.last))
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


# ---- stories of the vectors
def _unused() -> ClearLog:
    log = room_of((ANNA, BORIS), (CLARA,))
    commit = log.commit(ANNA, added=(DAVID,), removed=(CLARA,))
    log.void(BORIS, commit, log.clear.epoch - 1)
    for who in (CLARA, ANNA, BORIS, BORIS):
        log.void(who, commit)
    log.commit(ANNA, added=(DAVID,))
    return log


def _majority() -> ClearLog:
    log = room_of((ANNA, BORIS, CLARA, DAVID), (EDITH, FARID))
    commit = log.commit(EDITH)
    log.chat(FARID)
    log.set_bit(ANNA, DAVID, bit=False)
    for who in (ANNA, DAVID, ANNA, FARID, BORIS):
        log.void(who, commit)
    return log


def _ghosts() -> ClearLog:
    log = room_of((ANNA, BORIS, CLARA))
    commit = log.commit(CLARA, added=(MALLORY, FARID), bit=True)
    for who in (MALLORY, FARID):
        log.chat(who)
        log.void(who, commit)
    log.void(ANNA, commit)
    log.chat(MALLORY)
    return log


def _stacked() -> ClearLog:
    log = room_of((ANNA, BORIS), (EDITH,))
    below, above = log.commit(EDITH), log.commit(ANNA, added=(FARID,), bit=True)
    log.set_bit(FARID, BORIS, bit=False)
    log.void(BORIS, above)
    log.set_bit(ANNA, BORIS, bit=True)
    for who, commit in ((BORIS, below), (BORIS, above), (BORIS, below), (ANNA, below)):
        log.void(who, commit)
    return log


def _alone() -> ClearLog:
    log = room_of((ANNA,), (EDITH,))
    log.void(ANNA, log.commit(ANNA, removed=(EDITH,)))
    log.void(ANNA, log.commit(EDITH))
    log.operate(ANNA, SeatAdd(None, FARID.seat, FARID.credential.seat_key, may_facilitate=False))
    log.chat(EDITH)
    log.commit(ANNA, added=(CLARA,))
    log.write(ANNA, EventKind.CONTROL, b"\xc0")
    return log


STORIES = {
    "taken back at once": _unused,
    "taken back by most": _majority,
    "ghosts": _ghosts,
    "commits on commits": _stacked,
    "the only facilitator": _alone,
}
