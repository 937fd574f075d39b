"""A hostile member: the keys, the view and the connection of a member, and a program that says what it likes.

It follows the room as everybody does, so that what is right in a forgery is right; what is wrong
is what the attack is about.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec

from attack.forge import ForgedCommit
from attack.rooms.intruder import attached, put, said_next
from attack.rooms.stage import Seated
from backchannel import CommitSkipped, CommitVoided, EventIgnored, OperationUnfit
from backchannel.room.engine import OwnEvent, prepare
from backchannel.room.keys import SeatKeys
from backchannel.room.leaves import governance_entry, leaf_of, operation_entry
from backchannel.room.view import RoomView
from backchannel_mls import PendingCommit, create_commit, encrypt
from backchannel_protocol.canonical import JsonObject, digest
from backchannel_protocol.envelope import Envelope, View, padding_class
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Events, Refused, Submit
from backchannel_protocol.operations import Operation, encode_operation
from client.people import WAIT_S
from server.server_kit import Line, Seat

EXPOSURE: JsonObject = {"audience": "room", "quotable": "no", "until": 0}


@dataclass
class Insider:
    """`chat` and `governance` are the intents that it used last."""

    url: str
    keys: SeatKeys
    view: RoomView
    line: Line
    chat: int
    governance: int
    sent: dict[bytes, OwnEvent] = field(default_factory=dict)

    # ---- what it says
    def envelope(
        self,
        type_: str,
        body: JsonObject,
        kind: EventKind,
        *,
        intent: int | None = None,
        says: View | None = None,
    ) -> Envelope:
        if intent is None:
            self.chat += kind is EventKind.CHAT
            self.governance += kind is EventKind.GOVERNANCE
            intent = self.chat if kind is EventKind.CHAT else self.governance
        return Envelope(type_, body, intent, says or self.view.here())

    def encrypted(self, data: bytes, kind: EventKind) -> Draft:
        """Anything, encrypted as a member's."""
        sent = encrypt(self.view.mls, data, padding=padding_class(len(data)))
        self.view = replace(self.view, mls=sent.state)
        return self.draft(kind, sent.message)

    def write(self, type_: str, body: JsonObject, kind: EventKind, **how: object) -> Draft:
        """An envelope, with the leaf that it has to have."""
        envelope = self.envelope(type_, body, kind, **how)  # type: ignore[arg-type] # its own words
        made = self.encrypted(envelope.encode(), kind)
        governs = kind is EventKind.GOVERNANCE
        entry = governance_entry(self.view.mls, self.view.room, made.id, envelope, self.view.seat)
        return self.with_leaf(made, leaf_of(entry) if governs else None, envelope)

    def with_leaf(self, draft: Draft, leaf: bytes | None, envelope: Envelope | None = None) -> Draft:
        """The draft beside another leaf."""
        self.sent[draft.id] = OwnEvent(digest(draft.body), envelope, leaf=leaf)
        return msgspec.structs.replace(draft, leaf=leaf)

    def message(self, text: str, **how: object) -> Draft:
        return self.write("message", {"text": text, "exposure": EXPOSURE}, EventKind.CHAT, **how)

    def govern(self, type_: str, body: JsonObject, **how: object) -> Draft:
        return self.write(type_, body, EventKind.GOVERNANCE, **how)

    def operate(self, operation: Operation) -> Draft:
        made = self.draft(EventKind.CONTROL, encode_operation(operation))
        entry = operation_entry(self.view.mls, self.view.room, made.id, operation)
        return self.with_leaf(made, leaf_of(entry))

    def draft(self, kind: EventKind, body: bytes) -> Draft:
        made = Draft(os.urandom(16), kind, self.view.epoch, self.view.opening, body)
        self.sent.setdefault(made.id, OwnEvent(digest(body)))
        return made

    def said_in_clear(self) -> bytes:
        """What an honest commit carries as its authenticated_data."""
        return self.view.here().authenticated_data(self.view.state_key())

    def commit(self, **how: object) -> tuple[Draft, PendingCommit]:
        """A commit that MLS finds nothing wrong with; nobody asked whether it may be made."""
        options: dict[str, object] = {
            "authenticated_data": self.said_in_clear(),
            "tree_in_welcome": False,
            "padding": 256,
            "now_s": int(time.time()),
            **how,
        }
        pending = create_commit(self.view.mls, **options)  # type: ignore[arg-type] # create_commit's own
        return self.draft(EventKind.COMMIT, pending.message), pending

    def forged(self, commit: ForgedCommit) -> Draft:
        return self.draft(EventKind.COMMIT, commit.message)

    # ---- how it says it
    async def ask(self, *drafts: Draft) -> str:
        """The code of a refusal; "taken"."""
        await put(self.line, Submit(list(drafts)))
        answer = await said_next(self.line, Ack, Refused)
        return "taken" if isinstance(answer, Ack) else answer.code  # type: ignore[union-attr] # Refused or Bye

    async def submit(self, *drafts: Draft) -> None:
        """What the server has to take: it cannot judge it."""
        answer = await self.ask(*drafts)
        assert answer == "taken", f"the server itself refuses it: {answer}"

    async def follow(self, seq: int) -> None:
        """Reads the room's log up to there, as everybody does."""
        while self.view.seq < seq:
            frame = await said_next(self.line, Events)
            assert isinstance(frame, Events), frame
            for event in frame.events:
                if event.seq > self.view.seq:
                    own = self.sent.get(event.id)
                    self.view = prepare(self.view, event, own, lambda _: None).view


@asynccontextmanager
async def insider(one: Seated, url: str) -> AsyncIterator[Insider]:
    """Somebody's seat, from now on in the hands of a program of its own."""
    ledger = one.room.ledger
    await one.client.end()
    counters, view = ledger.counters(), ledger.view
    seat = Seat(view.room, view.seat, ledger.keys.seat_key)
    async with attached(url, seat, view.seq) as line:
        yield Insider(url, ledger.keys, view, line, counters.chat, counters.governance)


async def quiet(*people: Seated) -> None:
    """Until nobody has anything to say, and all of these have the same log."""
    async with asyncio.timeout(WAIT_S):
        while not is_quiet(people):  # noqa: ASYNC110 - several rooms, no one event
            await asyncio.sleep(0.02)


def is_quiet(people: Sequence[Seated]) -> bool:
    waiting = any(one.room.ledger.items for one in people)
    return not waiting and len({one.room.ledger.view.chain for one in people}) == 1


# ---- what the honest were told
def ignored(one: Seated, by: str) -> list[str]:
    """The codes of what is told of somebody's events that do not count, or do not fit the room."""
    told = (fact for fact in one.room.history() if isinstance(fact, EventIgnored | OperationUnfit))
    return [fact.code for fact in told if fact.seat == by]


def skipped(one: Seated) -> list[str]:
    """The codes of what commits were skipped for."""
    return [fact.code for fact in one.room.history() if isinstance(fact, CommitSkipped)]


def voided(one: Seated) -> int:
    return sum(isinstance(fact, CommitVoided) for fact in one.room.history())
