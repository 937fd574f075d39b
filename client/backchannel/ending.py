"""The end of a closed room on this device: its keys go, what was said stays (PROTOCOL.md, section 9).

Keys that open nothing take the place of the room's, so that what is kept has the shape that it had.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from backchannel.attachments import UNBLOB, uploads_of
from backchannel.facilitation.knocks import KNOCK
from backchannel.inbox import INBOX, INVITE, LETTER, OLD, given_up
from backchannel.ledger import Change, Ledger
from backchannel.room.facts import RoomEnded, RoomGoverned
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from backchannel.room.view import Presence, RoomView
from backchannel.uploads import fail_upload
from backchannel_mls import create_group
from backchannel_protocol.refusals import Code

ENDING_S: Final = 7 * 24 * 3600
"""How long who has disclosed waits for the others."""

GONE_S: Final = 30 * 24 * 3600
"""After how long the server has nothing of a closed room any more."""

_SPENT: Final = (INVITE, KNOCK, LETTER, OLD, INBOX, UNBLOB)


async def end_room(ledger: Ledger, now: int) -> bool:
    """Erases the keys of a room that is over; whether it did so now."""
    async with ledger.lock:
        if not is_over(ledger, now):
            return False
        await ledger.store(_ended(ledger, now))
        return True


def is_over(ledger: Ledger, now: int) -> bool:
    """Whether nothing is left to do with the keys."""
    view, state = ledger.view, ledger.view.state
    if state is None or state.closed is None or view.presence is not Presence.PRESENT:
        return False
    age = now - _closed_at(ledger)
    if age >= GONE_S:
        return True
    return view.own in state.disclosed and (not _silent(view) or age >= ENDING_S)


def _silent(view: RoomView) -> list[str]:
    """The names of those who have not disclosed."""
    assert view.state is not None
    return [seat.name for id_, seat in view.state.seats.items() if id_ not in view.state.disclosed]


def _closed_at(ledger: Ledger) -> int:
    """When the room was closed; a joiner's first fact is older than that."""
    closings = (fact for fact in ledger.facts if isinstance(fact, RoomGoverned) and fact.type == "close")
    return next((fact.time for fact in closings), ledger.view.time)


def _ended(ledger: Ledger, now: int) -> Change:
    view = ledger.view
    keys = replace(SeatKeys.generate(ledger.keys.suite), seat=ledger.keys.seat)
    blank = create_group(keys.identity(), group_id=view.room, now_s=now, settings=SETTINGS)
    silent = tuple(_silent(view))
    sentence = "The keys of this room are erased from this device. What was said stays here until it is over"
    sentence += ", or until you forget the room."
    if silent:
        sentence += f" Not disclosed by {', '.join(silent)}: what they wrote can still be shown to be theirs."
    fact = RoomEnded(seq=view.seq, time=view.time, seat=view.own, missing=silent, sentence=sentence)
    change = Change(
        view=replace(view, mls=blank, previous=(), presence=Presence.ENDED),
        about=msgspec.structs.replace(ledger.about, keys=keys.encode()),
        drop_items=set(ledger.items),
        drop_notes={name for name in ledger.notes if name.startswith(_SPENT)},
        facts=[fact],
        erase=True,
    )
    for upload in uploads_of(ledger.notes):
        fail_upload(change, ledger, upload, Code.ROOM_CLOSED.value, Code.ROOM_CLOSED.sentence)
    for item in ledger.waiting():
        if item.type == "message":  # words that came too late are kept for their author
            unsent = msgspec.structs.replace(item, attempts=(), submit=None)
            given_up(change, view, unsent, Code.ROOM_CLOSED.value, Code.ROOM_CLOSED.sentence)
    change.notes = {name: note for name, note in change.notes.items() if not name.startswith(UNBLOB)}
    return change
