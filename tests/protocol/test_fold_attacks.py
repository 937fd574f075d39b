"""A hostile facilitator, member or server, and the sequences that they try.

Each test is a finding: a sequence that once brought somebody in, gave a bit or a veto that the rule
does not give, or made two honest members' states differ.
"""

from __future__ import annotations

import msgspec
import pytest

from backchannel_protocol.canonical import JsonObject, jcs, parse_jcs
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import SeatAdd, SeatSet
from backchannel_protocol.room.admission import LONE_WAIT_S, sign_approval
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import Act, Role, RoomState, json_of
from protocol.errors import refused
from protocol.history import LONG, Folded, Governance, Story, add_act, fold
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH, FARID, ROOM_ID, Person
from protocol.rooms import open_room, strict_room


def copy_of(state: RoomState) -> RoomState:
    return RoomState.of_json(parse_jcs(jcs(state.to_json())))


def strict_act(person: Person, role: Role = Role.PARTICIPANT, party: str | None = "a", name: str = "") -> Act:
    return add_act(person, role, party, rule_version=2, name=name or None)


# ---- another act for the seat that is about to be admitted
@pytest.mark.parametrize("hostile_first", [True, False])
def test_a_facilitator_cannot_block_an_admission_with_an_act_of_her_own(hostile_first: bool) -> None:
    """Once the first approval in the order of a member's dict was taken for the one that counts."""
    story = strict_room()
    story.admit(FARID, (ANNA, BORIS), Role.FACILITATOR, "a")
    hostile = strict_act(EDITH, Role.FACILITATOR)
    if hostile_first:
        story.approve(FARID, hostile)
    story.approve(ANNA, strict_act(EDITH))
    story.approve(BORIS, strict_act(EDITH))
    if not hostile_first:
        story.approve(FARID, hostile)
    story.commit_add(ANNA, EDITH)
    assert story.state.seats[EDITH.id].role is Role.PARTICIPANT


def test_old_members_and_joiners_take_the_same_approval_for_the_one_that_counts() -> None:
    """A joiner's dicts are in the order of the snapshot's names, an old member's in that of the log."""
    for number in range(12):
        story = open_room(f"order {number}")
        story.approve(ANNA, add_act(EDITH))
        story.approve(BORIS, add_act(EDITH, Role.FACILITATOR, "b"))
        joiner = Folded(copy_of(story.state))
        story.commit_add(ANNA, EDITH)
        for entry in story.entries[-2:]:
            joiner, _ = fold(joiner, entry)
        assert joiner.state is not None
        assert joiner.state.hash() == story.state.hash()
        assert story.state.seats[EDITH.id].role is Role.PARTICIPANT


def test_where_two_acts_have_what_the_rule_asks_for_nobody_elses_commit_picks_one() -> None:
    story = open_room()
    story.admit(FARID, (ANNA,), Role.FACILITATOR, "a")
    story.approve(ANNA, add_act(EDITH))
    story.approve(BORIS, add_act(EDITH, Role.FACILITATOR, "b"))
    for may_facilitate in (False, True):
        with refused(FoldCode.APPROVAL_UNFIT):
            story.commit_add(FARID, EDITH, may_facilitate=may_facilitate)
    story.commit_add(ANNA, EDITH)
    assert [one.act.seat for one in story.state.approvals.values()] == []


def test_an_approval_that_does_not_count_gives_no_bit_at_the_server() -> None:
    """Once any approval of a facilitator's role for the seat made SeatAdd(may facilitate) fit."""
    story = strict_room()
    for one in (ANNA, BORIS):
        story.approve(one, strict_act(EDITH))
    story.admit(FARID, (ANNA, BORIS), Role.FACILITATOR, "a")
    story.approve(FARID, strict_act(EDITH, Role.FACILITATOR))
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.commit_add(FARID, EDITH, may_facilitate=True)
    story.commit_add(FARID, EDITH, may_facilitate=False)


# ---- ids that clients choose
def test_nobody_replaces_anothers_approval_by_an_event_of_the_same_id() -> None:
    """Ids are unique for each seat only; a facilitator could once void an approval of her removal."""
    story = open_room()
    approval = story.approve(ANNA, Act("remove", 1, LONG, seat=BORIS.id))
    act = add_act(EDITH)
    story.invite_for(act)
    body = {"act": json_of(act), "signature": b64u(sign_approval(BORIS.governance, ROOM_ID, act))}
    place = {**story.place(), "id": approval}
    with refused(FoldCode.APPROVAL_UNFIT):
        story.write(Governance(seat=BORIS.id, type="approve", body=body, intent=9, **place))
    story.commit_remove(ANNA, BORIS)


