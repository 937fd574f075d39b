"""The checker finds each fault that is planted, and none where there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from msgspec.structs import replace as altered

from backchannel import CommitSkipped, EventIgnored, MessageSent, RoomGoverned, RoomStopped, SendFailed
from backchannel.room.facts import AnyFact
from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.room.timeline import Exposure
from crash.checker import CHAT, COMMIT, Evidence, Heard, Intent, Member, Row, chain_of, check

ROOM = bytes(range(16))
ANN, BO, CY = (bytes([at]) * 16 for at in (1, 2, 3))
NAMES = {ANN: "ann", BO: "bo", CY: "cy"}
GOVERNANCE, CONTROL = 2, 4
LOG = [
    (ANN, GOVERNANCE),
    (ANN, CONTROL),
    (ANN, COMMIT),
    (ANN, CHAT),
    (BO, CHAT),
    (ANN, CHAT),
    (ANN, CONTROL),
    (ANN, COMMIT),
    (CY, CHAT),
    (BO, CHAT),
    (ANN, CHAT),
]
"""Bo comes in at 3, Cy at 8; each writes."""

Plant = Callable[[Evidence], Evidence]


def row(seq: int, seat: bytes, kind: int) -> Row:
    body = b"body %d" % seq
    first = seq - 1 if kind == COMMIT else seq
    digest = hashlib.sha256(body).digest()
    leaf = bytes(33) if kind == CONTROL else None
    return Row(seq, first, 1000 + seq // 3, seat, kind, bytes([seq]) * 16, int(seq > 3), body, digest, leaf)


ROWS = tuple(row(seq, *one) for seq, one in enumerate(LOG, 1))


def text_of(seq: int) -> str:
    return f"{NAMES[LOG[seq - 1][0]]} {seq}"


def fact(one: Row) -> AnyFact:
    place = {"seq": one.seq, "time": one.time, "seat": b64u(one.seat), "id": b64u(one.id)}
    if one.kind == CHAT:
        return MessageSent(
            **place,  # type: ignore[arg-type] # a table of both kinds
            name=NAMES[one.seat],
            text=text_of(one.seq),
            exposure=Exposure("room", "no", 0),
            reply_to=None,
            number=one.seq,
        )
    return RoomGoverned(**place, type="genesis", body={})  # type: ignore[arg-type] # as above


def member(seat: bytes, begin: int, upto: int = len(ROWS), *, present: bool = True) -> Member:
    covered = [one for one in ROWS[begin:upto] if one.kind in (CHAT, GOVERNANCE)]
    own = [one for one in ROWS if one.seat == seat and one.kind == CHAT]
    return Member(
        name=NAMES[seat],
        seat=b64u(seat),
        begin=begin,
        seq=upto,
        chain=chain_of(ROOM, ROWS)[upto],
        state_hash=bytes(32),
        present=present,
        waiting=0,
        facts=tuple(fact(one) for one in covered),
        intents=tuple(Intent(text_of(one.seq), True, (one.seq, b64u(one.id))) for one in own),
        heard=tuple(Heard(one.seq, b64u(one.id), text_of(one.seq)) for one in covered if one.kind == CHAT),
    )


def sound() -> Evidence:
    return Evidence(
        room=ROOM,
        rows=ROWS,
        floors={b64u(ANN): 1, b64u(BO): 2, b64u(CY): 7},
        members=(member(ANN, 0), member(BO, 3), member(CY, 8)),
        acks=tuple((one.id, one.seq, one.time) for one in ROWS),
    )


def rows(change: Callable[[list[Row]], Sequence[Row]]) -> Plant:
    return lambda evidence: replace(evidence, rows=tuple(change(list(evidence.rows))))


def of(at: int, **changes: object) -> Plant:
    def plant(evidence: Evidence) -> Evidence:
        members = list(evidence.members)
        members[at] = replace(members[at], **changes)  # type: ignore[arg-type] # the tests' own words
        return replace(evidence, members=tuple(members))

    return plant


def facts(at: int, change: Callable[[list[AnyFact]], list[AnyFact]]) -> Plant:
    def plant(evidence: Evidence) -> Evidence:
        return of(at, facts=tuple(change(list(evidence.members[at].facts))))(evidence)

    return plant


def everywhere(change: Callable[[list[AnyFact]], list[AnyFact]]) -> Plant:
    """The same in all histories, as where the log itself is wrong."""

    def plant(evidence: Evidence) -> Evidence:
        members = tuple(replace(one, facts=tuple(change(list(one.facts)))) for one in evidence.members)
        return replace(evidence, members=members)

    return plant


def without(seq: int) -> Callable[[list[AnyFact]], list[AnyFact]]:
    return lambda all_: [one for one in all_ if one.seq != seq]


def twice(seq: int) -> Callable[[list[AnyFact]], list[AnyFact]]:
    return lambda all_: [again for one in all_ for again in [one] * (2 if one.seq == seq else 1)]


def changed(seq: int, **fields: object) -> Callable[[list[AnyFact]], list[AnyFact]]:
    return lambda all_: [altered(one, **fields) if one.seq == seq else one for one in all_]


def swapped(one: int, other: int) -> Callable[[list[AnyFact]], list[AnyFact]]:
    """Two messages in each other's place in the log."""

    def change(all_: list[AnyFact]) -> list[AnyFact]:
        found = {each.seq: each for each in all_}
        if one not in found or other not in found:
            return all_
        found[one], found[other] = altered(found[other], seq=one), altered(found[one], seq=other)
        return [found[each.seq] for each in all_]

    return change


