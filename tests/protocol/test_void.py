"""Voiding: who may ask, when it takes effect, and what the epoch and the seats are then (section 8)."""

from __future__ import annotations

import pytest

from backchannel_protocol.events import EventKind
from backchannel_protocol.operations import CloseRoom, SeatAdd
from backchannel_protocol.room.clear import KEPT_OPENINGS, forgotten
from backchannel_protocol.room.void import Opening, Verdict, askers, is_use, judge_void, may_commit
from protocol.clear_log import ClearLog, room_of
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH, FARID, MALLORY, ROOM, Person

REFUSED, ASKED, VOIDED = Verdict.REFUSED, Verdict.ASKED, Verdict.VOIDED
FOUR = (ANNA, BORIS, CLARA, DAVID)


def place(log: ClearLog) -> tuple[int, bytes, frozenset[bytes], frozenset[bytes]]:
    """What a server has of a room: epoch, opening, the seats it lets in, and those with the bit."""
    clear = log.clear
    present = frozenset(seat for seat in clear.bits if clear.present(seat))
    return clear.epoch, clear.opening, present, clear.with_bit()


# ---- the rule itself
def test_askers_are_the_bits_without_author_added_and_removed() -> None:
    opening = Opening(b"c", b"a", 1, b"o", added=frozenset({b"n"}), removed=frozenset({b"r"}))
    assert askers(opening, {b"a", b"b", b"d", b"n", b"r"}) == {b"b", b"d"}
    assert askers(opening, {b"a", b"n", b"r"}) == {b"a"}
    assert askers(opening, ()) == {b"a"}


@pytest.mark.parametrize("kind", list(EventKind))
@pytest.mark.parametrize(("seat", "other"), [(b"a", False), (b"n", False), (b"x", True)])
def test_an_epoch_is_used_by_what_another_writes_that_is_no_operation(
    kind: EventKind, seat: bytes, other: bool
) -> None:
    opening = Opening(b"c", b"a", 1, b"o", added=frozenset({b"n"}))
    assert is_use(opening, kind, seat) is (other and kind is not EventKind.CONTROL)


@pytest.mark.parametrize(
    ("used", "asked", "verdict"),
    [
        (False, (), VOIDED),
        (True, (), ASKED),
        (True, ("b",), ASKED),
        (True, ("d",), ASKED),
        (True, ("d", "e"), VOIDED),
        (True, ("x", "y", "z"), ASKED),
    ],
)
def test_a_used_commit_needs_more_than_half(used: bool, asked: tuple[str, ...], verdict: Verdict) -> None:
    """Of four askers b, d, e, f; b asks now. x, y and z asked and are no askers any more."""
    opening = Opening(b"c", b"a", 1, b"o", used=used, asked=frozenset(one.encode() for one in asked))
    bits = {b"a", b"b", b"d", b"e", b"f"}
    assert judge_void(opening, bits, b"c", b"b") is verdict
    assert judge_void(opening, bits, b"another", b"b") is REFUSED
    for sender in (b"a", b"m"):
        assert judge_void(opening, bits, b"c", sender) is REFUSED


def test_an_epoch_that_no_commit_opened_is_not_voided() -> None:
    assert judge_void(None, {b"a"}, b"room", b"a") is REFUSED
    log = ClearLog(ANNA)
    assert log.void(ANNA, ROOM) is REFUSED


def test_while_somebody_asks_only_askers_commit() -> None:
    bits = {b"a", b"b", b"d"}
    quiet = Opening(b"c", b"a", 1, b"o", used=True)
    asked = Opening(b"c", b"a", 1, b"o", used=True, asked=frozenset({b"b"}))
    assert may_commit(None, bits, b"m")
    assert all(may_commit(quiet, bits, one) for one in (b"a", b"b", b"m"))
    assert [may_commit(asked, bits, one) for one in (b"a", b"b", b"d", b"m")] == [False, True, True, False]
    assert may_commit(asked, {b"a", b"d"}, b"m"), "who asked may not any more"


# ---- in a log
def test_another_facilitator_takes_an_unused_commit_back() -> None:
    log = room_of((ANNA, BORIS), (CLARA,))
    before = place(log)
    commit = log.commit(ANNA, added=(DAVID,), removed=(CLARA,))
    assert place(log)[:2] == (before[0] + 1, commit)
    assert log.void(CLARA, commit) is REFUSED, "removed"
    assert log.void(ANNA, commit) is REFUSED, "its author"
    assert log.void(BORIS, commit, epoch=before[0]) is REFUSED, "of the epoch before"
    assert log.void(BORIS, commit) is VOIDED
    assert place(log) == before
    assert log.void(BORIS, commit) is REFUSED, "twice"


def test_a_seat_whose_admission_was_voided_can_come_in_again() -> None:
    log = room_of((ANNA, BORIS))
    log.void(BORIS, log.commit(ANNA, added=(DAVID,)))
    assert not log.clear.present(DAVID.seat)
    log.commit(ANNA, added=(DAVID,))
    assert log.clear.present(DAVID.seat)


def test_the_only_facilitator_takes_back_what_she_did_herself() -> None:
    log = room_of((ANNA,), (CLARA,))
    before = place(log)
    commit = log.commit(ANNA, removed=(CLARA,))
    assert log.void(ANNA, commit) is VOIDED
    assert place(log) == before


