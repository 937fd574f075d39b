"""The checker: what clients intended and were told, against all histories and the server's database.

In the manner of Jepsen: the storm runs first, with whatever dies in it; when all is quiet the
evidence is gathered, and `check` names every fault in it. Everything here is pure. The chain is
computed from PROTOCOL.md section 3 once more, on purpose: the code that is checked computes it too.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from backchannel import (
    CommitSkipped,
    CommitVoided,
    EventIgnored,
    KnockArrived,
    MessageSent,
    RoomStopped,
    SendFailed,
)
from backchannel.room.facts import AnyFact
from backchannel_protocol.ids import b64u

CHAT: Final = 1
COMMIT: Final = 3
_CHAIN_LABEL: Final = b"backchannel v1 chain"


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the server's database has it. `first`: the first event of the same Submit."""

    seq: int
    first: int
    time: int
    seat: bytes
    kind: int
    id: bytes
    epoch: int
    body: bytes | None
    body_hash: bytes
    leaf: bytes | None


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wanted to say, written down before it was sent.

    saved  `send` returned: the client promised that it goes out
    sent   `sent()` returned: seq and id of the message in the log
    """

    text: str
    saved: bool = False
    sent: tuple[int, str] | None = None


class Heard(NamedTuple):
    """A message that a client showed to its program: it may never be another one."""

    seq: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """One seat's profile, read when all is quiet, with what its program wrote down before.

    begin, seq  the history covers the events after `begin`, up to `seq`
    chain       the client's chain at `seq`
    waiting     how many items its outbox holds
    """

    name: str
    seat: str
    begin: int
    seq: int
    chain: bytes
    state_hash: bytes
    present: bool
    waiting: int
    facts: tuple[AnyFact, ...]
    intents: tuple[Intent, ...] = ()
    heard: tuple[Heard, ...] = ()

    def messages(self) -> list[MessageSent]:
        """What was said, in order."""
        return [fact for fact in self.facts if isinstance(fact, MessageSent)]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All of one room. `acks`: what the server was seen to acknowledge on the wire: id, seq and time.

    `guests`: what those wanted to say whose profiles cannot be read here, by their seats.
    """

    room: bytes
    rows: tuple[Row, ...]
    floors: Mapping[str, int]
    members: tuple[Member, ...]
    acks: tuple[tuple[bytes, int, int], ...] = ()
    guests: Mapping[str, tuple[Intent, ...]] = field(default_factory=dict)


class Fault(NamedTuple):
    """What is wrong: a code, and where."""

    code: str
    where: str


def check(evidence: Evidence) -> list[Fault]:
    """Every fault; an empty list is what a test wants."""
    return [fault for one in _CHECKS for fault in one(evidence)]


# ---- the log
def chain_of(room: bytes, rows: Iterable[Row]) -> list[bytes]:
    """h(0) to h(n), as PROTOCOL.md section 3 says."""
    label = _vector(_CHAIN_LABEL)
    links = [hashlib.sha256(label + room).digest()]
    for row in rows:
        place = row.seq.to_bytes(8, "big") + row.time.to_bytes(8, "big")
        what = row.seat + row.kind.to_bytes(1, "big") + row.id + row.epoch.to_bytes(8, "big")
        content = label + links[-1] + place + what + _vector(row.leaf or b"") + row.body_hash
        links.append(hashlib.sha256(content).digest())
    return links


def _vector(value: bytes) -> bytes:
    assert len(value) < 64, "one byte of length is all that the chain needs"
    return bytes([len(value)]) + value


def _log(evidence: Evidence) -> Iterator[Fault]:
    rows = evidence.rows
    if [row.seq for row in rows] != list(range(1, len(rows) + 1)):
        yield Fault("log-gap", "the database's seqs are not 1, 2, 3 and so on")
    for id_, times in Counter(row.id for row in rows).items():
        if times > 1:
            yield Fault("log-doubled", f"{id_.hex()} stands {times} times in the database")
    for earlier, later in pairwise(rows):
        if later.time < earlier.time:
            yield Fault("log-time", f"time goes back at {later.seq}")
    for row in rows:
        if row.body is not None and hashlib.sha256(row.body).digest() != row.body_hash:
            yield Fault("log-hash", f"body and hash of {row.seq} differ")