def ignored(seq: int, code: str) -> Callable[[list[AnyFact]], list[AnyFact]]:
    def change(all_: list[AnyFact]) -> list[AnyFact]:
        blank = EventIgnored(seq=seq, time=0, seat=b64u(BO), code=code, sentence="")
        return [blank if one.seq == seq else one for one in all_]

    return change


def notice(one: AnyFact) -> Callable[[list[AnyFact]], list[AnyFact]]:
    return lambda all_: [*all_, one]


STOPPED = RoomStopped(seq=0, time=0, seat="", code="log-differs", sentence="")
SKIPPED = CommitSkipped(seq=8, time=0, seat=b64u(ANN), code="commit-unexpected", sentence="")
FAILED = SendFailed(seq=0, time=0, seat="", place=1, code="removed", sentence="")
MORE = member(BO, 3).intents
FAULTS: dict[str, tuple[str, Plant]] = {
    "a row is gone": ("log-gap", rows(lambda all_: [*all_[:4], *all_[5:]])),
    "an id twice": ("log-doubled", rows(lambda all_: [*all_[:10], replace(all_[10], id=all_[9].id)])),
    "the clock goes back": ("log-time", rows(lambda all_: [*all_[:10], replace(all_[10], time=1)])),
    "a body was altered": ("log-hash", rows(lambda all_: [replace(all_[0], body=b"x"), *all_[1:]])),
    "an acknowledged row is gone": ("ack-lost", rows(lambda all_: all_[:10])),
    "an acknowledged row elsewhere": (
        "ack-moved",
        lambda evidence: replace(evidence, acks=((ROWS[3].id, 5, ROWS[3].time),)),
    ),
    "a chain differs": ("chain", of(1, chain=bytes(32))),
    "a row was exchanged": ("chain", rows(lambda all_: [replace(all_[0], time=1), *all_[1:]])),
    "more than the log": ("ahead", of(1, seq=len(ROWS) + 1)),
    "somebody is behind": ("behind", of(2, seq=10, chain=chain_of(ROOM, ROWS)[10])),
    "something still waits": ("outbox", of(0, waiting=1)),
    "a seat from nowhere": ("seat", lambda evidence: replace(evidence, floors={b64u(ANN): 1, b64u(BO): 2})),
    "it begins elsewhere": ("floor", of(2, begin=5)),
    "two facts change places": ("order", facts(1, lambda all_: [all_[1], all_[0], *all_[2:]])),
    "a fact before the floor": ("range", facts(2, lambda all_: [fact(ROWS[3]), *all_])),
    "an event is missing": ("gap", facts(1, without(6))),
    "an event is missing everywhere": ("gap", everywhere(without(6))),
    "an event is doubled": ("doubled", facts(0, twice(5))),
    "a message with another id": ("stranger", facts(0, changed(5, id=b64u(bytes(16))))),
    "a message of another seat": ("stranger", facts(0, changed(5, seat=b64u(CY)))),
    "an event that one cannot read": ("ignored", facts(1, ignored(6, "unreadable"))),
    "an event that nobody can read": ("ignored", everywhere(ignored(6, "unreadable"))),
    "a room that stopped": ("broken", facts(2, notice(STOPPED))),
    "a commit that was skipped": ("broken", facts(1, notice(SKIPPED))),
    "something given up": ("given-up", facts(1, notice(FAILED))),
    "another text for one": ("differs", facts(2, changed(10, text="bo 11"))),
    "another state for one": ("state", of(2, state_hash=bytes([1]) * 32)),
    "an acknowledged message is gone": ("acknowledged-lost", everywhere(without(5))),
    "an acknowledged message moved": ("acknowledged-lost", everywhere(swapped(5, 10))),
    "a promised message is gone": ("promised-lost", of(1, intents=(*MORE, Intent("bo 99", True)))),
    "one lacks a message": ("message-lost", facts(2, without(10))),
    "one has a message twice": ("message-doubled", facts(0, twice(10))),
    "a message that nobody sent": ("unsaid", everywhere(changed(5, text="I never said that"))),
    "a message said twice": ("said-twice", everywhere(changed(10, text="bo 5"))),
    "an author's order turned": ("author-order", everywhere(swapped(5, 10))),
    "what was heard is gone": ("forgotten", of(2, heard=(Heard(10, b64u(ROWS[9].id), "bo was here"),))),
}


