"""The feeds of all rooms where somebody is attached to this process, and the one reader of each.

Where there are other processes, hints say when to look into the log (`hints`). While the broker is silent,
and now and then anyway, all rooms are looked at: slower, and nothing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Coroutine, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.refusals import Code
from backchannel_server.condition import Conditions
from backchannel_server.fanout.feed import Feed, Follower
from backchannel_server.fanout.hints import Broker, Came, Ended, Exchange, Grown, Hint, Posted

LOOK_S: Final = 2.0
"""How often all rooms are looked at while hints come: one of a process that nobody hears may be missing."""

LOOK_ALONE_S: Final = 0.5
"""How often, while they do not."""

RETRY_S: Final = 0.5
"""How long until a log that could not be read is read again; doubles."""

RETRY_MOST_S: Final = 5.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Passage:
    """The next events of a log, as many as fit a frame; seats that are no more in the room; a checkpoint,
    encoded, where the record grew."""

    events: Sequence[LogEvent]
    removed: frozenset[SeatId] = frozenset()
    note: bytes | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """A room's last event, and the letters that wait in it for its facilitators."""

    head: int
    letters: frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class Mailbag:
    """The letters that wait in a room, encoded, and for whom."""

    facilitators: frozenset[SeatId]
    letters: Mapping[Hashable, bytes]


class Unread(Exception):
    """The log could not be read. What it was, the condition of the database said."""


class Log(Protocol):
    """What is on disk, whoever wrote it. None, and not in a mapping: the room is no more."""

    async def read(self, room: RoomId, first: int, seats: Collection[SeatId]) -> Passage | None:
        """From an event on; of some seats, those that were removed."""

    async def glance(self, rooms: Collection[RoomId]) -> Mapping[RoomId, Glance]:
        """At many rooms."""

    async def letters(self, room: RoomId) -> Mailbag:
        """That still wait."""


