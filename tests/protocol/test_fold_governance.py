"""What facilitators and members do to a room: allowed, denied by each reason, and then unchanged.

A `Story` asserts after every refusal that the state is what it was.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from backchannel_mls.codec import vector
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u
from backchannel_protocol.keys import sign
from backchannel_protocol.limits import MAX_MAILBOXES
from backchannel_protocol.room.bodies import BODIES
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import Act, Admission, Invited, Role, Rules, json_of
from protocol.errors import refused
from protocol.history import (
    GENESIS,
    LONG,
    SCOPE,
    START,
    Folded,
    Governance,
    Story,
    add_act,
    fold,
    invite_body,
)
from protocol.people import (
    ANNA,
    BORIS,
    CLARA,
    DAVID,
    EDITH,
    FARID,
    MALLORY,
    ROOM,
    ROOM_ID,
    Person,
    id_of,
    seed_of,
)
from protocol.rooms import new_room, open_room, strict_room


def inbox_body(
    who: Person, inbox: bytes = seed_of("a new inbox"), signer: Person | None = None
) -> JsonObject:
    content = ROOM + who.seat + vector(inbox)
    return {"inbox": b64u(inbox), "signature": b64u(sign((signer or who).governance, "inbox", content))}


def bodies_of(story: Story, who: Person) -> dict[str, JsonObject]:
    """For each type a body that a facilitator of this room may send now, genesis apart."""
    approval = story.approve(who, add_act(EDITH))
    story.governance(who, "invite", invite_body())
    return {
        "accept": {"version": story.state.rules.version},
        "rules": {"lines": ["Be brief."]},
        "title": {"title": "Another title"},
        "welcome": {"welcome": ""},
        "retention": {"retention": {"seconds": 60, "after_reading": True}},
        "history": {"history": "briefing"},
        "invite": invite_body(id_of("another mailbox")),
        "revoke": {"mailbox": id_of("mailbox")},
        "knock": knock_body(add_act(EDITH)),
        "approve": approve_body(who, EDITH),
        "unapprove": {"approval": approval},
        "role": {"seat": EDITH.id, "role": "observer", "party": None},
        "admission": {"rule": "party"},
        "confirm": {},
        "leave": {},
        "inbox": inbox_body(who),
        "close": {},
        "disclose": {"leaf": b64u(who.private("leaf"))},
    }


def knock_body(act: Act, words: tuple[int, int, int] = (0, 1, 2047)) -> JsonObject:
    known = msgspec.structs.replace(act, rule_version=0, expires=0)
    return {"act": json_of(known), "words": list(words)}


def approve_body(who: Person, person: Person) -> JsonObject:
    from backchannel_protocol.room.admission import sign_approval

    act = add_act(person)
    return {"act": json_of(act), "signature": b64u(sign_approval(who.governance, ROOM_ID, act))}


def test_every_type_has_its_tests() -> None:
    assert set(bodies_of(open_room(), ANNA)) | {"genesis"} == set(BODIES)


MEMBERS_MAY = {"accept", "confirm", "leave", "inbox"}
BEFORE_ACCEPTING = {"accept", "confirm", "leave"}
TYPES = sorted(set(BODIES) - {"genesis"})


@pytest.mark.parametrize("type_", sorted(set(TYPES) - {"role", "disclose"}))
def test_a_facilitator_may(type_: str) -> None:
    story = open_room()
    story.governance(ANNA, type_, bodies_of(story, ANNA)[type_])


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("role", [Role.PARTICIPANT, Role.INTERPRETER, Role.OBSERVER, Role.BOT])
def test_another_role_may_only_what_concerns_itself(type_: str, role: Role) -> None:
    story = new_room()
    story.admit(CLARA, (ANNA,), role)
    body = bodies_of(story, ANNA)[type_]
    if type_ == "inbox":
        body = inbox_body(CLARA)
    if type_ in MEMBERS_MAY:
        story.governance(CLARA, type_, body)
        return
    others = {"unapprove": FoldCode.APPROVAL_UNKNOWN, "disclose": FoldCode.NOT_CLOSED}
    with refused(others.get(type_, FoldCode.ROLE_FORBIDS)):
        story.governance(CLARA, type_, body)


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("who", [ANNA, FARID], ids=["a facilitator", "a newcomer"])
def test_before_the_rules_are_accepted_nothing_else_counts(type_: str, who: Person) -> None:
    story = open_room()
    story.admit(FARID, (BORIS,), accept=False)
    story.governance(BORIS, "rules", {"lines": ["New."]})
    story.accept(BORIS)
    body = {**bodies_of(story, BORIS)[type_]} if type_ != "approve" else approve_body(who, MALLORY)
    if type_ in BEFORE_ACCEPTING:
        story.governance(who, type_, body)
    elif type_ == "disclose":
        with refused(FoldCode.NOT_CLOSED):
            story.governance(who, type_, body)
    else:
        with refused(FoldCode.RULES_NOT_ACCEPTED):
            story.governance(who, type_, body)


@pytest.mark.parametrize("type_", TYPES)
def test_a_closed_room_takes_confirmations_and_disclosures_only(type_: str) -> None:
    story = open_room()
    body = bodies_of(story, ANNA)[type_]
    story.governance(BORIS, "close", {})
    if type_ in ("confirm", "disclose"):
        story.governance(ANNA, type_, body)
    else:
        with refused(FoldCode.CLOSED):
            story.governance(ANNA, type_, body)


@pytest.mark.parametrize("type_", TYPES)
def test_a_seat_that_is_not_in_the_room_may_nothing(type_: str) -> None:
    story = open_room()
    body = bodies_of(story, ANNA)[type_]
    with refused(FoldCode.SENDER_UNKNOWN):
        story.governance(MALLORY, type_, body)


@pytest.mark.parametrize("type_", TYPES)
def test_an_intent_counts_once(type_: str) -> None:
    story = open_room()
    body = bodies_of(story, ANNA)[type_]
    used = story.state.intents[ANNA.id]
    for intent in (used, 1):
        with refused(FoldCode.INTENT_DOUBLED):
            story.governance(ANNA, type_, body, intent=intent)


@pytest.mark.parametrize("type_", TYPES)
def test_nothing_comes_before_the_genesis(type_: str) -> None:
    body = bodies_of(open_room(), ANNA)[type_]
    with refused(FoldCode.NO_GENESIS):
        Story().governance(ANNA, type_, body)


@pytest.mark.parametrize("type_", TYPES)
def test_a_body_with_an_unknown_or_a_missing_field_is_malformed(type_: str) -> None:
    story = open_room()
    body = bodies_of(story, ANNA)[type_]
    wrong = [{**body, "more": 1}, *({k: v for k, v in body.items() if k != name} for name in body)]
    for one in wrong:
        with refused(FoldCode.BODY_MALFORMED):
            story.governance(ANNA, type_, one)


def malformed_values() -> list[tuple[str, dict[str, Any]]]:
    keys: JsonObject = json_of(ANNA.keys)
    act: JsonObject = json_of(add_act(EDITH))
    signature = b64u(bytes(64))
    mailbox = id_of("mailbox")
    return [
        ("accept", {"version": "1"}),
        ("accept", {"version": True}),
        ("accept", {"version": -1}),
        ("accept", {"version": 1 << 53}),
        ("rules", {"lines": ["x"] * 13}),
        ("rules", {"lines": [""]}),
        ("rules", {"lines": ["x" * 301]}),
        ("rules", {"lines": "x"}),
        ("title", {"title": ""}),
        ("title", {"title": "x" * 81}),
        ("title", {"title": None}),
        ("welcome", {"welcome": "x" * 2001}),
        ("retention", {"retention": {"seconds": -1, "after_reading": False}}),
        ("retention", {"retention": {"seconds": 1, "after_reading": 1}}),
        ("retention", {"retention": {"seconds": 1, "after_reading": True, "more": 1}}),
        ("history", {"history": "everything"}),
        ("invite", invite_body(mailbox + "\n")),
        ("invite", invite_body(mailbox[:-1] + "B")),
        ("invite", invite_body(mailbox[:-1])),
        ("invite", invite_body(mailbox + "=")),
        ("invite", invite_body(role="host")),
        ("invite", invite_body(party="")),
        ("invite", invite_body(party="x" * 9)),
        ("invite", invite_body(role="bot", scope={**json_of(SCOPE), "more": 1})),
        ("invite", invite_body(role="bot", scope={**json_of(SCOPE), "purpose": ""})),
        ("invite", invite_body(role="bot", scope={**json_of(SCOPE), "purpose": "x" * 301})),
        ("invite", invite_body(role="bot", scope={**json_of(SCOPE), "reads": "some"})),
        ("invite", invite_body(role="bot", scope={**json_of(SCOPE), "writes": 1})),
        ("invite", invite_body(role="bot", scope="Counts words.")),
        ("knock", knock_body(add_act(EDITH), (0, 1, 2048))),
        ("knock", {**knock_body(add_act(EDITH)), "words": [1, 2]}),
        ("knock", {**knock_body(add_act(EDITH)), "words": [1, True, 2]}),
        ("knock", {"act": json_of(add_act(EDITH)), "words": [1, 2, 3]}),
        ("knock", knock_body(Act("remove", 0, 0, seat=CLARA.id))),
        ("disclose", {"leaf": b64u(bytes(31))}),
        ("revoke", {"mailbox": 7}),
        ("approve", {"act": act, "signature": signature + "\n"}),
        ("approve", {"act": act, "signature": signature[:-1]}),
        ("approve", {"act": act, "signature": signature[:-1] + "B"}),
        ("approve", {"act": {**act, "act": "ban"}, "signature": signature}),
        ("approve", {"act": {**act, "more": 1}, "signature": signature}),
        ("approve", {"act": {**act, "package": str(act["package"]) + "\n"}, "signature": signature}),
        ("approve", {"act": {**act, "package": b64u(bytes(48))}, "signature": signature}),
        ("approve", {"act": {**act, "keys": {**keys, "more": 1}}, "signature": signature}),
        ("approve", {"act": {**act, "keys": {**keys, "seat": "x"}}, "signature": signature}),
        ("unapprove", {"approval": "x"}),
        ("role", {"seat": ANNA.id, "role": "host", "party": None}),
        ("admission", {"rule": "none"}),
        ("inbox", {"inbox": "A", "signature": signature}),
        ("inbox", {"inbox": "AB", "signature": signature}),
        ("inbox", {"inbox": "", "signature": signature}),
        ("inbox", {"inbox": b64u(bytes(31)), "signature": signature}),
        ("inbox", {"inbox": b64u(bytes(2049)), "signature": signature}),
        ("inbox", {"inbox": "x" * 4097, "signature": signature}),
        ("inbox", {"inbox": "+/+/", "signature": signature}),
    ]


@pytest.mark.parametrize(("type_", "body"), malformed_values())
def test_a_field_out_of_bounds_is_malformed(type_: str, body: dict[str, Any]) -> None:
    story = open_room()
    with refused(FoldCode.BODY_MALFORMED):
        story.governance(ANNA, type_, body)


@pytest.mark.parametrize("type_", ["", "ban", "message", "Title", "titles", "snapshot"])
def test_an_unknown_type_is_refused(type_: str) -> None:
    with refused(FoldCode.TYPE_UNKNOWN):
        open_room().governance(ANNA, type_, {})


# ---- genesis
def test_genesis_makes_a_room_with_its_creator() -> None:
    story = new_room()
    state = story.state
    assert (state.room, state.title, state.rules) == (
        ROOM_ID,
        "Quiet room",
        Rules(1, ("Listen.", "Nothing leaves the room.")),
    )
    assert state.admission == Admission("any", 1)
    creator = state.seats[ANNA.id]
    assert (creator.role, creator.party, creator.accepted, creator.by) == (
        Role.FACILITATOR,
        "a",
        1,
        (ANNA.id,),
    )
    assert (list(state.seats), state.intents, state.closed) == ([ANNA.id], {ANNA.id: 1}, None)


def test_a_room_is_created_once() -> None:
    story = new_room()
    with refused(FoldCode.NOT_FIRST):
        story.genesis(BORIS)


def test_genesis_is_the_first_event_of_the_log() -> None:
    body = {**GENESIS, "name": "Anna", "party": "a", "keys": json_of(ANNA.keys)}
    late = Governance(seq=2, time=START, seat=ANNA.id, id=id_of("late"), type="genesis", body=body, intent=1)
    with refused(FoldCode.NOT_FIRST):
        fold(Folded(), late)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        (FoldCode.PARTY_UNKNOWN, {"party": "c"}),
        (FoldCode.BODY_MALFORMED, {"parties": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]}),
        (FoldCode.BODY_MALFORMED, {"parties": [{"id": str(n), "name": "A"} for n in range(13)]}),
        (FoldCode.BODY_MALFORMED, {"title": ""}),
        (FoldCode.NAME_UNFIT, {"title": "Quiet  room"}),
        (FoldCode.NAME_UNFIT, {"name": "An\u200bna"}),
        (FoldCode.NAME_UNFIT, {"parties": [{"id": "a", "name": " Alpha"}]}),
        (FoldCode.BODY_MALFORMED, {"record_key": "x"}),
        (FoldCode.BODY_MALFORMED, {"keys": {}}),
        (FoldCode.BODY_MALFORMED, {"name": ""}),
        (FoldCode.BODY_MALFORMED, {"admission": "party"}),
        (FoldCode.BODY_MALFORMED, {"suite": -1}),
    ],
)
def test_a_wrong_genesis_makes_no_room(code: FoldCode, changed: dict[str, Any]) -> None:
    story = Story()
    with refused(code):
        story.genesis(ANNA, **({"party": "a"} | changed))
    assert story.room is None


def test_lengths_are_counted_in_code_points() -> None:
    story = open_room()
    story.governance(ANNA, "title", {"title": "\U0001f54a" * 80})  # 160 units of UTF-16, 320 bytes
    with refused(FoldCode.BODY_MALFORMED):
        story.governance(ANNA, "title", {"title": "\U0001f54a" * 81})


# ---- what the acts do
def test_new_rules_ask_everybody_else_again() -> None:
    story = open_room()
    story.governance(ANNA, "rules", {"lines": ["One."]})
    assert story.state.rules == Rules(2, ("One.",))
    assert [seat.accepted for seat in story.state.seats.values()] == [2, 1, 1, 1]
    with refused(FoldCode.VERSION_STALE):
        story.governance(CLARA, "accept", {"version": 1})
    with refused(FoldCode.VERSION_STALE):
        story.governance(CLARA, "accept", {"version": 3})
    story.accept(CLARA)
    assert story.state.seats[CLARA.id].accepted == 2


def test_texts_and_numbers_change() -> None:
    story = open_room()
    for type_ in ("title", "welcome", "retention", "history"):
        story.governance(ANNA, type_, bodies_of(open_room(), ANNA)[type_])
    state = story.state
    assert (state.title, state.welcome, state.history.value) == ("Another title", "", "briefing")
    assert (state.retention.seconds, state.retention.after_reading) == (60, True)


def test_an_invitation_is_opened_and_revoked_by_any_facilitator() -> None:
    story = open_room()
    story.governance(ANNA, "invite", invite_body())
    mailbox = id_of("mailbox")
    assert story.state.invitations == {mailbox: Invited(Role.PARTICIPANT, "b", None, LONG, ANNA.id)}
    with refused(FoldCode.INVITATION_EXISTS):
        story.governance(BORIS, "invite", invite_body())
    story.governance(BORIS, "revoke", {"mailbox": mailbox})
    assert story.state.invitations == {}
    with refused(FoldCode.INVITATION_UNKNOWN):
        story.governance(BORIS, "revoke", {"mailbox": mailbox})


def test_an_invitation_needs_a_known_party_and_a_future() -> None:
    story = open_room()
    with refused(FoldCode.PARTY_UNKNOWN):
        story.governance(ANNA, "invite", invite_body(party="c"))
    for expires in (0, story.time - 1, story.time + 1):
        with refused(FoldCode.EXPIRED):
            story.governance(ANNA, "invite", invite_body(expires=expires))


def test_expired_invitations_go_when_the_next_is_made() -> None:
    story = open_room()
    story.governance(ANNA, "invite", invite_body(expires=story.time + 5))
    story.time += 5
    story.governance(ANNA, "invite", invite_body(id_of("next")))
    assert list(story.state.invitations) == [id_of("next")]


def test_invitations_are_bounded() -> None:
    story = open_room()
    for number in range(MAX_MAILBOXES):
        story.governance(ANNA, "invite", invite_body(id_of("mailbox", str(number))))
    with refused(FoldCode.TOO_MANY):
        story.governance(ANNA, "invite", invite_body())
    story.governance(BORIS, "revoke", {"mailbox": id_of("mailbox", "0")})
    story.governance(BORIS, "invite", invite_body())


def test_an_inbox_key_is_rotated_by_its_own_seat_only() -> None:
    story = open_room()
    story.governance(CLARA, "inbox", inbox_body(CLARA))
    assert story.state.seats[CLARA.id].keys.inbox == b64u(seed_of("a new inbox"))
    for body in (inbox_body(DAVID), inbox_body(DAVID, signer=MALLORY), inbox_body(CLARA, signer=DAVID)):
        with refused(FoldCode.APPROVAL_SIGNATURE):
            story.governance(CLARA, "inbox", body)


def test_a_confirmation_and_leaving_twice_change_nothing_but_the_intent() -> None:
    story = open_room()
    story.leave(CLARA)
    before = json_of(story.state)
    story.leave(CLARA)
    story.governance(DAVID, "confirm", {})
    after = json_of(story.state)
    assert {**before, "intents": None} == {**after, "intents": None}


def test_closing_drops_what_waits() -> None:
    story = open_room()
    story.approve(ANNA, add_act(EDITH))
    story.governance(ANNA, "invite", invite_body())
    story.governance(ANNA, "close", {})
    assert (story.state.approvals, story.state.invitations) == ({}, {})
    assert story.state.closed == len(story.entries)


def test_a_closed_room_changes_no_more_by_commits() -> None:
    story = open_room()
    story.leave(CLARA)
    story.governance(ANNA, "close", {})
    with refused(FoldCode.CLOSED):
        story.commit_remove(ANNA, CLARA)
    with refused(FoldCode.CLOSED):
        story.commit(CLARA, renewed=((CLARA.id, True),))


# ---- leaving
def test_a_seat_leaves_and_a_facilitator_commits_it() -> None:
    story = open_room()
    story.leave(CLARA)
    assert story.state.leaving == (CLARA.id,)
    after = story.commit_remove(BORIS, CLARA)
    assert CLARA.id not in after.seats
    gone = after.past[0]
    assert (gone.seat, gone.name, gone.how, gone.seq) == (CLARA.id, "Clara", "left", len(story.entries))
    assert not after.leaving
    assert CLARA.id not in after.intents


def test_the_last_facilitator_does_not_leave_while_others_are_there() -> None:
    story = new_room()
    story.admit(CLARA, (ANNA,))
    with refused(FoldCode.LAST_FACILITATOR):
        story.leave(ANNA)


def test_not_all_facilitators_leave_at_once() -> None:
    story = open_room()
    story.leave(ANNA)
    with refused(FoldCode.LAST_FACILITATOR):
        story.leave(BORIS)


def test_somebody_alone_may_leave() -> None:
    assert new_room().leave(ANNA).leaving == (ANNA.id,)


def test_strict_room_is_strict() -> None:
    assert strict_room().state.admission == Admission("party", 2)
