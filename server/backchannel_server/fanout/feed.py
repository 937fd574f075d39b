"""A feed: who is attached to one room, and how far they have it (PROTOCOL.md, sections 4 and 5).

Subscribing is replay, then follow. A follower enters the feed before it reads the log; it reads
until nothing is left and nothing stirred meanwhile, and then follows. So no event is missed between
log and feed, and none is sent twice: each follower knows the seq that it needs next.

Other processes write to the log too, where it is in PostgreSQL. What this one wrote is passed on as it is
wherever it comes next; else somebody else wrote between, and the feed's one reader goes on from the log.
Everything here runs without waiting: the room never waits for a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass

from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import Events, encode_frame
from backchannel_protocol.ids import SeatId
from backchannel_protocol.limits import MAX_EVENTS_A_FRAME, MAX_EVENTS_FRAME_BYTES
from backchannel_protocol.refusals import Code
from backchannel_server.fanout.outbox import Outbox


@dataclass(slots=True, eq=False)
class Follower:
    """One attached seat. `next` is the seq that it needs next, once it follows.

    `cut` ends its connection with a code. `since_us`: when it was attached, in microseconds since 1970.
    """

    seat: SeatId
    outbox: Outbox
    cut: Callable[[Code], None]
    since_us: int
    next: int | None = None


class Feed:
    """One room. `head` is the last event that those who follow have; None until somebody does.

    `stirred` counts whatever says that the log may have grown, or not: who found the log's end, and sees
    that it is as before, knows that it found the end. `told` are the letters that went out.
    """

    def __init__(self) -> None:
        self.followers: dict[SeatId, Follower] = {}
        self.head: int | None = None
        self.stirred = 0
        self.is_reading = False
        self.told: set[Hashable] = set()
        self._pending: list[LogEvent] = []

    @property
    def end(self) -> int | None:
        """The last event that went out or is about to."""
        return self._pending[-1].seq if self._pending else self.head

    def publish(self, events: Sequence[LogEvent]) -> bool:
        """Events that are on disk; whether they, or those of them that are new, come next here.

        What comes in one turn of the loop travels in one frame.
        """
        self.stirred += 1
        end = self.end
        if end is None or not events[0].seq <= end + 1 <= events[-1].seq:
            return False
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending += events[end + 1 - events[0].seq :]
        return True

    def is_short_of(self, seq: int) -> bool:
        """Whether those who follow lack the event `seq`."""
        end = self.end
        return end is not None and end < seq

    def flush(self) -> None:
        """Passes on what is pending: encoded once, the same bytes for everybody."""
        pending, self._pending = self._pending, []
        for chunk in split_events(pending):
            first, last = chunk[0].seq, chunk[-1].seq
            frame = encode_frame(Events(chunk, live=True))
            for follower in list(self.followers.values()):
                if follower.next == first:
                    follower.next = last + 1
                    follower.outbox.push(frame)
                elif follower.next is not None:
                    _send_rest(follower, chunk)
            self.head = last

    def follow(self, follower: Follower, following: int, seen: int) -> bool:
        """From now on, live, where the follower has everything before `following`; else it reads on.

        `seen` is what `stirred` was before it looked into the log and found nothing.
        """
        if seen != self.stirred:
            return False
        if self.head is None:
            self.head = following - 1
        follower.next = following
        return True

    def tell(self, note: bytes) -> None:
        """A frame for everybody, after what is pending."""
        self.flush()
        for follower in list(self.followers.values()):
            follower.outbox.push(note)

    def cut(self, seats: Collection[SeatId], code: Code) -> None:
        """Ends the connections of some seats, after what is pending."""
        self.flush()
        for follower in [one for one in self.followers.values() if one.seat in seats]:
            follower.cut(code)


def split_events(events: Sequence[LogEvent]) -> Iterator[list[LogEvent]]:
    """Events in lists that fit a frame each."""
    chunk: list[LogEvent] = []
    size = 0
    for event in events:
        grown = size + len(event.body or b"")
        if chunk and (len(chunk) == MAX_EVENTS_A_FRAME or grown > MAX_EVENTS_FRAME_BYTES):
            yield chunk
            chunk, grown = [], len(event.body or b"")
        chunk.append(event)
        size = grown
    if chunk:
        yield chunk


def _send_rest(follower: Follower, chunk: Sequence[LogEvent]) -> None:
    """For a follower that read some of these events in the log already."""
    rest = [event for event in chunk if follower.next is not None and event.seq >= follower.next]
    if not rest:
        return
    if rest[0].seq != follower.next:  # an event is missing: it must attach again, not go on without it
        follower.cut(Code.INTERNAL)
        return
    follower.next = rest[-1].seq + 1
    follower.outbox.push(encode_frame(Events(rest, live=True)))
