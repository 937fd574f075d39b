"""Incoming events: prepare, write, emit (PROTOCOL.md, section 8).

A batch is one transaction: view, timeline, what left the outbox, and the letter for whom an own
commit admitted. A crash before it forgets the batch and fetches it again; a crash after it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec

from backchannel.attachments import attachments_in, unneeded
from backchannel.errors import Stopped
from backchannel.ledger import FAILED, Change, Failure, Ledger
from backchannel.letters import ANSWER, admission, seal_answer
from backchannel.outbox import Attempt, Item, decode_item, encode_item, own_event
from backchannel.promises import promised_by
from backchannel.room.checks import check_promised
from backchannel.room.engine import OwnEvent, prepare
from backchannel.room.facts import AnyFact, MessageSent, RoomStopped, SeatJoined, SendFailed
from backchannel.room.scope import within_scope
from backchannel.room.view import Presence, RoomView
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import Mail
from backchannel_protocol.ids import b64u
from backchannel_protocol.invitation import Invitation
from backchannel_protocol.room.bodies import SetInbox

INVITE: Final = "invite/"
"""Notes: the fragment of a link that this client made, by mailbox."""

LETTER: Final = "letter/"
"""Notes: a letter that is sent at each attaching until its seat has written, by seat."""

LED: Final = "led/"
"""Notes: the seat that an invitation led in, by mailbox."""

INBOX: Final = "inbox/"
"""Notes: the private half of an inbox key that is not everybody's yet, by its public half."""

RECORD: Final = "record/"
"""Notes: what a leaf of the record commits to (`record.entry.Entry`), by its index."""

PATH: Final = "path"
"""Notes: when this seat renewed its keys last, in seconds."""

OLD: Final = "old/"
"""Notes: an item with ciphertexts of it that are over, by the id of each of their events."""


class Pending(msgspec.Struct, array_like=True, frozen=True):
    """A letter to be sent, in one piece or in parts."""

    mailbox: bytes
    step: int
    sealed: list[bytes]

    def encode(self) -> bytes:
        """For storage."""
        return msgspec.msgpack.encode(self)

    def mail(self) -> list[Mail]:
        """As it travels."""
        return [Mail(self.mailbox, self.step, sealed) for sealed in self.sealed]


async def take(ledger: Ledger, events: Sequence[LogEvent]) -> None:
    """Takes events in the order of the log. Raises Stopped, when everything before it is stored."""
    async with ledger.lock:
        if ledger.stopped is not None or ledger.view.presence is not Presence.PRESENT:
            return
        batch = _Batch(ledger)
        witness = ledger.view.own
        try:
            for event in events:
                if event.seq > batch.view.seq and batch.view.presence is Presence.PRESENT:
                    witness = b64u(event.seat)
                    batch.add(event)
        except Stopped as reason:
            fact = RoomStopped(
                seq=0, time=batch.view.time, seat=witness, code=reason.code, sentence=reason.sentence
            )
            batch.change.notices.append(fact)
            await ledger.stop(reason, batch.change)
            raise
        if batch.change.view is not None:
            await ledger.store(batch.change)


