"""Invitations, knocks, bots and disclosed keys: what belongs together, and to whom."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u
from backchannel_protocol.room.admission import LONE_WAIT_S, Awaited, awaited
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import Act, Knocking, Role, Scope, json_of
from protocol.errors import refused
from protocol.history import LONG, SCOPE, Story, add_act, invite_body, scope_json
from protocol.people import ANNA, BORIS, CLARA, DAVID, EDITH, FARID, Person, id_of
from protocol.rooms import lost_room, open_room, strict_room
from protocol.test_timeline import MESSAGE

ACT = add_act(EDITH)
KNOWN = msgspec.structs.replace(ACT, rule_version=0, expires=0)


def knock(story: Story, who: Person, act: Act = KNOWN, words: Any = (1, 2, 3)) -> None:
    story.governance(who, "knock", {"act": json_of(act), "words": list(words)})


def invited() -> Story:
    """Anna invited Edith."""
    story = open_room()
    story.invite_for(ACT)
    return story


# ---- knocks
def test_everybody_sees_who_knocks_and_the_words_of_the_one_who_invited() -> None:
    story = invited()
    knock(story, ANNA)
    assert story.state.knocks == {ACT.mailbox: Knocking(KNOWN, (1, 2, 3), ANNA.id)}
    knock(story, ANNA, msgspec.structs.replace(KNOWN, name="Edith B."))
    (again,) = story.state.knocks.values()
    assert again.act.name == "Edith B."


def test_nobody_else_says_who_knocks() -> None:
    with refused(FoldCode.ROLE_FORBIDS):
        knock(invited(), BORIS)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        (FoldCode.BODY_MALFORMED, {"rule_version": 1}),
        (FoldCode.BODY_MALFORMED, {"expires": LONG}),
        (FoldCode.BODY_MALFORMED, {"mailbox": None}),
        (FoldCode.INVITATION_UNKNOWN, {"mailbox": id_of("no mailbox")}),
        (FoldCode.APPROVAL_UNFIT, {"party": "b"}),
        (FoldCode.APPROVAL_UNFIT, {"role": Role.OBSERVER}),
        (FoldCode.APPROVAL_UNFIT, {"seat": CLARA.id}),
        (FoldCode.APPROVAL_UNFIT, {"keys": None}),
        (FoldCode.SCOPE_UNFIT, {"scope": SCOPE}),
        (FoldCode.NAME_UNFIT, {"name": "E\u200b"}),
    ],
)
def test_a_knock_is_at_the_invitation_that_it_names(code: FoldCode, changed: dict[str, Any]) -> None:
    with refused(code):
        knock(invited(), ANNA, msgspec.structs.replace(KNOWN, **changed))


def test_a_knock_under_a_taken_name_is_shown_but_not_let_in() -> None:
    """It may be the member's new device, or somebody who would like to be taken for her."""
    story = invited()
    knock(story, ANNA, msgspec.structs.replace(KNOWN, name="Clara"))
    with refused(FoldCode.NAME_UNFIT):
        story.approve(ANNA, msgspec.structs.replace(ACT, name="Clara"))
    story.leave(CLARA)
    story.commit_remove(ANNA, CLARA)
    story.approve(ANNA, msgspec.structs.replace(ACT, name="Clara"))
    story.commit_add(ANNA, EDITH)


@pytest.mark.parametrize("end", ["used", "revoked", "expired", "closed"])
def test_a_knock_goes_with_its_invitation(end: str) -> None:
    story = invited()
    knock(story, ANNA)
    match end:
        case "used":
            story.approve(BORIS, ACT)
            story.commit_add(BORIS, EDITH)
        case "revoked":
            story.governance(BORIS, "revoke", {"mailbox": ACT.mailbox})
        case "expired":
            story.time = LONG
            story.governance(BORIS, "invite", invite_body(id_of("next"), expires=LONG + 9))
        case _:
            story.governance(BORIS, "close", {})
    assert story.state.knocks == {}
    assert ACT.mailbox not in story.state.invitations


# ---- one link, one seat
@pytest.mark.parametrize("late", [-1, 0])
def test_a_commit_comes_before_its_invitation_expires(late: int) -> None:
    story = open_room()
    expires = story.time + 50
    story.governance(ANNA, "invite", invite_body(ACT.mailbox or "", party="a", expires=expires))
    story.approve(ANNA, ACT)
    story.time = expires + late - 1  # the operation takes a second
    if late < 0:
        story.commit_add(ANNA, EDITH)
    else:
        with refused(FoldCode.EXPIRED):
            story.commit_add(ANNA, EDITH)


def test_revoking_an_invitation_takes_its_approvals_with_it() -> None:
    story = invited()
    story.approve(BORIS, ACT)
    story.governance(ANNA, "revoke", {"mailbox": ACT.mailbox})
    assert story.state.approvals == {}
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_add(ANNA, EDITH)


def test_two_who_were_approved_under_one_name_do_not_both_come_in() -> None:
    story = open_room()
    story.approve(ANNA, ACT)
    story.approve(ANNA, add_act(FARID, name="EDITH"))
    story.commit_add(ANNA, EDITH)
    with refused(FoldCode.NAME_UNFIT):
        story.commit_add(ANNA, FARID)


# ---- bots
@pytest.mark.parametrize(
    "body", [invite_body(role="bot"), invite_body(scope=scope_json(SCOPE))], ids=["a bot", "a person"]
)
def test_a_bot_has_a_scope_and_nobody_else(body: JsonObject) -> None:
    with refused(FoldCode.SCOPE_UNFIT):
        open_room().governance(ANNA, "invite", body)