def _acks(evidence: Evidence) -> Iterator[Fault]:
    """What was acknowledged is in the database, where it was said to be."""
    stored = {row.id: (row.seq, row.time) for row in evidence.rows}
    for id_, seq, time in evidence.acks:
        if id_ not in stored:
            yield Fault("ack-lost", f"{id_.hex()} was acknowledged at {seq} and is gone")
        elif stored[id_] != (seq, time):
            yield Fault("ack-moved", f"{id_.hex()} was acknowledged at {seq} and is at {stored[id_][0]}")


# ---- each history against the log
def _chains(evidence: Evidence) -> Iterator[Fault]:
    links = chain_of(evidence.room, evidence.rows)
    for member in evidence.members:
        if member.seq >= len(links):
            yield Fault("ahead", f"{member.name} has {member.seq} events of {len(links) - 1}")
        elif member.chain != links[member.seq]:
            yield Fault("chain", f"{member.name} has another chain at {member.seq}")


def _reach(evidence: Evidence) -> Iterator[Fault]:
    """Who is present has the whole log from its floor on, and nothing left to send."""
    head = len(evidence.rows)
    commits = {row.seq: row.first for row in evidence.rows if row.kind == COMMIT}
    for member in evidence.members:
        if member.present and member.seq != head:
            yield Fault("behind", f"{member.name} is at {member.seq} of {head}")
        if member.present and member.waiting:
            yield Fault("outbox", f"{member.name} has {member.waiting} waiting")
        floor = evidence.floors.get(member.seat)
        if floor is None:
            yield Fault("seat", f"the server does not know {member.name}")
        elif member.begin and floor != commits.get(member.begin, 0):
            yield Fault("floor", f"{member.name} begins at {member.begin}, the server at {floor}")


def _order(evidence: Evidence) -> Iterator[Fault]:
    """A history is in the log's order, within what its client had."""
    for member in evidence.members:
        seqs = [fact.seq for fact in _of_the_log(member) if fact.seq]
        if any(later < earlier for earlier, later in pairwise(seqs)):
            yield Fault("order", f"{member.name}'s history is not in the log's order")
        if any(not member.begin < seq <= member.seq for seq in seqs):
            yield Fault("range", f"{member.name} shows what is outside its log")


def _of_the_log(member: Member) -> tuple[AnyFact, ...]:
    """A joiner's first fact may tell of its own coming in, which is before what it has of the log."""
    first = member.facts[:1]
    if first and first[0].seq == member.begin and not isinstance(first[0], MessageSent):
        return member.facts[1:]
    return member.facts


def _whole(evidence: Evidence) -> Iterator[Fault]:
    """Each chat event is one fact of each history that covers it, with its id and its author."""
    chat = {row.seq: row for row in evidence.rows if row.kind == CHAT}
    for member in evidence.members:
        shown = Counter(fact.seq for fact in member.facts if fact.seq in chat)
        for seq in chat:
            if member.begin < seq <= member.seq and shown[seq] != 1:
                code = "gap" if not shown[seq] else "doubled"
                yield Fault(code, f"{member.name} shows event {seq} {shown[seq]} times")
        for message in member.messages():
            row = chat.get(message.seq)
            if row is None or (b64u(row.id), b64u(row.seat)) != (message.id, message.seat):
                yield Fault("stranger", f"{member.name} shows a message at {message.seq} that is not there")


def _broken(evidence: Evidence) -> Iterator[Fault]:
    """Nothing was unreadable, nothing was skipped, nothing stopped, nothing was given up."""
    for member in evidence.members:
        for fact in member.facts:
            if isinstance(fact, EventIgnored) and not may_be_ignored(fact):
                yield Fault("ignored", f"{member.name} at {fact.seq}: {fact.type} {fact.code}")
            elif isinstance(fact, CommitSkipped | CommitVoided | RoomStopped):
                yield Fault("broken", f"{member.name} at {fact.seq}: {fact}")
            elif isinstance(fact, SendFailed):
                yield Fault("given-up", f"{member.name}: {fact.code}")


def may_be_ignored(fact: EventIgnored) -> bool:
    """Two people who do the same at once, or one who does it again after a crash: the second is in vain."""
    return (fact.type, fact.code) in {
        ("approve", "approval-unfit"),
        ("approve", "invitation-unknown"),
        ("approve", "seat-unknown"),
        ("admission", "version-stale"),
        ("revoke", "invitation-unknown"),
        ("leave", "seat-unknown"),
    }


