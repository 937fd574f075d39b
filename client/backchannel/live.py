"""A room on the wire: connects, takes what comes, sends what waits, for ever (PROTOCOL.md, 4 and 5).

One task reads, one writes. Whatever breaks the connection, the next one goes on where the ledger
says; what was not answered goes out again with the same bytes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec

from backchannel import waiting
from backchannel.connection.host import Host
from backchannel.connection.session import Place, Session, known_sentence
from backchannel.errors import BackchannelError, NotAllowed, ServerRefused, ServerUnreachable, Stopped
from backchannel.facilitation.duties import confirmation_pause_s
from backchannel.facilitation.knocks import letter_due, take_mail
from backchannel.facilitation.upkeep import do_duties, is_wanted, renews
from backchannel.inbox import LETTER, Pending, given_up, take
from backchannel.ledger import Change, Ledger
from backchannel.outbox import Item, first_id, in_sending_order, submit_of, write_item
from backchannel.patience import Patience
from backchannel.promises import fits_record
from backchannel.room.checks import stop
from backchannel.room.facts import RoomStopped, SeatJoined
from backchannel.room.view import Presence
from backchannel.waiting import HELD_BY_ROOM, Hold, Reason
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import EventKind
from backchannel_protocol.frames import Attached, Checkpoint, Cursor, Events, Frame, Mail, Refused
from backchannel_protocol.keys import fingerprint
from backchannel_protocol.record.note import origin, verify_checkpoint
from backchannel_protocol.refusals import Code

STALE_PAUSE_S: Final = 0.25
"""How long the first pause is, where a server says `stale-epoch` and shows nothing new."""
MAX_DOUBLINGS: Final = 7
"""How often that doubles."""
DUTIES_S: Final = 600.0
"""How often it is looked whether time alone has made something due."""
GIVEN_UP_S: Final = 1.0
"""How long duties rest after one that could not be done: the room may have changed meanwhile. It doubles."""


class LiveRoom:
    """One room's tasks. `run` ends when the seat is out, or the room stopped."""

    def __init__(self, ledger: Ledger, host: Host, clock: Callable[[], float] = time.time) -> None:
        self.ledger = ledger
        self.error: BackchannelError | None = None
        self.attached = False
        self.ahead_s = 0
        """By how much the server's clock is ahead of this device's."""
        self._host = host
        self._clock = clock
        self._wake = asyncio.Event()
        self._in_flight: Item | None = None
        self._held: dict[str, Hold] = {}
        self._live = False
        self._mailed: set[str] = set()
        self._confirm_at: float | None = None
        self._ending = False
        self._duties_at = 0.0
        self._duties_pause = GIVEN_UP_S / 2
        self._patience = Patience()

    @property
    def current(self) -> bool:
        """Whether all that the server had is here, and what comes now is new."""
        return self._live

    @property
    def posted(self) -> bool:
        """Whether every letter that waits was given to the server in this connection."""
        return self._live and all(
            name in self._mailed for name in self.ledger.notes if name.startswith(LETTER)
        )

    @property
    def doubt(self) -> Reason | None:
        """Why the server lets nobody in, where that is not believed yet."""
        return self._patience.reason

    async def run(self) -> None:
        """Connects again and again. Returns; `error` says why, where it was not asked to end."""
        while self.error is None:
            try:
                if self.ledger.stopped is not None:
                    raise self.ledger.stopped
                self._require_present()
                await self._connected()
            except (ServerUnreachable, TimeoutError):
                self._patience.lost()
            except ServerRefused as error:
                if self._patience.believes(error, self.ledger.view):
                    await self._end(error)
                    return
            except Stopped as error:
                await self._end(error)
                return
            if self._ending:
                return
            self.attached = False
            await self._tell()
            await self._patience.rest(self.ledger.view)

    def end(self) -> None:
        """`run` connects no more. To be said before its task is cancelled.

        A TaskGroup of Python 3.11 forgets a cancellation that comes while it winds up after an error.
        """
        self._ending = True

    def wake(self) -> None:
        """There is something to send."""
        self._wake.set()
        if not self._live:
            self._patience.hurry()

    def _require_present(self) -> None:
        """Raises ServerRefused where there is nothing more to be had or to be said."""
        if self.ledger.view.presence is Presence.ENDED:
            raise waiting.ended()
        if self.ledger.view.presence is not Presence.PRESENT:
            sentence = "This seat is no longer in the room. Ask a facilitator to be admitted again."
            raise ServerRefused(Code.REMOVED.value, sentence)

    def why_waiting(self, item: Item) -> Reason:
        """What an item of the outbox waits for now."""
        ledger = self.ledger
        over = ledger.stopped or self.error
        hold = self._held.get(item.lane)
        if over is not None:
            return Reason(over.code, over.sentence)
        if not self.attached:
            return self.doubt or waiting.UNREACHABLE
        if not self._live:
            return waiting.CATCHING_UP
        if self._in_flight is not None and self._in_flight.place == item.place:
            return waiting.ON_ITS_WAY
        if ledger.view.skipped and not item.voids():
            return waiting.LEFT_BEHIND if ledger.view.left_behind else waiting.SKIPPED
        if hold is not None and hold.until > time.monotonic():
            return hold.reason
        first = next(iter(in_sending_order(ledger.items.values())), item)
        return waiting.ON_ITS_WAY if item.place == first.place else waiting.EARLIER

    async def _end(self, error: BackchannelError) -> None:
        self.error = error
        await self._tell()

    async def _tell(self) -> None:
        """Whoever waits for something looks again."""
        async with self.ledger.changed:
            self.ledger.changed.notify_all()

    # ---- one connection
    async def _connected(self) -> None:
        session = await self._host.open()
        try:
            attached = await session.attach(self._place())
            await self._check_attached(attached)
            self.ahead_s = attached.time - int(self._clock())
            self.attached, self._live, self._in_flight = True, False, None
            self._mailed.clear()
            self._held.clear()
            self._wake.set()
            await self._tell()
            await self._both(session)
        finally:
            self._live = False
            await session.close()

    async def _both(self, session: Session) -> None:
        """Reads and writes until one of them ends."""
        first: BaseException | None = None
        task = asyncio.current_task()
        assert task is not None
        cancelling = task.cancelling()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(session))
                group.create_task(self._write(session))
        except* BackchannelError as errors:
            first = errors.exceptions[0]
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
        # Before 3.11.4 (Debian 12 has 3.11.2), what is raised within except* is put into a group again, and a
        # TaskGroup forgets that it cancelled this task to wind up: the next asyncio.timeout would end it.
        if first is not None:
            while task.cancelling() > cancelling:
                task.uncancel()
            raise first from None

    def _place(self) -> Place:
        ledger = self.ledger
        return Place(
            ledger.view.room,
            ledger.view.seat,
            ledger.keys.seat_key,
            fingerprint(ledger.about.record_key),
            ledger.view.seq,
        )

    async def _check_attached(self, attached: Attached) -> None:
        if attached.head < self.ledger.view.seq:
            await self._stop("log-shorter")
        await self._check_record(attached.checkpoint)

    async def _check_record(self, note: str) -> None:
        """The signed checkpoint is of this room's record: compared now, or when this device is as far."""
        view, key = self.ledger.view, self.ledger.about.record_key
        try:
            body = verify_checkpoint(note, origin(view.room), key)
        except RemoteProtocolError:
            await self._stop("record-differs")
            return
        if not await fits_record(self.ledger, body):
            await self._stop("record-differs")

    async def _stop(self, code: str) -> None:
        try:
            stop(code)
        except Stopped as reason:
            view = self.ledger.view
            fact = RoomStopped(
                seq=0, time=view.time, seat=view.own, code=reason.code, sentence=reason.sentence
            )
            async with self.ledger.lock:
                await self.ledger.stop(reason, Change(notices=[fact]))
            raise

    # ---- reading
    async def _read(self, session: Session) -> None:
        while True:
            await self._obey(session, await session.receive())
            self._wake.set()

    async def _obey(self, session: Session, frame: Frame) -> None:
        match frame:
            case Events():
                await self._take(session, frame)
            case Refused():
                await self._refused(frame)
            case Mail():
                answer = await take_mail(self.ledger, frame, int(self._clock()))
                if answer is not None:
                    await session.send(answer)
            case Checkpoint():
                await self._check_record(frame.note)
            case _:
                pass  # an Ack needs no deed: the event itself follows it

    async def _take(self, session: Session, frame: Events) -> None:
        before = self.ledger.view.seq
        known = len(self.ledger.facts)
        await take(self.ledger, frame.events)
        if not await fits_record(self.ledger):
            await self._stop("record-differs")
        view = self.ledger.view
        if self._in_flight is not None and self._in_flight.place not in self.ledger.items:
            self._in_flight = None
        if any(isinstance(fact, SeatJoined) for fact in self.ledger.facts[known:]):
            pause = confirmation_pause_s(view)
            self._confirm_at = None if pause is None else time.monotonic() + pause
        if frame.live and not self._live:
            self._live = True
            self._patience.connected()
            await self._tell()
        if any(event.kind is EventKind.CONTROL for event in frame.events):
            self._held = {lane: hold for lane, hold in self._held.items() if hold.code not in HELD_BY_ROOM}
        if view.seq > before:
            await session.send(Cursor(view.seq))
        self._require_present()

    async def _refused(self, frame: Refused) -> None:
        """What is final leaves the outbox and is told; the rest is sent again."""
        item = self._in_flight
        if item is None or frame.id is None or frame.id != first_id(item):
            return
        self._in_flight = None
        ledger = self.ledger
        async with ledger.lock:
            if item.place not in ledger.items:
                return
            if frame.code in waiting.LATER:
                self._hold(item, frame.code, max(1, frame.retry_after_s or 1))
            elif frame.code in waiting.AGAIN:
                await ledger.store(Change(items=[msgspec.structs.replace(item, submit=None)]))
                if (item.attempts[-1].epoch, item.attempts[-1].opening) == ledger.view.server_epoch:
                    doublings = min(len(item.attempts), MAX_DOUBLINGS)
                    self._hold(item, frame.code, STALE_PAUSE_S * 2**doublings)
            else:
                await self._give_up(item, frame.code, known_sentence(frame.code, frame.sentence))

    def _hold(self, item: Item, code: str, wait_s: float) -> None:
        """The item's lane rests for a while."""
        self._held[item.lane] = Hold(code, time.monotonic() + wait_s, int(self._clock() + wait_s))

    async def _give_up(self, item: Item, code: str, sentence: str) -> None:
        """The caller holds the ledger's lock. If it was a duty, it is not done again at once."""
        if item.lane == "governance":
            now = time.monotonic()
            long_ago = now >= self._duties_at + DUTIES_S
            self._duties_pause = GIVEN_UP_S if long_ago else min(2 * self._duties_pause, DUTIES_S)
            self._duties_at = now + self._duties_pause
        change = Change()
        given_up(change, self.ledger.view, item, code, sentence)
        await self.ledger.store(change)

    # ---- writing
    async def _write(self, session: Session) -> None:
        while True:
            self._require_present()
            looked = time.monotonic()
            await self._perform_duties(session)
            item = await self._next_item()
            submit = None if item is None else submit_of(item)
            if item is not None and submit is not None:
                self._in_flight = item
                await session.send(submit)
                continue
            await self._rest(looked)

    async def _rest(self, looked: float) -> None:
        """Until something happens, what was held may be tried again, or it is time to look for duties.

        looked  when the outbox was looked at: what became due since then has not been seen yet
        """
        times = [self._duties_at, *(hold.until for hold in self._held.values())]
        if self._confirm_at is not None:
            times.append(self._confirm_at)
        due = min((one for one in times if one > looked), default=looked + DUTIES_S)
        wait = due - time.monotonic()
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _next_item(self) -> Item | None:
        """The next item with its ciphertext, which is stored before it is returned."""
        if self._in_flight is not None or not self._live:
            return None
        ledger, now = self.ledger, time.monotonic()
        async with ledger.lock:
            if ledger.stopped is not None:
                return None
            renewing = renews(ledger, self._now())
            passed: set[str] = {lane for lane, hold in self._held.items() if hold.until > now}
            for item in in_sending_order(ledger.items.values()):
                if item.lane in passed:
                    continue
                if item.submit is not None:
                    return item
                if renewing and not item.renews:
                    continue
                if ledger.view.skipped and not item.voids():
                    passed.add(item.lane)
                    continue
                written = await self._written(item)
                if written is not None:
                    return written
        return None

    async def _written(self, item: Item) -> Item | None:
        """With a new ciphertext; None where the item has no purpose any more, and is dropped."""
        ledger = self.ledger
        if item.plan is not None and not is_wanted(ledger, item.plan, self._now()):
            await ledger.store(Change(drop_items={item.place}))
            return None
        try:
            written = write_item(ledger.view, item, int(self._clock()))
        except NotAllowed as error:
            await self._give_up(item, error.code, error.sentence)
            return None
        await ledger.store(Change(view=written.view, items=[written.item]))
        return written.item

    # ---- what follows from the room's state
    async def _perform_duties(self, session: Session) -> None:
        if not self._live:
            return
        if time.monotonic() >= self._duties_at:
            await do_duties(self.ledger, self._now(), confirm=self._is_to_confirm())
        await self._post(session)

    def _is_to_confirm(self) -> bool:
        """Whether somebody waits for this seat's word on the state, and this is the time to say it."""
        if self._confirm_at is None or time.monotonic() < self._confirm_at:
            return False
        self._confirm_at = None
        return confirmation_pause_s(self.ledger.view) is not None

    def _now(self) -> int:
        """This device's time, and no earlier than the room's."""
        return max(self.ledger.view.time, int(self._clock()))

    async def _post(self, session: Session) -> None:
        """Letters: Welcomes until who got one has written, and whom an invitee still waits for."""
        for name, note in list(self.ledger.notes.items()):
            if name.startswith(LETTER) and name not in self._mailed:
                for mail in msgspec.msgpack.decode(note, type=Pending).mail():
                    await session.send(mail)
                self._mailed.add(name)
                await self._tell()
        async with self.ledger.lock:
            due = letter_due(self.ledger)
            if due is not None:
                await self.ledger.store(due[0])
        if due is not None:
            await session.send(due[1])
