"""Feeds: who is attached to a room, and what is live there (PROTOCOL.md, sections 4 and 5).

Subscribing is replay, then follow. A follower enters the feed before it reads the log; it reads
until it has everything that the feed has passed on, and then follows. So no event is missed
between log and feed, and none is sent twice: each follower knows the seq that it needs next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import Events, encode_frame
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.limits import MAX_EVENTS_A_FRAME, MAX_EVENTS_FRAME_BYTES
from backchannel_protocol.refusals import Code
from backchannel_server.fanout.outbox import Outbox


@dataclass(slots=True, eq=False)
class Follower:
    """One attached seat. `next` is the seq that it needs next, once it follows.

    `cut` ends its connection with a code; with `drop`, without what still waits for it.
    """

    seat: SeatId
    outbox: Outbox
    cut: Callable[[Code], None]
    next: int | None = None


class Feed:
    """One room. Everything here runs without waiting: the room never waits for a connection."""

    def __init__(self) -> None:
        self.followers: dict[SeatId, Follower] = {}
        self._head = 0
        self._pending: list[LogEvent] = []

    def publish(self, events: Sequence[LogEvent]) -> None:
        """Events that are on disk. What comes in one turn of the loop travels in one frame."""
        if not self._pending:
            asyncio.get_running_loop().call_soon(self.flush)
        self._pending += events

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
            self._head = last

    def follow(self, follower: Follower, following: int) -> bool:
        """From now on, live, where the follower has everything before `following`; else it reads on."""
        if self._head >= following:
            return False
        follower.next = following
        return True


class Feeds:
    """The feeds of all rooms where somebody is attached."""

    def __init__(self) -> None:
        self._feeds: dict[RoomId, Feed] = {}

    def attach(self, room: RoomId, follower: Follower) -> Feed:
        """A follower enters; one of the same seat is cut off with `replaced`."""
        feed = self._feeds.setdefault(room, Feed())
        replaced = feed.followers.pop(follower.seat, None)
        feed.followers[follower.seat] = follower
        if replaced is not None:
            replaced.cut(Code.REPLACED)
        return feed

    def detach(self, room: RoomId, follower: Follower) -> None:
        """A follower leaves, if it is still there."""
        feed = self._feeds.get(room)
        if feed is not None and feed.followers.get(follower.seat) is follower:
            del feed.followers[follower.seat]
            if not feed.followers:
                feed.flush()
                del self._feeds[room]

    def end(self, room: RoomId, code: Code) -> None:
        """The room is gone: everybody attached is cut off."""
        feed = self._feeds.get(room)
        if feed is not None:
            for follower in list(feed.followers.values()):
                follower.cut(code)

    def publish(
        self, room: RoomId, events: Sequence[LogEvent], *, removed: Collection[SeatId], note: bytes | None
    ) -> None:
        """Events that are on disk; seats that they cut off, after them; a checkpoint, encoded, after them."""
        feed = self._feeds.get(room)
        if feed is None:
            return
        feed.publish(events)
        if note is not None or removed:
            feed.flush()
        for follower in list(feed.followers.values()):
            if note is not None:
                follower.outbox.push(note)
            if follower.seat in removed:
                follower.cut(Code.REMOVED)

    def tell(self, room: RoomId, seats: Collection[SeatId], frame: bytes) -> None:
        """A frame for some seats of a room, those that are attached."""
        feed = self._feeds.get(room)
        if feed is not None:
            for follower in list(feed.followers.values()):
                if follower.seat in seats:
                    follower.outbox.push(frame)


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
