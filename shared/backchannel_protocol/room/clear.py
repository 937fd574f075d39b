"""What the clear log alone tells of a room: the server's epoch and seats (PROTOCOL.md, sections 6 and 8).

A member follows it beside the fold, also where it cannot follow the encrypted room. Nothing here is
decrypted, and everything that an honest server would have refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.limits import MAX_DRAFTS
from backchannel_protocol.operations import (
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    VoidCommit,
    parse_operation,
)
from backchannel_protocol.room.void import Opening, Verdict, is_use, judge_void

KEPT_OPENINGS: Final = 16
"""How many commits that members took are remembered, one under the other."""

Told = SeatAdd | SeatRemove


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """What the server was told of a seat: the operation, the event's id and leaf."""

    operation: Told
    event: bytes
    leaf: bytes | None


@dataclass(frozen=True, slots=True)
class Clear:
    """A room after an event, as the server has it. Ids are bytes.

    epoch, opening  the server's
    bits            whether a seat may facilitate, of every seat that the server ever let in
    gone            the seats that it cut off
    openings        the commits that opened the epochs, the newest last, as far as they are known
    told, told_by   the SeatAdd and SeatRemove of one seat that end at seq `told_seq`
    """

    epoch: int
    opening: bytes
    bits: Mapping[bytes, bool]
    gone: frozenset[bytes] = frozenset()
    openings: tuple[Opening, ...] = ()
    told: tuple[ToldEvent, ...] = ()
    told_by: bytes = b""
    told_seq: int = 0

    def present(self, seat: bytes) -> bool:
        """Whether the server takes anything from a seat."""
        return seat in self.bits and seat not in self.gone

    def with_bit(self) -> frozenset[bytes]:
        """The seats that may send operations."""
        return frozenset(seat for seat, bit in self.bits.items() if bit and seat not in self.gone)

    def top(self) -> Opening | None:
        """The commit that opened the epoch; None where there is none, or it is not known any more."""
        known = self.openings[-1] if self.openings else None
        return known if known is not None and known.commit == self.opening else None

    def told_before(self, seq: int, sender: bytes) -> tuple[ToldEvent, ...]:
        """What `sender` told the server directly before the event `seq`."""
        return self.told if (self.told_by, self.told_seq + 1) == (sender, seq) else ()


@dataclass(frozen=True, slots=True)
class Followed:
    """The room after an event. Of a VoidCommit: what it does; and where it took effect, the commit."""

    clear: Clear
    verdict: Verdict | None = None
    voided: Opening | None = field(default=None)


def first_clear(room: bytes, creator: bytes) -> Clear:
    """A room without events."""
    return Clear(0, room, {creator: True})


def follow(clear: Clear, event: LogEvent) -> Followed:
    """The room after the next event of its log."""
    if event.epoch != clear.epoch or not clear.present(event.seat):
        return Followed(clear, Verdict.REFUSED if _voids(event) else None)
    if event.kind is EventKind.CONTROL:
        return _operated(clear, event)
    used = _used(clear, event)
    return Followed(_opened(used, event) if event.kind is EventKind.COMMIT else used)


def forgotten(clear: Clear) -> Clear:
    """Without the openings that lie so deep that nobody goes back to them."""
    if len(clear.openings) <= KEPT_OPENINGS:
        return clear
    return replace(clear, openings=clear.openings[-KEPT_OPENINGS:])


def _voids(event: LogEvent) -> bool:
    return isinstance(_operation_of(event), VoidCommit)


def _operation_of(event: LogEvent) -> Operation | None:
    if event.kind is not EventKind.CONTROL or event.body is None:
        return None
    try:
        return parse_operation(event.body)
    except RemoteProtocolError:
        return None


def _used(clear: Clear, event: LogEvent) -> Clear:
    top = clear.top()
    if top is None or top.used or not is_use(top, event.kind, event.seat):
        return clear
    return replace(clear, openings=(*clear.openings[:-1], replace(top, used=True)))


def _opened(clear: Clear, event: LogEvent) -> Clear:
    told = [one.operation for one in clear.told_before(event.seq, event.seat)]
    opening = Opening(
        event.id,
        event.seat,
        clear.epoch,
        clear.opening,
        frozenset(one.seat for one in told if isinstance(one, SeatAdd)),
        frozenset(one.seat for one in told if isinstance(one, SeatRemove)),
    )
    return replace(
        clear, epoch=clear.epoch + 1, opening=event.id, openings=(*clear.openings, opening), told=()
    )


def _operated(clear: Clear, event: LogEvent) -> Followed:
    """What an operation does at the server, which obeys seats that have the bit."""
    operation = _operation_of(event)
    if operation is None or not clear.bits[event.seat]:
        return Followed(clear, Verdict.REFUSED if isinstance(operation, VoidCommit) else None)
    match operation:
        case SeatAdd(seat=seat, may_facilitate=bit) if seat not in clear.bits:
            return Followed(_tell(replace(clear, bits={**clear.bits, seat: bit}), event, operation))
        case SeatRemove(seat=seat) if clear.present(seat):
            return Followed(_tell(replace(clear, gone=clear.gone | {seat}), event, operation))
        case SeatSet(seat=seat, may_facilitate=bit) if clear.present(seat):
            return Followed(replace(clear, bits={**clear.bits, seat: bit}))
        case VoidCommit(commit=commit):
            return _judged(clear, event.seat, commit)
        case _:
            return Followed(clear)


def _tell(clear: Clear, event: LogEvent, operation: Told) -> Clear:
    before = clear.told_before(event.seq, event.seat)[-MAX_DRAFTS:]
    told = (*before, ToldEvent(operation, event.id, event.leaf))
    return replace(clear, told=told, told_by=event.seat, told_seq=event.seq)


def _judged(clear: Clear, sender: bytes, commit: bytes) -> Followed:
    top = clear.top()
    verdict = judge_void(top, clear.with_bit(), commit, sender)
    if top is None or verdict is Verdict.REFUSED:
        return Followed(clear, verdict)
    if verdict is Verdict.ASKED:
        asked = replace(top, asked=top.asked | {sender})
        return Followed(replace(clear, openings=(*clear.openings[:-1], asked)), verdict)
    back = replace(
        clear,
        epoch=top.epoch,
        opening=top.before,
        bits={seat: bit for seat, bit in clear.bits.items() if seat not in top.added},
        gone=clear.gone - top.removed - top.added,
        openings=clear.openings[:-1],
    )
    return Followed(back, verdict, top)