def test_nobody_becomes_a_bot_and_a_bot_that_becomes_a_person_has_no_scope() -> None:
    story = open_room()
    with refused(FoldCode.SCOPE_UNFIT):
        story.governance(ANNA, "role", {"seat": CLARA.id, "role": "bot", "party": None})
    story.admit(EDITH, (ANNA,), Role.BOT)
    assert story.state.seats[EDITH.id].scope == SCOPE
    story.approve(ANNA, Act("role", 1, LONG, seat=EDITH.id, role=Role.PARTICIPANT, party="a"))
    story.governance(ANNA, "role", {"seat": EDITH.id, "role": "participant", "party": "a"})
    assert story.state.seats[EDITH.id].scope is None


@pytest.mark.parametrize("writes", [True, False])
def test_a_bot_writes_what_it_declared(writes: bool) -> None:
    story = open_room()
    scope = Scope("Keeps the time.", "none", writes=writes)
    act = msgspec.structs.replace(add_act(EDITH, Role.BOT, None), scope=scope)
    story.governance(
        ANNA, "invite", invite_body(act.mailbox or "", role="bot", party=None, scope=json_of(scope))
    )
    story.approve(ANNA, act)
    story.commit_add(ANNA, EDITH)
    story.accept(EDITH)
    if writes:
        story.chat(EDITH, "message", MESSAGE)
    else:
        with refused(FoldCode.ROLE_FORBIDS):
            story.chat(EDITH, "message", MESSAGE)


# ---- a party that cannot speak
def lone_room() -> Story:
    """Strict; Boris is all that there is of b."""
    story = strict_room()
    story.leave(DAVID)
    story.commit_remove(ANNA, DAVID)
    return story


def remove(person: Person) -> Act:
    return Act("remove", 2, LONG, seat=person.id)


@pytest.mark.parametrize(("early", "allowed"), [(1, False), (0, True)])
def test_a_lone_member_goes_three_days_after_all_others_approved(early: int, allowed: bool) -> None:
    story = lone_room()
    story.approve(ANNA, remove(BORIS))
    given = story.entries[-1].time
    assert awaited(story.state, remove(BORIS), story.time) == Awaited(party="b", until=given + LONE_WAIT_S)
    story.time = given + LONE_WAIT_S - early - 1  # the operation takes a second
    if allowed:
        story.commit_remove(ANNA, BORIS)
        assert not awaited(story.state, add_act(EDITH, rule_version=2), story.time).parties[1:]
    else:
        with refused(FoldCode.APPROVALS_MISSING):
            story.commit_remove(ANNA, BORIS)


@pytest.mark.parametrize("sign", ["confirm", "a commit"])
def test_a_lone_member_who_is_heard_of_stays(sign: str) -> None:
    story = lone_room()
    story.approve(ANNA, remove(BORIS))
    if sign == "confirm":
        story.governance(BORIS, "confirm", {})
    else:
        story.commit(BORIS, renewed=((BORIS.id, True),))
    assert story.state.approvals == {}
    story.time += LONE_WAIT_S
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)


def test_who_was_heard_of_before_the_party_shrank_has_three_days_from_then() -> None:
    story = strict_room()
    story.approve(ANNA, remove(BORIS))
    story.time += LONE_WAIT_S
    story.governance(BORIS, "confirm", {})
    assert len(story.state.approvals) == 1, "a majority may still want it"
    story.leave(DAVID)
    story.commit_remove(ANNA, DAVID)
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)
    story.time += LONE_WAIT_S
    story.commit_remove(ANNA, BORIS)


def test_a_lone_member_needs_all_other_facilitators() -> None:
    story = lone_room()
    story.admit(FARID, (ANNA, BORIS), Role.FACILITATOR, None)
    story.approve(ANNA, remove(BORIS))
    story.time += LONE_WAIT_S
    assert awaited(story.state, remove(BORIS), story.time).facilitators == (FARID.id,)
    with refused(FoldCode.APPROVALS_MISSING):
        story.commit_remove(ANNA, BORIS)


def test_a_party_without_a_seat_is_not_asked() -> None:
    story = lone_room()
    story.leave(BORIS)
    story.commit_remove(ANNA, BORIS)
    story.admit(EDITH, (ANNA,))


def test_a_lost_party_may_get_its_facilitator_from_outside() -> None:
    story = lost_room()
    act = add_act(FARID, Role.FACILITATOR, "b", rule_version=2)
    story.approve(ANNA, act)
    assert awaited(story.state, act, story.time) == Awaited(party="b", members=2)
    assert awaited(story.state, act, story.time).all_parties(story.state) == ["b"]
    with refused(FoldCode.ROLE_FORBIDS):
        story.approve(CLARA, act)
    for one in (DAVID, EDITH):
        story.approve(one, act)
    story.commit_add(ANNA, FARID, may_facilitate=True)


# ---- after closing
def test_a_seat_discloses_its_own_leaf_key_once_the_room_is_closed() -> None:
    story = open_room()
    body: JsonObject = {"leaf": b64u(CLARA.private("leaf"))}
    with refused(FoldCode.NOT_CLOSED):
        story.governance(CLARA, "disclose", body)
    story.governance(ANNA, "close", {})
    with refused(FoldCode.KEY_UNFIT):
        story.governance(DAVID, "disclose", body)
    for _ in range(2):
        story.governance(CLARA, "disclose", body)
    assert story.state.disclosed == (CLARA.id,)