# ---- parties
def test_a_party_does_not_lose_its_facilitator_to_a_party_that_lost_its_own() -> None:
    """Anna and c's members once could move Boris, against his and his party's will, from b to c."""
    story = Story()
    parties = [{"id": id_, "name": id_} for id_ in ("a", "b", "c")]
    story.genesis(ANNA, parties=parties)
    story.admit(BORIS, (ANNA,), Role.FACILITATOR, "b")
    story.admit(FARID, (ANNA,), Role.FACILITATOR, "c")
    story.admit(CLARA, (ANNA,), Role.PARTICIPANT, "c")
    story.set_admission(ANNA, "party")
    story.leave(FARID)
    story.commit_remove(ANNA, FARID)
    capture = Act("role", 2, LONG, seat=BORIS.id, role=Role.FACILITATOR, party="c")
    story.approve(ANNA, capture)
    with refused(FoldCode.ROLE_FORBIDS):
        story.approve(CLARA, capture)
    with refused(FoldCode.APPROVALS_MISSING):
        story.governance(ANNA, "role", {"seat": BORIS.id, "role": "facilitator", "party": "c"})
    assert story.state.seats[BORIS.id].party == "b"


def test_both_facilitators_of_a_party_do_not_go_in_one_commit_with_one_partys_help() -> None:
    story = strict_room()
    story.admit(EDITH, (ANNA, BORIS), Role.FACILITATOR, "b")
    for target in (BORIS, EDITH):
        act = Act("remove", 2, LONG, seat=target.id)
        for one in (ANNA, EDITH):
            story.approve(one, act)
    from backchannel_protocol.operations import SeatRemove

    for first, second in ((BORIS, EDITH), (EDITH, BORIS)):
        for one in (first, second):
            story.operation(ANNA, SeatRemove(None, one.seat))
        with refused(FoldCode.APPROVALS_MISSING):
            story.commit(ANNA, leaving=(first.id, second.id))


# ---- a facilitator and the server together
def test_operations_that_stand_alone_do_not_stop_the_rooms_commits() -> None:
    """Once they waited for ever: everybody's commits, and even their author's own, were refused."""
    story = open_room()
    story.operation(BORIS, SeatAdd(None, EDITH.seat, EDITH.credential.seat_key, may_facilitate=True))
    story.commit(CLARA, renewed=((CLARA.id, True),))
    story.commit(BORIS, renewed=((BORIS.id, True),))
    story.admit(FARID, (BORIS,))
    assert EDITH.id not in story.state.seats


def test_a_withdrawn_approval_is_not_revived_by_a_second_commit() -> None:
    story = strict_room()
    story.approve(ANNA, strict_act(EDITH))
    approval = story.approve(BORIS, strict_act(EDITH))
    story.governance(BORIS, "unapprove", {"approval": approval})
    for _ in range(2):
        with refused(FoldCode.APPROVALS_MISSING):
            story.commit_add(ANNA, EDITH)


def test_the_same_event_twice_counts_once() -> None:
    story = open_room()
    story.approve(ANNA, add_act(EDITH))
    again = story.entries[-1]
    assert isinstance(again, Governance)
    with refused(FoldCode.INTENT_DOUBLED):
        story.write(msgspec.structs.replace(again, seq=story.next_seq, id=b64u(bytes(16))))


# ---- the server's bit
def test_a_facilitator_gives_nobody_the_servers_bit_without_a_change_of_role() -> None:
    """Everybody sees it, and that the server obeyed; it lets nobody approve, commit or operate unseen."""
    story = strict_room()
    with refused(FoldCode.OPERATIONS_UNFIT):
        story.operation(ANNA, SeatSet(None, CLARA.seat, may_facilitate=True))
    assert story.state.seats[CLARA.id].operates
    with refused(FoldCode.ROLE_FORBIDS):
        story.operation(CLARA, SeatSet(None, ANNA.seat, may_facilitate=False))
    assert not story.state.seats[ANNA.id].operates
    story.approve(BORIS, Act("remove", 2, LONG, seat=DAVID.id))
    story.approve(ANNA, Act("remove", 2, LONG, seat=DAVID.id))
    with refused(FoldCode.COMMIT_NOT_ALLOWED):
        story.commit(CLARA, leaving=(DAVID.id,))


# ---- a party that cannot speak
def test_a_party_of_one_that_loses_its_device_can_come_back() -> None:
    story = strict_room()
    story.leave(DAVID)
    story.commit_remove(ANNA, DAVID)
    story.approve(ANNA, Act("remove", 2, LONG, seat=BORIS.id))
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)
    story.time += LONE_WAIT_S
    story.commit_remove(ANNA, BORIS)
    story.admit(EDITH, (ANNA,))


# ---- names
@pytest.mark.parametrize("name", ["\u200b", " ", "\u202eannA", "Anna", "anna", "An\u200cna"])
def test_a_name_is_visible_and_ones_own(name: str) -> None:
    with refused(FoldCode.NAME_UNFIT):
        open_room().approve(BORIS, add_act(EDITH, name=name))


# ---- invitations
def test_an_invitation_is_used_once() -> None:
    story = open_room()
    act = add_act(EDITH)
    other = msgspec.structs.replace(add_act(FARID), mailbox=act.mailbox)
    for one in (act, other):
        story.approve(ANNA, one)
    story.commit_add(ANNA, EDITH)
    assert (story.state.invitations, story.state.approvals) == ({}, {})
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, FARID)
    with refused(FoldCode.INVITATION_UNKNOWN):
        story.governance(ANNA, "approve", approve_body(ANNA, other))


def approve_body(who: Person, act: Act) -> JsonObject:
    return {"act": json_of(act), "signature": b64u(sign_approval(who.governance, ROOM_ID, act))}