class Feeds:
    """`run` is one task of the server's TaskGroup. Without a broker, nobody else writes to the log."""

    def __init__(self, source: Log, conditions: Conditions, broker: Broker | None = None) -> None:
        self._log = source
        self._conditions = conditions
        self._feeds: dict[RoomId, Feed] = {}
        self._exchange = (
            None if broker is None else Exchange(broker, conditions.hints, self._hear, self._look_now)
        )
        self._waking = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            if self._exchange is not None:
                tasks.create_task(self._exchange.run())
                tasks.create_task(self._look_around())
            await asyncio.get_running_loop().create_future()

    # ---- who is here
    def attach(self, room: RoomId, follower: Follower) -> Feed:
        """A follower enters; one of the same seat, here or elsewhere, is cut off with `replaced`."""
        feed = self._feeds.setdefault(room, Feed())
        _replace(feed, follower.seat)
        feed.followers[follower.seat] = follower
        self._say(Came(room, follower.seat, follower.since_us))
        return feed

    def detach(self, room: RoomId, follower: Follower) -> None:
        """A follower leaves, if it is still there."""
        feed = self._feeds.get(room)
        if feed is not None and feed.followers.get(follower.seat) is follower:
            del feed.followers[follower.seat]
            self._drop_empty(room, feed)

    def _drop_empty(self, room: RoomId, feed: Feed) -> None:
        if not feed.followers:
            feed.flush()
            del self._feeds[room]

    # ---- what this process wrote
    def publish(
        self, room: RoomId, events: Sequence[LogEvent], *, removed: Collection[SeatId], note: bytes | None
    ) -> None:
        """Events that are on disk; seats that they cut off, after them; a checkpoint, encoded, after them."""
        last = events[-1].seq
        if self._exchange is not None:
            self._exchange.grown(room, last)
        feed = self._feeds.get(room)
        if feed is None:
            return
        if not feed.publish(events):
            self._read_up_to(room, feed, last)
            return
        if note is not None:
            feed.tell(note)
        if removed:
            feed.cut(removed, Code.REMOVED)

    def remember(self, room: RoomId, seq: int) -> None:
        """That an event is on disk: who wrote it had no answer, and perhaps nobody was told."""
        if self._exchange is not None:
            self._exchange.grown(room, seq)
        self._heed(room, seq)

    def tell(self, room: RoomId, seats: Collection[SeatId], letter: Hashable, frame: bytes) -> None:
        """A letter for some seats of a room, those that are attached."""
        self._say(Posted(room))
        feed = self._feeds.get(room)
        if feed is not None:
            _hand_out(feed, Mailbag(frozenset(seats), {letter: frame}))

    def end(self, room: RoomId) -> None:
        """The room is gone: everybody attached is cut off."""
        self._say(Ended(room))
        self._end(room)

    def _say(self, hint: Hint) -> None:
        if self._exchange is not None:
            self._exchange.say(hint)

    def _end(self, room: RoomId) -> None:
        feed = self._feeds.get(room)
        if feed is not None:
            feed.cut(list(feed.followers), Code.UNKNOWN_ROOM)

    # ---- what others wrote
    def _hear(self, room: RoomId, hint: Hint) -> None:
        feed = self._feeds.get(room)
        if feed is None:
            return
        match hint:
            case Grown():
                self._heed(room, hint.seq)
            case Posted():
                self._spawn(self._read_letters(room, feed))
            case Came():
                follower = feed.followers.get(SeatId(hint.seat))
                if follower is not None and follower.since_us < hint.time_us:
                    _replace(feed, follower.seat)
                    self._drop_empty(room, feed)
            case Ended():  # the log has to say so too
                self._look_now()

    def _heed(self, room: RoomId, seq: int) -> None:
        feed = self._feeds.get(room)
        if feed is not None:
            feed.stirred += 1
            self._read_up_to(room, feed, seq)

    def _read_up_to(self, room: RoomId, feed: Feed, seq: int) -> None:
        if feed.is_short_of(seq) and not feed.is_reading:
            feed.is_reading = True
            self._spawn(self._read_on(room, feed))

    async def _read_on(self, room: RoomId, feed: Feed) -> None:
        """The room's one reader: until the log is at its end, and nothing stirred since."""
        pause = RETRY_S
        while (end := feed.end) is not None and feed.followers:
            seen = feed.stirred
            try:
                passage = await self._asked(self._log.read(room, end + 1, list(feed.followers)))
            except Unread:
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_MOST_S)
                continue
            if passage is None:
                self._end(room)
                break
            if passage.events:
                _pass_on(feed, passage, end + 1)
            elif seen == feed.stirred:
                break
        feed.is_reading = False

    async def _read_letters(self, room: RoomId, feed: Feed) -> None:
        """A letter that cannot be read now is found by the next look."""
        with suppress(Unread):
            bag = await self._asked(self._log.letters(room))
            fresh = {letter: frame for letter, frame in bag.letters.items() if letter not in feed.told}
            _hand_out(feed, Mailbag(bag.facilitators, fresh))

    # ---- looking without having been told
    async def _look_around(self) -> None:
        while True:
            self._waking.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S if self._conditions.hints.is_well else LOOK_ALONE_S):
                    await self._waking.wait()
            with suppress(Unread):
                await self._look()

    def _look_now(self) -> None:
        self._waking.set()

    async def _look(self) -> None:
        rooms = list(self._feeds)
        found = await self._asked(self._log.glance(rooms))
        for room in rooms:
            feed, seen = self._feeds.get(room), found.get(room)
            if feed is None:
                continue
            if seen is None:
                self._end(room)
                continue
            if feed.is_short_of(seen.head):
                self._heed(room, seen.head)
            feed.told &= seen.letters
            if seen.letters - feed.told:
                self._spawn(self._read_letters(room, feed))

    async def _asked(self, answer: Awaitable[T]) -> T:
        """What the log answers. Raises Unread, whatever it was."""
        try:
            found = await answer
        except Exception as fault:  # noqa: BLE001 - whatever it was, it is tried again
            self._conditions.database.fails(type(fault).__name__)
            raise Unread from None
        self._conditions.database.works()
        return found

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        assert self._tasks is not None, "run() has begun"
        self._tasks.create_task(work)


def _replace(feed: Feed, seat: SeatId) -> None:
    replaced = feed.followers.pop(seat, None)
    if replaced is not None:
        replaced.cut(Code.REPLACED)


def _pass_on(feed: Feed, passage: Passage, first: int) -> None:
    if passage.events[0].seq != first:  # the log has a hole: nobody goes on as if it had none
        feed.cut(list(feed.followers), Code.INTERNAL)
        return
    feed.publish(passage.events)
    if passage.note is not None:
        feed.tell(passage.note)
    if passage.removed:
        feed.cut(passage.removed, Code.REMOVED)


def _hand_out(feed: Feed, bag: Mailbag) -> None:
    feed.told.update(bag.letters)
    for follower in [one for one in feed.followers.values() if one.seat in bag.facilitators]:
        for frame in bag.letters.values():
            follower.outbox.push(frame)