def test_a_members_spoilt_commit_is_the_facilitators_to_take_back() -> None:
    log = room_of((ANNA,), (CLARA, DAVID))
    commit = log.commit(CLARA)
    for one in (CLARA, DAVID):
        assert log.void(one, commit) is REFUSED
    assert log.void(ANNA, commit) is VOIDED


def test_two_who_collude_hold_a_room_until_a_majority_has_asked() -> None:
    log = room_of(FOUR, (EDITH, FARID))
    before = place(log)
    commit = log.commit(EDITH)
    log.chat(FARID)
    assert [log.void(one, commit) for one in (ANNA, ANNA, BORIS, CLARA)] == [ASKED, ASKED, ASKED, VOIDED]
    assert place(log) == before


def test_a_ghost_that_writes_uses_nothing() -> None:
    log = room_of((ANNA, BORIS, CLARA))
    before = place(log)
    commit = log.commit(CLARA, added=(MALLORY, FARID), bit=True)
    for one in (MALLORY, FARID, CLARA):
        log.chat(one)
        assert log.void(one, commit) is REFUSED
    assert log.void(ANNA, commit) is VOIDED
    assert place(log) == before
    assert log.chat(MALLORY).clear is log.clear


def test_two_facilitators_who_collude_do_not_outvote_the_others_with_ghosts() -> None:
    log = room_of(FOUR)
    commit = log.commit(ANNA, added=(MALLORY, EDITH, FARID), bit=True)
    log.chat(BORIS)
    assert log.void(CLARA, commit) is ASKED
    assert log.void(DAVID, commit) is VOIDED


def test_a_facilitator_who_removes_the_others_is_alone() -> None:
    """Accepted (section 16): the server obeys him; members see that it was told what they refuse."""
    log = room_of((ANNA, BORIS), (CLARA,))
    commit = log.commit(BORIS, removed=(ANNA,))
    log.chat(CLARA)
    assert log.void(ANNA, commit) is REFUSED
    assert log.void(BORIS, commit) is VOIDED
    assert log.clear.present(ANNA.seat)


def test_commits_on_commits_go_back_one_by_one() -> None:
    log = room_of((ANNA, BORIS), (EDITH,))
    places = [place(log)]
    commits = []
    for author, added in ((EDITH, ()), (ANNA, (CLARA,)), (ANNA, (DAVID,)), (EDITH, ())):
        commits.append(log.commit(author, added=added))
        places.append(place(log))
    assert log.void(BORIS, commits[1]) is REFUSED, "not the last one"
    for commit, before in reversed(list(zip(commits, places[:-1], strict=True))):
        assert log.void(BORIS, commit) in (VOIDED, ASKED)
        if place(log) != before:
            assert log.void(ANNA, commit) is VOIDED
        assert place(log) == before


def test_a_commit_on_a_commit_uses_it() -> None:
    log = room_of((ANNA, BORIS, CLARA, DAVID), (EDITH,))
    below = log.commit(EDITH)
    above = log.commit(ANNA)
    assert log.void(BORIS, above) is VOIDED
    assert [log.void(one, below) for one in (ANNA, BORIS, CLARA)] == [ASKED, ASKED, VOIDED]


def test_asking_lasts_no_longer_than_the_bit() -> None:
    log = room_of(FOUR, (EDITH, FARID))
    commit = log.commit(EDITH)
    log.chat(FARID)
    log.void(BORIS, commit)
    log.set_bit(ANNA, BORIS, bit=False)
    assert log.void(BORIS, commit) is REFUSED
    assert log.void(CLARA, commit) is ASKED
    assert log.void(DAVID, commit) is VOIDED


@pytest.mark.parametrize("who", [EDITH, MALLORY], ids=["a member", "a stranger"])
def test_operations_of_seats_without_the_bit_change_nothing(who: Person) -> None:
    log = room_of((ANNA, BORIS), (EDITH,))
    before = log.clear
    log.set_bit(who, EDITH, bit=True)
    log.operate(who, CloseRoom(None))
    assert log.clear == before


def test_what_an_honest_server_refuses_changes_nothing() -> None:
    log = room_of((ANNA, BORIS), (EDITH,))
    before = log.clear
    log.write(ANNA, EventKind.COMMIT, epoch=log.clear.epoch + 1)
    log.write(MALLORY, EventKind.COMMIT)
    log.write(ANNA, EventKind.CONTROL, b"not an operation")
    assert log.clear == before
    commit = log.commit(ANNA)
    log.chat(EDITH, epoch=log.clear.epoch - 1)
    assert log.void(BORIS, commit) is VOIDED


def test_operations_that_do_not_stand_before_the_commit_are_not_its_own() -> None:
    log = room_of((ANNA, BORIS))
    log.operate(ANNA, SeatAdd(None, CLARA.seat, CLARA.credential.seat_key, may_facilitate=False))
    log.chat(BORIS)
    log.commit(ANNA, added=(DAVID,))
    top = log.clear.top()
    assert top is not None
    assert top.added == {DAVID.seat}


def test_what_lies_deep_is_forgotten_and_then_nobody_can_judge_it() -> None:
    log = room_of((ANNA, BORIS))
    for _ in range(KEPT_OPENINGS + 3):
        log.commit(ANNA)
        log.clear = forgotten(log.clear)
    for _ in range(KEPT_OPENINGS):
        assert log.void(BORIS, log.clear.opening) is VOIDED
    assert log.clear.top() is None
    assert log.void(BORIS, log.clear.opening) is REFUSED
