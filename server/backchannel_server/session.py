"""One connection, from Hello to Bye (PROTOCOL.md, section 4). An edge moves its bytes.

The edge calls `greet`, then `receive` for each frame that comes, and sends what the outbox gives.
Nothing here waits for the peer: what it does not fetch waits in the outbox, up to its bound.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final

from backchannel_protocol.connection import Connection, Role, State
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Attached,
    Cursor,
    Events,
    Frame,
    Hello,
    Mail,
    Refused,
    Submit,
    attach_content,
)
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.keys import verify
from backchannel_protocol.limits import EVENTS_A_SECOND, EVENTS_BURST, PROTOCOL_VERSION
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.actions.cursor import do_cursor
from backchannel_server.actions.mail import do_answer
from backchannel_server.actions.submit import do_submit
from backchannel_server.enforce.rates import Rates
from backchannel_server.fanout.feed import Feed, Follower
from backchannel_server.fanout.outbox import Outbox
from backchannel_server.record.key import RecordKey
from backchannel_server.refusal import Refusal
from backchannel_server.storage.reads import (
    read_commit_behind,
    read_events,
    read_room,
    read_room_letters,
    read_seat,
)
from backchannel_server.storage.rows import Room, Seat

IN_FLIGHT: Final = 64
"""How many Submits of one connection may wait for the disk; after that it is not read."""

FRAMES: Final = 10
"""How many frames a seat may send for each event that it may submit; beyond, the connection ends."""

REST_S: Final = EVENTS_BURST // EVENTS_A_SECOND
"""How many seconds' worth of events a seat may submit at once after a rest."""

log = logging.getLogger(__name__)
Spawn = Callable[[Coroutine[None, None, None]], object]
Place = tuple[RoomId, SeatId]


@dataclass(frozen=True, slots=True)
class Reception:
    """What all connections of a server share. The rates are kept in memory alone."""

    context: Context
    key: RecordKey
    events: Rates[Place]
    frames: Rates[Place]

    @classmethod
    def make(cls, context: Context, key: RecordKey, events_a_second: int) -> Reception:
        """`events_a_second`: what a seat may submit on average; after a rest, ten seconds' worth."""
        burst = events_a_second * REST_S
        return cls(
            context, key, Rates(events_a_second, burst), Rates(FRAMES * events_a_second, FRAMES * burst)
        )