def _alike(evidence: Evidence) -> Iterator[Fault]:
    """Two histories that cover an event say the same of it; who is present has the same state.

    But for knocks, which are shown to facilitators alone.
    """
    said: dict[int, tuple[str, list[AnyFact]]] = {}
    for member in evidence.members:
        facts: dict[int, list[AnyFact]] = {}
        for fact in member.facts:
            if not isinstance(fact, KnockArrived):
                facts.setdefault(fact.seq, []).append(fact)
        for seq in range(member.begin + 1, member.seq + 1):
            name, known = said.setdefault(seq, (member.name, facts.get(seq, [])))
            if known != facts.get(seq, []):
                yield Fault("differs", f"{name} and {member.name} show another event {seq}")
    if len({member.state_hash for member in evidence.members if member.present}) > 1:
        yield Fault("state", "those who are present have computed different rooms")


# ---- each history against what was intended
def _kept(evidence: Evidence) -> Iterator[Fault]:
    """What was promised stands exactly once in the history of everybody who was there."""
    for author in evidence.members:
        own = {message.text: message for message in author.messages() if message.seat == author.seat}
        for intent in author.intents:
            message = own.get(intent.text)
            if intent.sent is not None and (message is None or (message.seq, message.id) != intent.sent):
                yield Fault("acknowledged-lost", f"{author.name} was told of {intent.text!r}")
            elif intent.saved and message is None and author.present:
                yield Fault("promised-lost", f"{author.name}'s {intent.text!r} never came")
            if message is not None:
                yield from _everywhere(evidence, author, message)


def _guests(evidence: Evidence) -> Iterator[Fault]:
    """What a guest was told is sent is with everybody who was there, once."""
    for seat, intents in evidence.guests.items():
        for member in evidence.members:
            said = Counter(message.text for message in member.messages() if message.seat == seat)
            for intent in intents:
                if said[intent.text] > 1:
                    yield Fault("message-doubled", f"{member.name} has a guest's {intent.text!r} twice")
                elif intent.saved and not said[intent.text] and not member.begin:
                    yield Fault("message-lost", f"{member.name} has not a guest's {intent.text!r}")


def _everywhere(evidence: Evidence, author: Member, message: MessageSent) -> Iterator[Fault]:
    for member in evidence.members:
        times = sum(
            one.seat == author.seat and one.number == message.number and one.text == message.text
            for one in member.messages()
        )
        covers = member.begin < message.seq <= member.seq
        if times != int(covers):
            code = "message-doubled" if times > 1 else "message-lost"
            yield Fault(code, f"{member.name} has {message.text!r} {times} times")


def _intended(evidence: Evidence) -> Iterator[Fault]:
    """No message that nobody sent, none twice, and each author's in the author's order."""
    intents = {member.seat: member.intents for member in evidence.members} | dict(evidence.guests)
    order = {seat: {intent.text: at for at, intent in enumerate(wanted)} for seat, wanted in intents.items()}
    for member in evidence.members:
        last: dict[str, int] = {}
        for message in member.messages():
            at = order.get(message.seat, {}).get(message.text or "")
            if at is None:
                yield Fault("unsaid", f"{member.name} has {message.text!r}, which {message.name} never said")
                continue
            before = last.get(message.seat, -1)
            if at == before:
                yield Fault("said-twice", f"{member.name} has {message.text!r} twice")
            elif at < before:
                yield Fault("author-order", f"{member.name} has {message.text!r} too late")
            last[message.seat] = at


def _steady(evidence: Evidence) -> Iterator[Fault]:
    """What a program was shown is in the history for good, at the same place."""
    for member in evidence.members:
        kept = {(one.seq, one.id, one.text) for one in member.messages()}
        for heard in member.heard:
            if tuple(heard) not in kept:
                yield Fault("forgotten", f"{member.name} showed {heard.text!r} and has it no more")


_CHECKS: Final[tuple[Callable[[Evidence], Iterator[Fault]], ...]] = (
    _log,
    _acks,
    _chains,
    _reach,
    _order,
    _whole,
    _broken,
    _alike,
    _kept,
    _guests,
    _intended,
    _steady,
)
