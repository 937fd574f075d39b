"""Admission: what the rule asks for is needed, once, for exactly what was approved."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u
from backchannel_protocol.room.admission import Awaited, awaited, sign_approval
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import MAX_APPROVALS, Act, Role, json_of
from protocol.errors import refused
from protocol.history import LONG, START, Story, add_act, package_of
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH, FARID, MALLORY, ROOM_ID, Person, id_of
from protocol.rooms import lost_room, new_room, open_room, strict_room


def strict_add(person: Person = EDITH, **changed: Any) -> Act:
    return msgspec.structs.replace(add_act(person, rule_version=2), **changed)


def role_act(person: Person, role: Role, party: str | None, version: int = 1) -> Act:
    return Act("role", version, LONG, seat=person.id, role=role, party=party)


def remove_act(person: Person, version: int = 1) -> Act:
    return Act("remove", version, LONG, seat=person.id)


def role_body(person: Person, role: Role, party: str | None) -> JsonObject:
    return {"seat": person.id, "role": role.value, "party": party}


# ---- the rule any
def test_one_facilitator_admits_under_the_rule_any() -> None:
    story = open_room()
    story.approve(BORIS, add_act(EDITH, Role.OBSERVER, "b"))
    story.commit_add(BORIS, EDITH)
    seat = story.state.seats[EDITH.id]
    assert (seat.role, seat.party, seat.name, seat.keys) == (Role.OBSERVER, "b", "Edith", EDITH.keys)
    assert (seat.accepted, seat.by, seat.since) == (0, (BORIS.id,), len(story.entries))
    assert story.state.approvals == {}


def test_another_facilitator_may_commit_what_one_approved() -> None:
    story = open_room()
    story.approve(BORIS, add_act(EDITH))
    story.commit_add(ANNA, EDITH)
    assert story.state.seats[EDITH.id].by == (BORIS.id,)


def test_nobody_comes_in_without_approval() -> None:
    for story in (open_room(), strict_room()):
        with refused(FoldCode.APPROVALS_MISSING):
            story.commit_add(ANNA, EDITH)


@pytest.mark.parametrize("size", [32, 64], ids=["SHA-256", "SHA-512"])
def test_a_key_package_is_named_by_a_hash_of_the_rooms_suite(size: int) -> None:
    story = open_room()
    package = b64u(bytes(size))
    story.approve(ANNA, msgspec.structs.replace(add_act(EDITH), package=package))
    story.commit_add(ANNA, EDITH, package=package)


# ---- the rule party
def test_each_party_approves_under_the_rule_party() -> None:
    story = strict_room()
    story.approve(ANNA, strict_add())
    assert awaited(story.state, strict_add(), story.time) == Awaited(parties=("b",))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)
    story.approve(BORIS, strict_add())
    story.commit_add(ANNA, EDITH)
    assert story.state.seats[EDITH.id].by == tuple(sorted((ANNA.id, BORIS.id)))


def test_two_facilitators_of_one_party_are_not_two_parties() -> None:
    story = open_room()
    story.admit(FARID, (ANNA,), Role.FACILITATOR, "a")
    story.set_admission(ANNA, "party")
    story.approve(ANNA, strict_add())
    story.approve(FARID, strict_add())
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


def test_a_facilitator_of_no_party_counts_for_none() -> None:
    story = open_room()
    story.admit(FARID, (ANNA,), Role.FACILITATOR, None)
    story.set_admission(ANNA, "party")
    for one in (ANNA, FARID):
        story.approve(one, strict_add())
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(FARID, EDITH)
    story.approve(BORIS, strict_add())
    story.commit_add(FARID, EDITH)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "Eve"},
        {"package": package_of("Edith")},
        {"keys": MALLORY.keys},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_approvals_of_different_acts_do_not_add_up(changed: dict[str, Any]) -> None:
    story = strict_room()
    story.approve(ANNA, strict_add())
    story.approve(BORIS, strict_add(**changed))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


def test_approvals_that_expire_at_different_times_add_up() -> None:
    story = strict_room()
    story.approve(ANNA, strict_add())
    story.approve(BORIS, strict_add(expires=LONG - 1))
    story.commit_add(ANNA, EDITH)


# ---- switching the rule
def test_tightening_is_any_facilitators() -> None:
    story = open_room()
    story.approve(ANNA, add_act(EDITH))
    story.set_admission(BORIS, "party")
    assert (story.state.admission.rule, story.state.admission.version) == ("party", 2)
    assert story.state.approvals == {}


def test_the_strict_rule_needs_a_facilitator_of_each_party() -> None:
    with refused(FoldCode.PARTY_WITHOUT_FACILITATOR):
        new_room().set_admission(ANNA, "party")


def test_a_room_without_parties_has_no_strict_rule() -> None:
    story = Story()
    story.genesis(ANNA, party=None, parties=[])
    with refused(FoldCode.PARTY_WITHOUT_FACILITATOR):
        story.set_admission(ANNA, "party")


def test_loosening_needs_each_party() -> None:
    story = strict_room()
    loosen = Act("rule", 2, LONG, admission="any")
    with refused(FoldCode.APPROVALS_MISSING):
        story.set_admission(ANNA, "any")
    story.approve(ANNA, loosen)
    with refused(FoldCode.APPROVALS_MISSING):
        story.set_admission(ANNA, "any")
    story.approve(BORIS, loosen)
    story.set_admission(ANNA, "any")
    assert (story.state.admission.rule, story.state.admission.version) == ("any", 3)


@pytest.mark.parametrize("make", [open_room, strict_room])
def test_setting_the_rule_that_holds_is_refused_and_voids_nothing(make: Any) -> None:
    story = make()
    version = story.state.admission.version
    story.approve(BORIS, add_act(EDITH, rule_version=version))
    with refused(FoldCode.VERSION_STALE):
        story.set_admission(ANNA, story.state.admission.rule)
    assert len(story.state.approvals) == 1


def test_approvals_of_an_older_rule_are_void() -> None:
    story = open_room()
    story.approve(ANNA, add_act(EDITH))
    story.approve(BORIS, add_act(EDITH))
    story.set_admission(ANNA, "party")
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)
    for version in (1, 3):
        with refused(FoldCode.APPROVAL_UNFIT):
            story.approve(ANNA, add_act(EDITH, rule_version=version))


# ---- expiry
def test_an_expired_approval_is_refused() -> None:
    story = open_room()
    for expires in (0, story.time - 1, story.time + 1):
        with refused(FoldCode.EXPIRED):
            story.approve(ANNA, add_act(EDITH, expires=expires))


@pytest.mark.parametrize(("late", "admitted"), [(-1, True), (0, False), (1, False)])
def test_an_approval_counts_until_it_expires(late: int, admitted: bool) -> None:
    story = open_room()
    expires = story.time + 100
    story.approve(ANNA, add_act(EDITH, expires=expires))
    story.time = expires + late - 1  # the operation takes a second
    if admitted:
        story.commit_add(ANNA, EDITH)
    else:
        with refused(FoldCode.APPROVALS_MISSING):
            story.commit_add(ANNA, EDITH)


def test_one_expired_approval_of_two_is_not_enough() -> None:
    story = strict_room()
    story.approve(ANNA, strict_add())
    story.approve(BORIS, strict_add(expires=story.time + 5))
    story.time += 10
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


# ---- single use, withdrawal
def test_an_approval_is_used_once() -> None:
    story = open_room()
    story.admit(EDITH, (ANNA,))
    story.approve(ANNA, remove_act(EDITH))
    story.commit_remove(ANNA, EDITH)
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, DAVID)
    with refused(FoldCode.COMMIT_UNEXPECTED):
        story.commit_add(ANNA, EDITH)


def test_a_seat_that_was_here_is_not_admitted_again() -> None:
    story = open_room()
    story.leave(CLARA)
    story.commit_remove(ANNA, CLARA)
    with refused(FoldCode.APPROVAL_UNFIT):
        story.approve(ANNA, add_act(CLARA))


def test_a_withdrawn_approval_does_not_count() -> None:
    story = strict_room()
    story.approve(ANNA, strict_add())
    approval = story.approve(BORIS, strict_add())
    with refused(FoldCode.APPROVAL_UNKNOWN):
        story.governance(ANNA, "unapprove", {"approval": approval})
    story.governance(BORIS, "unapprove", {"approval": approval})
    with refused(FoldCode.APPROVAL_UNKNOWN):
        story.governance(BORIS, "unapprove", {"approval": approval})
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


def test_a_newer_approval_takes_the_older_ones_place() -> None:
    story = open_room()
    story.approve(ANNA, add_act(EDITH))
    newer = story.approve(ANNA, add_act(EDITH, name="Edith B."))
    assert list(story.state.approvals) == [newer]
    story.commit_add(ANNA, EDITH)
    assert story.state.seats[EDITH.id].name == "Edith B."


# ---- who approves, with which signature
@pytest.mark.parametrize("role", [Role.PARTICIPANT, Role.INTERPRETER, Role.OBSERVER, Role.BOT])
@pytest.mark.parametrize("make", [open_room, strict_room])
def test_a_seat_that_does_not_facilitate_does_not_approve(make: Any, role: Role) -> None:
    story = make()
    version = story.state.admission.version
    story.admit(EDITH, (ANNA, BORIS), role, "a")
    for act in (
        add_act(FARID, rule_version=version),
        remove_act(DAVID, version),
        role_act(EDITH, Role.FACILITATOR, "a", version),
        Act("rule", version, LONG, admission="any"),
    ):
        with refused(FoldCode.ROLE_FORBIDS):
            story.approve(EDITH, act)


def test_an_approval_is_signed_by_the_seat_that_sends_it() -> None:
    story = strict_room()
    with refused(FoldCode.APPROVAL_SIGNATURE):
        story.approve(ANNA, strict_add(), signer=BORIS)
    with refused(FoldCode.APPROVAL_SIGNATURE):
        story.approve(ANNA, strict_add(), signer=MALLORY)


def test_a_signature_is_for_one_room_and_one_act() -> None:
    story = open_room()
    act = add_act(EDITH)
    elsewhere = sign_approval(ANNA.governance, id_of("another room"), act)
    of_another = sign_approval(ANNA.governance, ROOM_ID, add_act(EDITH, expires=LONG - 1))
    for signature in (elsewhere, of_another, bytes(64)):
        with refused(FoldCode.APPROVAL_SIGNATURE):
            story.governance(ANNA, "approve", {"act": json_of(act), "signature": b64u(signature)})


def test_an_approval_of_somebody_who_no_longer_facilitates_is_void() -> None:
    story = open_room()
    story.approve(BORIS, add_act(EDITH))
    story.approve(ANNA, role_act(BORIS, Role.PARTICIPANT, "b"))
    story.governance(ANNA, "role", role_body(BORIS, Role.PARTICIPANT, "b"))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


def test_only_who_still_may_is_remembered_as_having_approved() -> None:
    story = open_room()
    story.approve(ANNA, add_act(EDITH))
    story.approve(BORIS, add_act(EDITH))
    story.approve(ANNA, role_act(BORIS, Role.PARTICIPANT, "b"))
    story.governance(ANNA, "role", role_body(BORIS, Role.PARTICIPANT, "b"))
    story.commit_add(ANNA, EDITH)
    assert story.state.seats[EDITH.id].by == (ANNA.id,)


def test_an_approval_of_somebody_who_is_gone_is_void() -> None:
    story = open_room()
    story.approve(BORIS, add_act(EDITH))
    story.leave(BORIS)
    story.commit_remove(ANNA, BORIS)
    assert story.state.approvals == {}
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


@pytest.mark.parametrize(
    "act",
    [
        Act("add", 1, LONG),
        *(
            msgspec.structs.replace(add_act(EDITH), **{field: None})
            for field in ("seat", "name", "role", "keys", "package", "mailbox")
        ),
        add_act(CLARA),
        msgspec.structs.replace(add_act(EDITH), party="c"),
        msgspec.structs.replace(add_act(EDITH), party=None),
        msgspec.structs.replace(add_act(EDITH), role=Role.FACILITATOR),
        add_act(EDITH, expires=START + 20 * 86_400),
        Act("remove", 1, LONG),
        Act("remove", 1, LONG, seat=EDITH.id),
        Act("role", 1, LONG, seat=CLARA.id),
        Act("role", 1, LONG, role=Role.OBSERVER),
        Act("role", 1, LONG, seat=EDITH.id, role=Role.OBSERVER),
        Act("role", 1, LONG, seat=CLARA.id, role=Role.OBSERVER, party="c"),
        Act("role", 1, LONG, seat=CLARA.id, role=Role.BOT),
        Act("rule", 1, LONG),
    ],
)
def test_an_act_that_is_not_whole_or_names_what_is_not_there_is_unfit(act: Act) -> None:
    story = open_room()
    story.invite_for(add_act(EDITH))
    with refused(FoldCode.APPROVAL_UNFIT):
        story.approve(ANNA, act)


def test_a_seat_cannot_use_up_what_others_need() -> None:
    story = open_room()
    story.invite_for(add_act(EDITH))
    for number in range(MAX_APPROVALS):
        nobody = add_act(Person(f"Nobody {number}"))
        story.approve(BORIS, msgspec.structs.replace(nobody, mailbox=add_act(EDITH).mailbox))
    with refused(FoldCode.TOO_MANY):
        story.approve(BORIS, add_act(EDITH))
    story.approve(ANNA, remove_act(BORIS))
    story.commit_remove(ANNA, BORIS)
    assert story.state.approvals == {}


# ---- roles
def test_a_role_changes_as_it_was_approved() -> None:
    story = open_room()
    story.approve(ANNA, role_act(CLARA, Role.INTERPRETER, None))
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(ANNA, "role", role_body(CLARA, Role.INTERPRETER, "a"))
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(ANNA, "role", role_body(CLARA, Role.FACILITATOR, None))
    story.governance(BORIS, "role", role_body(CLARA, Role.INTERPRETER, None))
    seat = story.state.seats[CLARA.id]
    assert (seat.role, seat.party, seat.by) == (Role.INTERPRETER, None, (ANNA.id,))
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(BORIS, "role", role_body(CLARA, Role.INTERPRETER, None))


def test_a_role_needs_each_party_under_the_strict_rule() -> None:
    story = strict_room()
    act = role_act(CLARA, Role.FACILITATOR, "a", 2)
    story.approve(ANNA, act)
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(ANNA, "role", role_body(CLARA, Role.FACILITATOR, "a"))
    story.approve(BORIS, act)
    story.governance(ANNA, "role", role_body(CLARA, Role.FACILITATOR, "a"))


def test_a_role_is_of_somebody_who_is_there_and_a_party_that_is_known() -> None:
    story = open_room()
    with refused(FoldCode.SEAT_UNKNOWN):
        story.governance(ANNA, "role", role_body(EDITH, Role.BOT, None))
    with refused(FoldCode.PARTY_UNKNOWN):
        story.governance(ANNA, "role", role_body(CLARA, Role.BOT, "c"))


def test_the_last_facilitator_stays_one() -> None:
    story = new_room()
    story.admit(CLARA, (ANNA,))
    story.approve(ANNA, role_act(ANNA, Role.PARTICIPANT, "a"))
    with refused(FoldCode.LAST_FACILITATOR):
        story.governance(ANNA, "role", role_body(ANNA, Role.PARTICIPANT, "a"))


def test_the_last_facilitator_who_has_not_left_stays_one() -> None:
    story = open_room()
    story.leave(BORIS)
    story.approve(ANNA, role_act(ANNA, Role.PARTICIPANT, "a"))
    with refused(FoldCode.LAST_FACILITATOR):
        story.governance(ANNA, "role", role_body(ANNA, Role.PARTICIPANT, "a"))


def test_somebody_alone_who_has_left_stays_the_facilitator() -> None:
    story = new_room()
    story.leave(ANNA)
    story.approve(ANNA, role_act(ANNA, Role.PARTICIPANT, "a"))
    with refused(FoldCode.LAST_FACILITATOR):
        story.governance(ANNA, "role", role_body(ANNA, Role.PARTICIPANT, "a"))


# ---- removal, and a party that lost its facilitator
def test_a_removal_needs_each_party_under_the_strict_rule() -> None:
    story = strict_room()
    story.approve(ANNA, remove_act(DAVID, 2))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, DAVID)
    story.approve(BORIS, remove_act(DAVID, 2))
    story.commit_remove(ANNA, DAVID)
    assert story.state.past[-1].how == "removed"


def test_a_partys_only_facilitator_goes_when_the_others_and_the_partys_majority_agree() -> None:
    story = strict_room()
    act = remove_act(BORIS, 2)
    story.approve(ANNA, act)
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)
    with refused(FoldCode.ROLE_FORBIDS):
        story.approve(CLARA, act)  # of the other party
    story.approve(DAVID, act)
    story.commit_remove(ANNA, BORIS)
    assert BORIS.id not in story.state.seats


def test_half_of_a_party_is_no_majority() -> None:
    story = strict_room()
    story.admit(EDITH, (ANNA, BORIS), party="b")
    act = remove_act(BORIS, 2)
    story.approve(ANNA, act)
    story.approve(DAVID, act)
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)
    story.approve(EDITH, act)
    story.commit_remove(ANNA, BORIS)


@pytest.mark.parametrize("role", [Role.BOT, Role.OBSERVER])
def test_bots_and_observers_are_no_members_of_a_majority(role: Role) -> None:
    story = strict_room()
    story.admit(EDITH, (ANNA, BORIS), role, "b")
    act = remove_act(BORIS, 2)
    story.approve(ANNA, act)
    with refused(FoldCode.ROLE_FORBIDS):
        story.approve(EDITH, act)
    assert awaited(story.state, act, story.time) == Awaited(party="b", members=1)
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)
    story.approve(DAVID, act)
    story.commit_remove(ANNA, BORIS)


def test_a_partys_majority_alone_removes_nobody() -> None:
    story = strict_room()
    story.approve(DAVID, remove_act(BORIS, 2))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)


def test_a_lost_party_gets_a_facilitator_from_the_others_and_its_majority() -> None:
    story = lost_room()
    act = role_act(DAVID, Role.FACILITATOR, "b", 2)
    story.approve(ANNA, act)
    story.approve(DAVID, act)
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(ANNA, "role", role_body(DAVID, Role.FACILITATOR, "b"))
    with refused(FoldCode.ROLE_FORBIDS):
        story.approve(CLARA, act)
    story.approve(EDITH, act)
    story.governance(ANNA, "role", role_body(DAVID, Role.FACILITATOR, "b"))
    assert story.state.seats[DAVID.id].by == tuple(sorted((ANNA.id, DAVID.id, EDITH.id)))
    story.admit(FARID, (ANNA, DAVID))


def test_a_lost_party_can_do_without_nobody_else() -> None:
    story = lost_room()
    for one in (DAVID, EDITH):
        story.approve(one, role_act(DAVID, Role.FACILITATOR, "b", 2))
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(ANNA, "role", role_body(DAVID, Role.FACILITATOR, "b"))


def test_a_lost_party_blocks_admission_until_it_has_a_facilitator() -> None:
    story = lost_room()
    story.approve(ANNA, strict_add(FARID))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, FARID)
    with refused(FoldCode.APPROVALS_MISSING):
        story.set_admission(ANNA, "any")


def test_members_of_a_lost_party_approve_nothing_else() -> None:
    story = lost_room()
    for act in (
        strict_add(FARID),
        remove_act(CLARA, 2),
        role_act(DAVID, Role.FACILITATOR, "a", 2),
        role_act(DAVID, Role.OBSERVER, "b", 2),
        Act("rule", 2, LONG, admission="any"),
    ):
        with refused(FoldCode.ROLE_FORBIDS):
            story.approve(DAVID, act)


def test_a_members_approval_does_not_count_any_more_when_its_party_has_a_facilitator() -> None:
    story = lost_room()
    for one in (DAVID, EDITH):
        story.approve(one, role_act(EDITH, Role.FACILITATOR, "b", 2))
    act = role_act(DAVID, Role.FACILITATOR, "b", 2)
    for one in (ANNA, DAVID, EDITH):
        story.approve(one, act)
    story.governance(ANNA, "role", role_body(DAVID, Role.FACILITATOR, "b"))
    # Edith's own approval of herself is no facilitator's; David's is one now, Anna never approved
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(DAVID, "role", role_body(EDITH, Role.FACILITATOR, "b"))