class Session:
    """`spawn` starts a task; `filled` is told that the outbox has something, `ended` that Bye is queued."""

    __slots__ = (
        "_connection",
        "_context",
        "_cursor",
        "_ended",
        "_follower",
        "_in_flight",
        "_nonce",
        "_place",
        "_reception",
        "_spawn",
        "outbox",
    )

    def __init__(
        self, reception: Reception, spawn: Spawn, filled: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self._reception = reception
        self._context = reception.context
        self._connection = Connection(Role.SERVER)
        self._nonce = secrets.token_bytes(32)
        self._spawn = spawn
        self._ended = ended
        self._place: Place | None = None
        self._follower: Follower | None = None
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._cursor = _CursorState()
        self.outbox = Outbox(self._overflow, filled)

    @property
    def is_attached(self) -> bool:
        """Whether the seat has proved its key, and is in the room."""
        return self._follower is not None

    @property
    def has_proved(self) -> bool:
        """Whether the seat has proved its key; it may be one that was removed."""
        return self._place is not None

    def greet(self) -> None:
        """Hello."""
        now = self._context.clock()
        self._send(Hello([PROTOCOL_VERSION], self._nonce, self._reception.key.public, now))

    async def receive(self, data: bytes) -> None:
        """One frame. What is wrong with it ends the connection, or is refused; others go on."""
        if self._connection.state is State.CLOSED:
            return
        try:
            frame = self._connection.receive(data)
            await self._obey(frame)
        except RemoteProtocolError as error:
            self.end(Refusal.of(error))
        except Refusal as refusal:
            self.end(refusal)
        except Exception as error:  # noqa: BLE001 - our fault: it ends this connection and no other
            self._fail(error)

    def end(self, refusal: Refusal) -> None:
        """Bye, with a code, after what waits; who is too slow does not get what waits."""
        if self._connection.state is State.CLOSED:
            return
        self._context.metrics.refused(refusal.code)
        last = self._connection.send(refusal.bye())
        self.outbox.end(last, drop=refusal.code is Code.TOO_SLOW)
        self._ended()

    async def leave(self) -> None:
        """The connection is gone. What its cursor said last is still written."""
        self._connection.state = State.CLOSED
        self.outbox.end()
        if self._place is None or self._follower is None:
            return
        self._context.feeds.detach(self._place[0], self._follower)
        self._context.metrics.connections.dec()
        self._follower = None
        if self._cursor.wanted > self._cursor.written:
            await do_cursor(self._context, *self._place, self._cursor.wanted, lambda: None)

    async def _obey(self, frame: Frame) -> None:
        match frame:
            case Attach():
                await self._attach(frame)
            case Submit():
                await self._submit(self._placed(), frame)
            case Cursor():
                self._placed()
                await self._move_cursor(frame.seq)
            case Mail():
                await self._answer(self._placed(), frame)
            case _:
                raise Refusal(Code.OUT_OF_STATE)

    def _placed(self) -> Place:
        """Which seat this is; every frame of it is counted. Raises `too-fast`."""
        if self._place is None:
            raise Refusal(Code.OUT_OF_STATE)
        if self._reception.frames.take(self._place, 1, time.monotonic()):
            raise Refusal(Code.TOO_FAST)
        return self._place

    # ---- attaching
    async def _attach(self, attach: Attach) -> None:
        """Verify, enter the feed, read again, answer.

        What happens to the seat between the first reading and the feed is seen by the second; what
        happens after, the feed tells.
        """
        place = (RoomId(attach.room), SeatId(attach.seat))
        seat = await self._verify_attach(attach)
        if seat.removed_seq is not None:
            await self._show_removal(place, seat, seat.removed_seq, attach.cursor)
            return
        follower = Follower(place[1], self.outbox, self._cut, time.time_ns() // 1000)
        feed = self._context.feeds.attach(place[0], follower)
        self._place, self._follower = place, follower
        self._context.metrics.connections.inc()
        room, seat = await self._read_place(place)
        if seat.removed_seq is not None:
            raise Refusal(Code.REMOVED)
        note = self._context.checkpoint(room)
        now = self._context.clock()
        self._send(Attached(room.head, room.epoch, room.opening, seat.floor, now, note))
        self._spawn(self._replay(feed, follower, max(attach.cursor + 1, seat.floor)))
        await self._move_cursor(attach.cursor)

    async def _show_removal(self, place: Place, seat: Seat, removed_seq: int, cursor: int) -> None:
        """The log up to the commit with which the seat was removed: it has to judge that itself. Then Bye."""
        async with self._context.engines.reader.connect() as connection:
            room = await read_room(connection, place[0])
            last = await read_commit_behind(connection, place[0], removed_seq)
        first = max(cursor + 1, seat.floor)
        if room is None or last is None or first > last.seq:
            raise Refusal(Code.REMOVED)
        self._place = place
        note, now = self._context.checkpoint(room), self._context.clock()
        self._send(Attached(last.seq, last.epoch + 1, last.id, seat.floor, now, note))
        self._spawn(self._replay_removal(place[0], first, last.seq))

    async def _replay_removal(self, room: RoomId, first: int, last: int) -> None:
        try:
            while first <= last and self._connection.state is State.REPLAYING:
                async with self._context.engines.reader.connect() as connection:
                    events = await read_events(connection, room, first)
                if not events:  # the room is gone
                    break
                first = events[-1].seq + 1
                await self.outbox.space()
                self._send(Events([event for event in events if event.seq <= last], live=False))
            self.end(Refusal(Code.REMOVED))
        except Exception as error:  # noqa: BLE001 - as in `receive`
            self._fail(error)

    async def _verify_attach(self, attach: Attach) -> Seat:
        if attach.version != PROTOCOL_VERSION:
            raise Refusal(Code.VERSION)
        _, seat = await self._read_place((RoomId(attach.room), SeatId(attach.seat)))
        content = attach_content(
            attach.version, self._nonce, attach.room, attach.seat, self._reception.key.fingerprint
        )
        verify(seat.key, "attach", content, attach.signature)
        return seat

    async def _read_place(self, place: Place) -> tuple[Room, Seat]:
        async with self._context.engines.reader.connect() as connection:
            room = await read_room(connection, place[0])
            seat = await read_seat(connection, *place)
        if room is None or room.is_over(self._context.clock()):
            raise Refusal(Code.UNKNOWN_ROOM)
        if seat is None:
            raise Refusal(Code.UNKNOWN_SEAT)
        return room, seat

    async def _replay(self, feed: Feed, follower: Follower, first: int) -> None:
        """Everything from `first` on, then live, then the mail that waits for a facilitator."""
        try:
            await self._replay_events(feed, follower, first)
            await self._replay_mail(follower)
        except Exception as error:  # noqa: BLE001 - as in `receive`
            self._fail(error)

    async def _replay_events(self, feed: Feed, follower: Follower, first: int) -> None:
        room = self._place_of(follower)[0]
        following = first
        while self._connection.state is State.REPLAYING:
            seen = feed.stirred
            async with self._context.engines.reader.connect() as connection:
                events = await read_events(connection, room, following)
            if events:
                following = events[-1].seq + 1
                await self.outbox.space()
                self._send(Events(events, live=False))
            elif feed.follow(follower, following, seen):
                self._send(Events([], live=True))

    async def _replay_mail(self, follower: Follower) -> None:
        place = self._place_of(follower)
        async with self._context.engines.reader.connect() as connection:
            seat = await read_seat(connection, *place)
            if seat is None or not seat.may_facilitate:
                return
            letters = await read_room_letters(connection, place[0], self._context.clock())
        for letter in letters:
            await self.outbox.space()
            self._send(letter.frame())

    def _place_of(self, follower: Follower) -> Place:
        assert self._place is not None
        assert self._place[1] == follower.seat
        return self._place

    # ---- talking
    async def _submit(self, place: Place, submit: Submit) -> None:
        wait = self._reception.events.take(place, len(submit.drafts), time.monotonic())
        if wait:
            refusal = Refusal(Code.TOO_FAST, retry_after_s=math.ceil(wait))
            self._context.metrics.refused(refusal.code)
            self._send(refusal.frame(submit.drafts[0].id))
            return
        await self._in_flight.acquire()

        def reply(frame: Ack | Refused) -> None:
            self._in_flight.release()
            self._send(frame)

        await do_submit(self._context, *place, submit.drafts, reply)

    async def _answer(self, place: Place, mail: Mail) -> None:
        wait = self._reception.events.take(place, 1, time.monotonic())
        if wait:
            self._send(Refusal(Code.TOO_FAST, retry_after_s=math.ceil(wait)).frame(mail.mailbox))
            return
        await do_answer(self._context, *place, mail, lambda refusal: self._send(refusal.frame(mail.mailbox)))

    async def _move_cursor(self, seq: int) -> None:
        """One write at a time; what comes meanwhile is written after it, the newest alone."""
        self._cursor.wanted = max(self._cursor.wanted, seq)
        if self._place is None or self._cursor.is_writing or self._cursor.wanted <= self._cursor.written:
            return
        self._cursor.is_writing = True
        self._cursor.written = self._cursor.wanted

        def settled() -> None:
            self._cursor.is_writing = False

        await do_cursor(self._context, *self._place, self._cursor.written, settled)

    def _overflow(self) -> None:
        self.end(Refusal(Code.TOO_SLOW))

    def _cut(self, code: Code) -> None:
        self.end(Refusal(code))

    def _fail(self, error: Exception) -> None:
        log.error("a connection failed", extra={"fault": type(error).__name__})
        self.end(Refusal(Code.INTERNAL))

    def _send(self, frame: Frame) -> None:
        if self._connection.state is not State.CLOSED:
            self.outbox.push(self._connection.send(frame))


@dataclass(slots=True)
class _CursorState:
    wanted: int = 0
    written: int = 0
    is_writing: bool = False
