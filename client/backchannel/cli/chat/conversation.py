"""One open chat: the room, what was shown of it, and what the person is about to write."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from backchannel import MessageSent, MessagesSeen, Room
from backchannel.attachments import Attached
from backchannel.cli.chat.entries import Entry, Numbers, day, entry_of, exposure_line, stopped, unread
from backchannel.cli.output import Record
from backchannel.errors import BackchannelError
from backchannel.room.facts import AnyFact
from backchannel.speaking import Quotable

Show = Callable[[Entry], None]
"""Shows an entry, above the prompt where there is one."""

SEEN_EVERY_S: Final = 5.0
"""What was seen is told no more often than this."""


@dataclass(slots=True)
class Conversation:
    """The state of an open chat. `show` is how it speaks.

    quotable, until_s  the exposure of what is written next
    tells_seen         whether the others learn what was seen here
    shown, over        how many facts were shown, and whether more can come
    """

    room: Room
    show: Show
    tells_seen: bool
    quotable: Quotable = "no"
    until_s: int = 0
    over: bool = False
    shown: int = 0
    numbers: Numbers = field(default_factory=Numbers)
    _day: str = ""
    _seen: int = 0
    _told_at: float = 0.0
    _touched: asyncio.Event = field(default_factory=asyncio.Event)

    # ---- what comes
    def open_history(self, last: int) -> None:
        """Shows what was said, with the last messages."""
        room = self.room
        facts = room.history()
        self._seen = room.ledger.view.seen.get(room.seat, 0)
        messages = [fact for fact in facts if isinstance(fact, MessageSent)]
        first = messages[-last].seq if last and len(messages) > last else 0
        hidden = sum(fact.seq < first for fact in messages)
        if hidden:
            said = f"{hidden} earlier messages are not shown; --last 0 shows all."
            self.show(Entry("notice", said, {"type": "hidden", "count": hidden}))
        marked = self._seen == 0
        for fact in facts:
            if (
                not marked
                and isinstance(fact, MessageSent)
                and fact.seq > self._seen
                and fact.seat != room.seat
            ):
                marked = True
                self.show(unread())
            self._take(fact, visible=not first or fact.seq >= first)
        self.shown = len(facts)

    async def follow(self) -> None:
        """Shows what comes from now on, until the room is over for this seat."""
        at = 0
        try:
            async for fact in self.room.events(replay=True):
                at += 1
                if at > self.shown:
                    self.shown = at
                    self._take(fact, visible=True)
        except BackchannelError as error:
            self.show(stopped(error.code, error.sentence))
        else:
            over = self.room.stopped
            if over is not None:
                record: Record = {"type": "over", "code": over.code, "sentence": over.sentence}
                self.show(Entry("banner", over.sentence, record))
        self.over = True

    def show_rest(self) -> None:
        """What is here and was not shown yet, when nobody follows any more."""
        facts = self.room.history()
        for fact in facts[self.shown :]:
            self._take(fact, visible=True)
        self.shown = len(facts)

    def _take(self, fact: AnyFact, *, visible: bool) -> None:
        room = self.room
        if isinstance(fact, MessagesSeen):
            if visible and fact.seat != room.seat:
                self._tell_seen_by(fact)
            return
        entry = entry_of(fact, room.state, room.seat, self.numbers)
        if entry is None or not visible:
            return
        date = day(fact.time)
        if fact.seq and date.head != self._day:
            self._day = date.head
            self.show(date)
        self.show(entry)

    def _tell_seen_by(self, fact: MessagesSeen) -> None:
        """Of the last own message: a record for programs; people read the state above the prompt."""
        last = self.last_own()
        if last is not None and fact.up_to >= last.seq:
            number = self.numbers.by_id[last.id]
            record: Record = {
                "type": "seen",
                "number": number,
                "by": self.room.seen_by(last),
                "seat": fact.seat,
            }
            self.show(Entry("seen", "", record))

    def last_own(self) -> MessageSent | None:
        """The own message that was shown last."""
        own = self.room.seat
        return next((one for one in reversed(self.numbers.messages.values()) if one.seat == own), None)

    # ---- what is said of the moment
    def exposure(self) -> str:
        """What holds for what is written now."""
        return exposure_line(self.room.state, self.quotable, self.until_s)

    def standing(self) -> str:
        """Connection, what waits, and how far the last own message came: in words, and true."""
        room = self.room
        waiting = [one for one in room.pending() if one.type == "message"]
        said = []
        if not room.connected:
            said.append("no connection")
        if waiting:
            count = f"{len(waiting)} message{'' if len(waiting) == 1 else 's'} waiting"
            said.append(f"{count}; {'it goes by itself' if len(waiting) == 1 else 'they go by themselves'}")
            if room.connected:
                said.append(waiting[0].why)
        last = self.last_own()
        if last is not None:
            seen = room.seen_by(last)
            said.append(f"#{self.numbers.by_id[last.id]} {f'seen by {seen}' if seen else 'sent'}")
        return " · ".join(said) or "connected"

    # ---- what is written
    async def write(
        self, words: str, reply_to: str | None = None, attachments: Sequence[Attached] = ()
    ) -> None:
        """Sends a message. When this returns it is on this device's disk. Raises BackchannelError."""
        until = int(time.time()) + self.until_s if self.until_s else 0
        outgoing = await self.room.send(
            words, quotable=self.quotable, until=until, reply_to=reply_to, attachments=attachments
        )
        record: Record = {"type": "delivery", "state": outgoing.delivery.value, "place": outgoing.item.place}
        self.show(Entry("delivery", "", record))

    def touch(self) -> None:
        """Somebody is there: what is shown is seen."""
        self._touched.set()

    async def tell_seen(self) -> None:
        """Tells the others, whenever somebody is there, until it is cancelled."""
        while True:
            await self._touched.wait()
            self._touched.clear()
            with contextlib.suppress(BackchannelError):
                await self.seen()

    async def seen(self, *, again: bool = False) -> None:
        """Tells the others that what is shown was seen, where that is wanted and something is new."""
        room = self.room
        newest = max((one.seq for one in self.numbers.messages.values() if one.seat != room.seat), default=0)
        now = time.monotonic()
        quiet = not self.tells_seen or newest <= self._seen or now - self._told_at < SEEN_EVERY_S
        if (quiet and not again) or self.over or room.stopped is not None:
            return
        self._told_at, self._seen = now, max(newest, self._seen)
        await room.mark_seen()