class _Batch:
    """Events prepared one after another, not stored yet."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._items = dict(ledger.items)
        self._said: dict[str, str] = {}
        self._promised = promised_by(ledger)
        self.view = ledger.view
        self.change = Change()

    def add(self, event: LogEvent) -> None:
        """One event more. Raises Stopped, and then the batch is as before."""
        found = self._own(event) if event.seat == self.view.seat else None
        own = None if found is None else found[2]
        before = self.view
        prepared = prepare(before, event, own, self._author_of)
        check_promised(prepared.view, self._promised)
        if prepared.entry is not None:
            self.change.notes[f"{RECORD}{before.record.size}"] = msgspec.msgpack.encode(prepared.entry)
        self.view = self.change.view = prepared.view
        facts = within_scope(self.view, prepared.facts, self._author_of)
        self.change.facts += facts
        self._said.update({fact.id: fact.seat for fact in facts if isinstance(fact, MessageSent)})
        self._note_led(before, prepared.facts)
        if found is not None:
            self._settle(event, found[0], found[1], prepared.facts)
        else:
            self._heard(event)

    def _own(self, event: LogEvent) -> tuple[Item, Attempt, OwnEvent] | None:
        found = own_event(self._items.values(), event.id)
        if found is not None:
            return found
        name = OLD + b64u(event.id)
        kept = self.change.notes.get(name) or self._ledger.notes.get(name)  # of this batch, or stored
        return None if kept is None else own_event([decode_item(kept)], event.id)

    def _author_of(self, message: str) -> str | None:
        return self._said.get(message) or self._ledger.author_of(message)

    def _settle(self, event: LogEvent, item: Item, attempt: Attempt, facts: Sequence[AnyFact]) -> None:
        """An own event is in the log; with the last of its Submit the item is done."""
        if event.kind is EventKind.COMMIT and attempt.change is not None and attempt.change.renewed:
            self.change.notes[PATH] = b"%d" % event.time
        if event.kind is EventKind.COMMIT and any(isinstance(fact, SeatJoined) for fact in facts):
            self._admit(item, attempt)
        if item.type == "inbox":
            self._rotate(item)
        if event.id != attempt.drafts[-1].id or item.place not in self._items:
            return
        del self._items[item.place]
        self.change.drop_items.add(item.place)
        others = [one for one in item.attempts if one is not attempt]
        # of chat that counted, a doubling is known by its number: its words need not be kept
        kept = msgspec.structs.replace(item, body=b"{}") if item.lane == "chat" else item
        self.change.notes.update(old_notes(kept, others))

    def _rotate(self, item: Item) -> None:
        """The own inbox key is the new one for all: the old one goes."""
        public = msgspec.json.decode(item.body, type=SetInbox).inbox
        private = self._ledger.notes.get(INBOX + public)
        own = None if self.view.state is None else self.view.state.seats.get(self.view.own)
        if private is not None and own is not None and own.keys.inbox == public:
            keys = replace(self._ledger.keys, inbox_key=private)
            self.change.about = msgspec.structs.replace(self._ledger.about, keys=keys.encode())
            self.change.drop_notes.add(INBOX + public)
            self.change.erase = True

    def _note_led(self, before: RoomView, facts: Sequence[AnyFact]) -> None:
        """Which invitation led in who came in."""
        came = {fact.joined for fact in facts if isinstance(fact, SeatJoined)}
        if not came or before.state is None:
            return
        for approval in before.state.approvals.values():
            if approval.act.act == "add" and approval.act.seat in came:
                self.change.notes[f"{LED}{approval.act.mailbox}"] = str(approval.act.seat).encode()

    def _admit(self, item: Item, attempt: Attempt) -> None:
        """The letter with the Welcome, for the seat that the commit at hand added."""
        if item.plan is None:
            return
        fragment = self._ledger.notes.get(INVITE + b64u(item.plan.mailbox))
        if fragment is None:
            return
        invitation = Invitation.parse_fragment(fragment.decode())
        answer = admission(self.view, attempt.welcome, attempt.tree)
        pending = Pending(invitation.mailbox, ANSWER, seal_answer(invitation, answer))
        self.change.notes[LETTER + item.plan.seat] = pending.encode()

    def _heard(self, event: LogEvent) -> None:
        """Who writes has come in: its letter is not needed any more."""
        name = LETTER + b64u(event.seat)
        if name in self._ledger.notes:
            self.change.drop_notes.add(name)


def given_up(change: Change, view: RoomView, item: Item, code: str, sentence: str) -> None:
    """Adds that an item will not be sent. What people wrote is kept, and they are told."""
    change.drop_items.add(item.place)
    if item.type:
        change.notes.update(old_notes(item, item.attempts))
        change.notes.update(unneeded(attachments_in(item.type, item.body)))
        failure = Failure(item, code, sentence, view.time)
        change.notes[f"{FAILED}{item.place}"] = msgspec.msgpack.encode(failure)
        change.notices.append(
            SendFailed(seq=0, time=view.time, seat=view.own, place=item.place, code=code, sentence=sentence)
        )


def old_notes(item: Item, attempts: Sequence[Attempt]) -> dict[str, bytes]:
    """Notes of ciphertexts that are over: a server that writes one all the same doubles nothing."""
    kept = encode_item(msgspec.structs.replace(item, attempts=tuple(attempts), submit=None))
    return {OLD + b64u(draft.id): kept for one in attempts for draft in one.drafts}
