"""When what was said is over, and how it leaves this device (PROTOCOL.md, sections 3 and 7).

A message's time is over with its own `until`, with the room's retention, or, where the room says
"after reading", when everybody who had it has seen it. Then its text goes: from what is shown at
once, from the profile's file with the next sweep.
"""

from __future__ import annotations

from typing import Final

import msgspec

from backchannel.attachments import attachments_in, unneeded, uploads_of
from backchannel.inbox import OLD, given_up
from backchannel.ledger import FAILED, Change, Failure, Ledger
from backchannel.outbox import Item, decode_item, encode_item
from backchannel.room.facts import AnyFact, MessageExpired, MessageSent, without_words
from backchannel.room.view import RoomView
from backchannel.uploads import drop_strays, fail_upload, item_of
from backchannel_protocol.limits import AFTER_READING_BLOB_S
from backchannel_protocol.room.state import Role
from backchannel_protocol.room.timeline import Message

SWEEP_S: Final = 30.0
"""How long a text may stay in the file after its time, while the profile is open."""

_NO_BODY: Final = b"{}"
_TOO_LATE: Final = (
    "until-over",
    "The time until which it may be read was over before it could be sent. Write it again.",
)


def is_over(view: RoomView, message: MessageSent, now: int) -> bool:
    """Whether a message's time is over; `now` in seconds."""
    until, state = message.exposure.until, view.state
    if until and now >= until:
        return True
    if state is None:
        return False
    if state.retention.seconds and now >= message.time + state.retention.seconds:
        return True
    if message.attachments and now < message.time + AFTER_READING_BLOB_S:
        return False  # to read it is not yet to fetch them
    return state.retention.after_reading and _is_read(view, message)


def shown(view: RoomView, fact: AnyFact, now: int) -> AnyFact:
    """A fact as it is shown now: without the text whose time is over."""
    if isinstance(fact, MessageSent) and fact.text is not None and is_over(view, fact, now):
        return without_words(fact, "expired")
    return fact


async def sweep(ledger: Ledger, now: int) -> None:
    """Takes what is over from the profile: messages, and words that were never sent."""
    async with ledger.lock:
        change = _what_is_over(ledger, now)
        if change.expired or change.notes or change.drop_notes:
            change.erase = True
            await ledger.store(change)
    await drop_strays(ledger)


def _is_read(view: RoomView, message: MessageSent) -> bool:
    """Whether everybody who was there has seen it. Bots do not say what they have seen."""
    assert view.state is not None
    readers = [
        id_
        for id_, seat in view.state.seats.items()
        if id_ != message.seat and seat.since <= message.seq and seat.role is not Role.BOT
    ]
    return bool(readers) and all(view.seen.get(id_, 0) >= message.seq for id_ in readers)


def _what_is_over(ledger: Ledger, now: int) -> Change:
    view, change = ledger.view, Change()
    for fact in ledger.facts:
        if isinstance(fact, MessageSent) and fact.text is not None and is_over(view, fact, now):
            change.expired.add(fact.id)
            if fact.seat == view.own and fact.exposure.until:
                change.notes.update(unneeded(fact.attachments))
            change.notices.append(MessageExpired(seq=0, time=view.time, seat=fact.seat, message=fact.id))
    for item in ledger.waiting():
        if item.type == "message" and _until_of(item) and now >= _until_of(item):
            change.notes.update(unneeded(attachments_in(item.type, item.body)))
            given_up(change, view, _without_words(item), *_TOO_LATE)
    for upload in uploads_of(ledger.notes):
        if _until_of(item_of(upload)) and now >= _until_of(item_of(upload)):
            fail_upload(change, ledger, upload, *_TOO_LATE)
    _forget_failures(ledger, change, now)
    return change


def _forget_failures(ledger: Ledger, change: Change, now: int) -> None:
    """Words that will not be sent are kept for their author, and no longer than sent ones."""
    retention = 0 if ledger.view.state is None else ledger.view.state.retention.seconds
    over = set()
    for name, note in ledger.notes.items():
        if name.startswith(FAILED):
            failure = msgspec.msgpack.decode(note, type=Failure)
            until = _until_of(failure.item)
            if (until and now >= until) or (retention and now >= failure.time + retention):
                change.drop_notes.add(name)
                over.add(failure.item.place)
    for name, note in ledger.notes.items():
        if name.startswith(OLD) and over:
            item = decode_item(note)
            if item.place in over:
                change.notes[name] = encode_item(_without_words(item))


def _until_of(item: Item) -> int:
    """Of a message that was written here; 0 where it is for as long as the room says."""
    if item.type != "message" or item.body == _NO_BODY:
        return 0
    return msgspec.json.decode(item.body, type=Message).exposure.until


def _without_words(item: Item) -> Item:
    return msgspec.structs.replace(item, body=_NO_BODY)