def test_sound_evidence_has_no_fault() -> None:
    assert check(sound()) == []


@pytest.mark.parametrize(("code", "plant"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_found(code: str, plant: Plant) -> None:
    assert code in {fault.code for fault in check(plant(sound()))}


def test_who_left_needs_no_more_than_the_beginning() -> None:
    gone = member(BO, 3, 6, present=False)
    gone = replace(gone, waiting=1, intents=(*gone.intents[:1], Intent("bo 10", True), Intent("bo 99", True)))
    ann = replace(member(ANN, 0), intents=member(ANN, 0).intents)
    evidence = replace(sound(), members=(ann, gone))
    found = {fault.code for fault in check(evidence)}
    assert found == {"unsaid"}  # Cy's, whose profile is not among the evidence


def test_a_joiner_may_be_told_first_that_it_came_in() -> None:
    came = RoomGoverned(seq=8, time=0, seat=b64u(CY), id="", type="entered", body={})
    assert check(facts(2, lambda all_: [came, *all_])(sound())) == []
    late = facts(2, lambda all_: [*all_, came])(sound())
    assert {fault.code for fault in check(late)} >= {"order", "range"}


def test_what_was_not_promised_may_come_or_not() -> None:
    bo = member(BO, 3)
    unsure = (Intent("bo 4"), *(Intent(one.text) for one in bo.intents), Intent("bo 99"))
    assert check(of(1, intents=unsure)(sound())) == []


def test_the_chain_is_the_one_of_the_protocol() -> None:
    links = [first_link(RoomId(ROOM))]
    for one in ROWS:
        event = LogEvent(
            one.seq, one.time, one.seat, EventKind(one.kind), one.id, one.epoch, one.body, one.leaf
        )
        links.append(next_link(links[-1], event))
    assert chain_of(ROOM, ROWS) == links
