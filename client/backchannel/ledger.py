"""Everything that a client keeps of one room: the one place where it changes.

A change is one transaction of the profile, and only when that is on disk is it seen by anybody
(PROTOCOL.md, section 8: prepare, write, emit). Who changes something holds `lock` from reading
what it decides by until `store` has returned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from backchannel.errors import Stopped
from backchannel.outbox import Item, Lane, decode_item, encode_item
from backchannel.room.facts import (
    AnyFact,
    MessageRetracted,
    MessageSent,
    decode_facts,
    encode_facts,
    without_words,
)
from backchannel.room.keys import SeatKeys
from backchannel.room.records import load_view, note_view
from backchannel.room.view import RoomView
from backchannel.store.profile import Profile, Write
from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.operations import Operation, encode_operation

Gone = Literal["retracted", "expired"]

ROOM = b"room "
"""How what is kept of a room begins, in the profile's table of rooms; a knock's begins otherwise."""

_NOTE = "note/"
_COUNTERS = "counters"
_STOPPED = "stopped"

PARTY_RULE: Final = "party-rule"
"""Notes: the admission rule `party` was wished; it is set as soon as each party has a facilitator."""

FAILED: Final = "failed/"
"""Notes: what will not be sent, by its place in the outbox."""


class About(msgspec.Struct, array_like=True, frozen=True):
    """What is kept of a room beside its records: where it is, and the seat's keys."""

    server_url: str
    record_key: bytes
    keys: bytes


class Counters(msgspec.Struct, array_like=True, frozen=True):
    """The last place in the outbox, and the last intents, that were given away."""

    place: int = 0
    chat: int = 0
    governance: int = 0
    upload: int = 0


class Failure(msgspec.Struct, array_like=True, frozen=True):
    """What will not be sent, kept so that nobody's words are lost."""

    item: Item
    code: str
    sentence: str
    time: int


@dataclass(slots=True)
class Change:
    """What one transaction changes. `view` or `about` None: it stays.

    expired  messages, by id, whose text goes
    drop_parts  where the parts of attachments stand that are not needed any more
    erase    nothing of what goes may be found in the file afterwards
    """

    view: RoomView | None = None
    about: About | None = field(default=None, repr=False)
    items: list[Item] = field(default_factory=list)
    drop_items: set[int] = field(default_factory=set)
    notes: dict[str, bytes] = field(default_factory=dict, repr=False)
    drop_notes: set[str] = field(default_factory=set)
    facts: list[AnyFact] = field(default_factory=list)
    notices: list[AnyFact] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)
    drop_parts: list[range] = field(default_factory=list)
    erase: bool = False

    def without_text(self) -> dict[str, Gone]:
        """The messages whose text goes, and why."""
        taken: dict[str, Gone] = dict.fromkeys(self.expired, "expired")
        for fact in self.facts:
            if isinstance(fact, MessageRetracted):
                taken[fact.message] = "retracted"
        return taken


class Ledger:
    """One room's view, outbox, notes and timeline, in memory as on disk."""

    def __init__(
        self,
        profile: Profile,
        about: About,
        view: RoomView,
        items: Mapping[int, Item],
        notes: Mapping[str, bytes],
        timeline: Mapping[int, list[AnyFact]],
    ) -> None:
        self.lock = asyncio.Lock()
        self.changed = asyncio.Condition()
        self.about = about
        self.keys = SeatKeys.decode(about.keys)
        self.view = view
        self.items = dict(items)
        self.notes = dict(notes)
        self.facts = [fact for facts in timeline.values() for fact in facts]
        self.uploaded: dict[int, Item] = {}
        """What became of messages with attachments, by the number of the upload; of this run alone."""
        self._profile = profile
        self._rows = dict(timeline)
        self._places = {fact.id: at for at, fact in enumerate(self.facts) if isinstance(fact, MessageSent)}

    # ---- making and loading
    @classmethod
    async def create(
        cls,
        profile: Profile,
        about: About,
        view: RoomView,
        *,
        items: Iterable[Item] = (),
        facts: Sequence[AnyFact] = (),
        notes: Mapping[str, bytes] | None = None,
    ) -> Ledger:
        """A room that this profile did not have; `facts` and `notes` are those that it begins with."""
        waiting = {item.place: item for item in items}
        write = Write(room=ROOM + msgspec.msgpack.encode(about))
        note_view(write, None, view)
        write.outbox_put = {place: encode_item(item) for place, item in waiting.items()}
        last = max(waiting, default=0)
        counters = msgspec.msgpack.encode(Counters(place=last, governance=last))
        kept = {**(notes or {}), _COUNTERS: counters}
        write.put.update({_NOTE + name: value for name, value in kept.items()})
        timeline = {view.seq: list(facts)} if facts else {}
        write.timeline = {seq: encode_facts(row) for seq, row in timeline.items()}
        await profile.write(view.room, write)
        return cls(profile, about, view, waiting, kept, timeline)

    @classmethod
    async def load(cls, profile: Profile, room: bytes, about: bytes) -> Ledger:
        """A room as the profile has it."""
        records = await profile.records(room)
        items = await profile.outbox(room)
        timeline = await profile.timeline(room)
        notes = {name.removeprefix(_NOTE): value for name, value in records.items() if name.startswith(_NOTE)}
        return cls(
            profile,
            msgspec.msgpack.decode(about.removeprefix(ROOM), type=About),
            load_view(records),
            {place: decode_item(value) for place, value in items.items()},
            notes,
            {seq: decode_facts(value) for seq, value in timeline.items()},
        )

    # ---- what is asked
    @property
    def stopped(self) -> Stopped | None:
        """Why this room stopped, if it did."""
        if _STOPPED not in self.notes:
            return None
        code, sentence = msgspec.msgpack.decode(self.notes[_STOPPED], type=tuple[str, str])
        return Stopped(code, sentence)

    def author_of(self, message: str) -> str | None:
        """Who wrote a message; None where this client never had it."""
        found = self.message(message)
        return None if found is None else found.seat

    def message(self, id_: str) -> MessageSent | None:
        """A message by its id."""
        at = self._places.get(id_)
        found = None if at is None else self.facts[at]
        return found if isinstance(found, MessageSent) else None

    def own_message(self, number: int) -> MessageSent | None:
        """The own message of an intent, once it is in the log."""
        own = self.view.own
        for fact in reversed(self.facts):
            if isinstance(fact, MessageSent) and fact.seat == own and fact.number == number:
                return fact
        return None

    def waiting(self) -> list[Item]:
        """What is to be sent, in order."""
        return [self.items[place] for place in sorted(self.items)]

    # ---- changing
    async def store(self, change: Change) -> None:
        """One transaction, and then what it changed is seen. The caller holds `lock`."""
        gone = change.without_text()
        write = Write(erase=change.erase or bool(gone))
        if change.view is not None:
            note_view(write, self.view, change.view)
        if change.about is not None:
            write.room = ROOM + msgspec.msgpack.encode(change.about)
        write.outbox_put = {item.place: encode_item(item) for item in change.items}
        write.outbox_delete = set(change.drop_items)
        write.put.update({_NOTE + name: value for name, value in change.notes.items()})
        write.delete.update(_NOTE + name for name in change.drop_notes)
        write.parts_delete = list(change.drop_parts)
        rows = self._rows_after(change.facts, gone)
        write.timeline = {seq: encode_facts(facts) for seq, facts in rows.items()}
        await self._profile.write(self.view.room, write)
        self._adopt(change, rows, gone)
        async with self.changed:
            self.changed.notify_all()

    async def stop(self, reason: Stopped, change: Change) -> None:
        """Stops the room for good, with what was right until here."""
        change.notes[_STOPPED] = msgspec.msgpack.encode((reason.code, reason.sentence))
        await self.store(change)

    async def enqueue(
        self,
        lane: Lane,
        type_: str,
        body: JsonObject,
        operations: Iterable[Operation] = (),
        change: Change | None = None,
    ) -> Item:
        """A new intent, on disk when this returns, with a change beside it. The caller holds `lock`."""
        last = self.counters()
        chat, governance = last.chat + (lane == "chat"), last.governance + (lane == "governance")
        counters = Counters(last.place + 1, chat, governance, last.upload)
        item = Item(
            place=counters.place,
            lane=lane,
            type=type_,
            body=jcs(body),
            number=chat if lane == "chat" else governance,
            operations=tuple(encode_operation(one) for one in operations),
        )
        change = change or Change()
        change.items.append(item)
        change.notes[_COUNTERS] = msgspec.msgpack.encode(counters)
        await self.store(change)
        return item

    async def enqueue_plain(self, item: Item) -> None:
        """An item that has no envelope: a commit, or an operation alone. The caller holds `lock`."""
        last = self.counters()
        counters = msgspec.structs.replace(last, place=last.place + 1)
        placed = msgspec.structs.replace(item, place=counters.place)
        await self.store(Change(items=[placed], notes={_COUNTERS: msgspec.msgpack.encode(counters)}))

    # ---- parts of attachments
    async def keep_parts(self, parts: dict[int, bytes]) -> None:
        """On disk when this returns; a note that names them follows."""
        await self._profile.write(self.view.room, Write(parts=parts))

    async def part(self, place: int) -> bytes | None:
        """A part; None where it is not needed any more."""
        return await self._profile.part(self.view.room, place)

    async def part_places(self) -> list[int]:
        """Where parts stand."""
        return await self._profile.part_places(self.view.room)

    async def count_upload(self, number: int, change: Change) -> None:
        """A change with which an upload takes its number. The caller holds `lock`."""
        counters = msgspec.structs.replace(self.counters(), upload=number)
        change.notes[_COUNTERS] = msgspec.msgpack.encode(counters)
        await self.store(change)

    def failure(self, place: int) -> Failure | None:
        """Why an item will not be sent, where that is so."""
        note = self.notes.get(f"{FAILED}{place}")
        return None if note is None else msgspec.msgpack.decode(note, type=Failure)

    def counters(self) -> Counters:
        """What was given away last."""
        return msgspec.msgpack.decode(self.notes[_COUNTERS], type=Counters)

    def _rows_after(self, facts: Iterable[AnyFact], gone: Mapping[str, Gone]) -> dict[int, list[AnyFact]]:
        """The timeline's rows that change; a message whose text goes keeps its place."""
        rows: dict[int, list[AnyFact]] = {}
        for fact in facts:
            rows.setdefault(fact.seq, list(self._rows.get(fact.seq, ()))).append(fact)
        for id_ in gone:
            known = self.message(id_)
            if known is not None:
                rows[known.seq] = rows.get(known.seq) or self._rows[known.seq]
        return {seq: [_without_text(fact, gone) for fact in row] for seq, row in rows.items()}

    def _adopt(self, change: Change, rows: Mapping[int, list[AnyFact]], gone: Mapping[str, Gone]) -> None:
        if change.view is not None:
            self.view = change.view
        if change.about is not None:
            self.about, self.keys = change.about, SeatKeys.decode(change.about.keys)
        self.items.update({item.place: item for item in change.items})
        for place in change.drop_items:
            self.items.pop(place, None)
        self.notes.update(change.notes)
        for name in change.drop_notes - change.notes.keys():
            self.notes.pop(name, None)
        self._rows.update(rows)
        for fact in [*change.facts, *change.notices]:
            if isinstance(fact, MessageSent):
                self._places[fact.id] = len(self.facts)
            self.facts.append(fact)
        for id_ in gone.keys() & self._places.keys():
            at = self._places[id_]
            self.facts[at] = _without_text(self.facts[at], gone)


def _without_text(fact: AnyFact, gone: Mapping[str, Gone]) -> AnyFact:
    if isinstance(fact, MessageSent) and fact.id in gone and fact.text is not None:
        return without_words(fact, gone[fact.id])
    return fact
