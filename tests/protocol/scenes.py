"""The histories of the fold's vectors: each a short story that ends in something allowed or denied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from backchannel_mls.codec import vector
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u
from backchannel_protocol.keys import sign
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationClose,
    InvitationOpen,
    Mute,
    SeatAdd,
    SeatRemove,
    SeatSet,
    SetPolicy,
)
from backchannel_protocol.room.admission import sign_approval
from backchannel_protocol.room.refusals import FoldRefusal
from backchannel_protocol.room.state import Act, Role, Scope, json_of
from protocol.history import LONG, SCOPE, Governance, Story, add_act, invite_body, joined, scope_json
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

Scene = Callable[[Story], object]
EXPOSURE: JsonObject = {"audience": "room", "quotable": "anonymous", "until": 0}
MESSAGE: JsonObject = {"text": "Good morning.", "exposure": EXPOSURE}


def attempt(story: Story, *steps: Scene) -> None:
    """Each step is tried, whatever came of the one before."""
    for step in steps:
        with suppress(FoldRefusal):
            step(story)


def role_of(person: Person, role: Role, party: str | None) -> JsonObject:
    return {"seat": person.id, "role": role.value, "party": party}


def inbox_of(who: Person, signer: Person, size: int = 32) -> JsonObject:
    inbox = (seed_of("inbox") * 66)[:size]
    content = ROOM + who.seat + vector(inbox)
    return {"inbox": b64u(inbox), "signature": b64u(sign(signer.governance, "inbox", content))}


def genesis_alone(s: Story) -> None:
    attempt(
        s,
        lambda s: s.governance(ANNA, "title", {"title": "too early"}),
        lambda s: s.genesis(ANNA),
    )


def genesis_twice(s: Story) -> None:
    attempt(s, lambda s: s.genesis(ANNA), lambda s: s.genesis(ANNA), lambda s: s.genesis(BORIS))


def genesis_refused(s: Story) -> None:
    attempt(s, lambda s: s.genesis(ANNA, party="c"), lambda s: s.genesis(ANNA, party="a"))


def settings(s: Story) -> None:
    attempt(
        s,
        lambda s: s.governance(ANNA, "title", {"title": "\U0001f54a" * 80}),
        lambda s: s.governance(ANNA, "title", {"title": "\U0001f54a" * 81}),
        lambda s: s.governance(ANNA, "title", {"title": ""}),
        lambda s: s.governance(ANNA, "title", {"title": "x", "more": 1}),
        lambda s: s.governance(ANNA, "welcome", {"welcome": ""}),
        lambda s: s.governance(BORIS, "retention", {"retention": {"after_reading": True, "seconds": 60}}),
        lambda s: s.governance(BORIS, "retention", {"retention": {"after_reading": 1, "seconds": 60}}),
        lambda s: s.governance(BORIS, "history", {"history": "briefing"}),
        lambda s: s.governance(BORIS, "history", {"history": "all"}),
        lambda s: s.governance(BORIS, "ban", {}),
        lambda s: s.governance(CLARA, "title", {"title": "not hers"}),
        lambda s: s.governance(MALLORY, "title", {"title": "nobody's"}),
    )


def rules(s: Story) -> None:
    attempt(
        s,
        lambda s: s.governance(ANNA, "rules", {"lines": ["One.", "Two."]}),
        lambda s: s.governance(BORIS, "title", {"title": "not yet accepted"}),
        lambda s: s.governance(CLARA, "accept", {"version": 1}),
        lambda s: s.governance(CLARA, "accept", {"version": 2}),
        lambda s: s.governance(BORIS, "accept", {"version": True}),
        lambda s: s.governance(BORIS, "accept", {"version": 2}),
        lambda s: s.governance(BORIS, "title", {"title": "accepted"}),
    )


def intents(s: Story) -> None:
    attempt(
        s,
        lambda s: s.governance(CLARA, "confirm", {}, intent=7),
        lambda s: s.governance(CLARA, "confirm", {}, intent=7),
        lambda s: s.governance(CLARA, "confirm", {}, intent=6),
        lambda s: s.governance(CLARA, "title", {"title": "refused, so not counted"}, intent=9),
        lambda s: s.governance(CLARA, "confirm", {}, intent=8),
    )


def invitations(s: Story) -> None:
    mailbox = id_of("mailbox")
    attempt(
        s,
        lambda s: s.governance(ANNA, "invite", invite_body()),
        lambda s: s.governance(BORIS, "invite", invite_body()),
        lambda s: s.governance(BORIS, "invite", invite_body(id_of("other"), party="c")),
        lambda s: s.governance(BORIS, "invite", invite_body(id_of("other"), expires=s.time)),
        lambda s: s.governance(BORIS, "invite", invite_body(id_of("other"), expires=s.time + 2)),
        lambda s: s.governance(BORIS, "invite", invite_body(mailbox + "\n")),
        lambda s: s.governance(BORIS, "invite", invite_body(mailbox[:-1] + "B")),
        lambda s: s.governance(BORIS, "invite", invite_body(id_of("third"), role="bot")),
        lambda s: s.governance(BORIS, "invite", invite_body(id_of("third"), scope=scope_json(SCOPE))),
        lambda s: s.governance(ANNA, "invite", invite_body(id_of("third"), role="bot", scope=json_of(SCOPE))),
        lambda s: s.governance(BORIS, "revoke", {"mailbox": mailbox}),
        lambda s: s.governance(BORIS, "revoke", {"mailbox": mailbox}),
    )


def admission_any(s: Story) -> None:
    attempt(
        s,
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.approve(CLARA, add_act(EDITH)),
        lambda s: s.approve(BORIS, add_act(EDITH, Role.OBSERVER, None)),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.accept(EDITH),
    )


def admission_party(s: Story) -> None:
    act = add_act(EDITH, rule_version=2)
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(EDITH)),
        lambda s: s.approve(ANNA, act),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.approve(BORIS, msgspec.structs.replace(act, role=Role.OBSERVER)),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.approve(BORIS, act),
        lambda s: s.commit_add(BORIS, EDITH),
    )


def approvals_expire(s: Story) -> None:
    s.approve(ANNA, add_act(EDITH, expires=s.time + 10))
    s.time += 8
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(FARID, expires=s.time)),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.approve(ANNA, add_act(FARID, expires=s.time + 10)),
    )
    s.time += 7
    attempt(s, lambda s: s.commit_add(ANNA, FARID))


def approvals_withdrawn(s: Story) -> None:
    approval = s.approve(BORIS, add_act(EDITH))
    attempt(
        s,
        lambda s: s.governance(ANNA, "unapprove", {"approval": approval}),
        lambda s: s.governance(BORIS, "unapprove", {"approval": approval}),
        lambda s: s.governance(BORIS, "unapprove", {"approval": approval}),
        lambda s: s.commit_add(ANNA, EDITH),
    )


def approvals_signed_wrongly(s: Story) -> None:
    act = add_act(EDITH)
    s.invite_for(act)
    foreign = b64u(sign_approval(ANNA.governance, id_of("another room"), act))
    good = b64u(sign_approval(ANNA.governance, ROOM_ID, act))
    attempt(
        s,
        lambda s: s.approve(ANNA, act, signer=BORIS),
        lambda s: s.governance(ANNA, "approve", {"act": json_of(act), "signature": foreign}),
        lambda s: s.governance(ANNA, "approve", {"act": json_of(act), "signature": good + "\n"}),
        lambda s: s.governance(ANNA, "approve", {"act": {**json_of(act), "more": 1}, "signature": good}),
        lambda s: s.governance(ANNA, "approve", {"act": json_of(act), "signature": good}),
    )


def approvals_unfit(s: Story) -> None:
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(CLARA)),
        lambda s: s.approve(ANNA, add_act(EDITH, party="c")),
        lambda s: s.approve(ANNA, add_act(EDITH, expires=s.time + 15 * 86_400)),
        lambda s: s.approve(ANNA, msgspec.structs.replace(add_act(EDITH), role=Role.OBSERVER)),
        lambda s: s.approve(ANNA, msgspec.structs.replace(add_act(EDITH), scope=SCOPE)),
        lambda s: s.approve(ANNA, add_act(EDITH, rule_version=2)),
        lambda s: s.approve(ANNA, Act("remove", 1, LONG, seat=EDITH.id)),
        lambda s: s.approve(ANNA, Act("role", 1, LONG, seat=CLARA.id)),
        lambda s: s.approve(ANNA, Act("rule", 1, LONG)),
        lambda s: s.approve(ANNA, Act("add", 1, LONG)),
    )


def approvals_superseded(s: Story) -> None:
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(EDITH)),
        lambda s: s.approve(BORIS, add_act(EDITH, Role.FACILITATOR, "b")),
        lambda s: s.approve(ANNA, add_act(EDITH, name="Edith B.")),
        lambda s: s.commit_add(ANNA, EDITH, may_facilitate=True),
        lambda s: s.commit_add(ANNA, EDITH),
    )


def approvals_ambiguous(s: Story) -> None:
    s.admit(FARID, (ANNA,), Role.FACILITATOR, None)
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(EDITH)),
        lambda s: s.approve(BORIS, add_act(EDITH, Role.OBSERVER, "b")),
        lambda s: s.commit_add(FARID, EDITH),
        lambda s: s.commit_add(BORIS, EDITH),
    )


def approval_ids(s: Story) -> None:
    approval = s.approve(ANNA, Act("remove", 1, LONG, seat=BORIS.id))
    act = add_act(EDITH)
    s.invite_for(act)
    body: Any = {"act": json_of(act), "signature": b64u(sign_approval(BORIS.governance, ROOM_ID, act))}
    attempt(
        s,
        lambda s: s.write(
            Governance(seat=BORIS.id, type="approve", body=body, intent=9, **{**s.place(), "id": approval})
        ),
        lambda s: s.commit_remove(ANNA, BORIS),
    )


def rule_switched(s: Story) -> None:
    loosen = Act("rule", 2, LONG, admission="any")
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(EDITH)),
        lambda s: s.set_admission(ANNA, "any"),
        lambda s: s.set_admission(CLARA, "party"),
        lambda s: s.set_admission(ANNA, "party"),
        lambda s: s.set_admission(BORIS, "party"),
        lambda s: s.set_admission(ANNA, "any"),
        lambda s: s.approve(ANNA, loosen),
        lambda s: s.set_admission(ANNA, "any"),
        lambda s: s.approve(BORIS, loosen),
        lambda s: s.set_admission(ANNA, "any"),
    )


def rule_without_parties(s: Story) -> None:
    s.genesis(ANNA, party=None, parties=[])
    attempt(s, lambda s: s.set_admission(ANNA, "party"))


def rule_without_a_facilitator(s: Story) -> None:
    attempt(s, lambda s: s.set_admission(ANNA, "party"))


def roles(s: Story) -> None:
    act = Act("role", 1, LONG, seat=CLARA.id, role=Role.INTERPRETER)
    attempt(
        s,
        lambda s: s.governance(ANNA, "role", role_of(CLARA, Role.INTERPRETER, None)),
        lambda s: s.approve(BORIS, act),
        lambda s: s.governance(ANNA, "role", role_of(CLARA, Role.INTERPRETER, "a")),
        lambda s: s.governance(ANNA, "role", role_of(CLARA, Role.INTERPRETER, None)),
        lambda s: s.governance(ANNA, "role", role_of(EDITH, Role.INTERPRETER, None)),
        lambda s: s.governance(ANNA, "role", role_of(CLARA, Role.INTERPRETER, "c")),
    )


def last_facilitator(s: Story) -> None:
    s.admit(CLARA, (ANNA,))
    attempt(
        s,
        lambda s: s.leave(ANNA),
        lambda s: s.approve(ANNA, Act("role", 1, LONG, seat=ANNA.id, role=Role.BOT)),
        lambda s: s.governance(ANNA, "role", role_of(ANNA, Role.BOT, None)),
        lambda s: s.approve(ANNA, Act("role", 1, LONG, seat=ANNA.id, role=Role.OBSERVER)),
        lambda s: s.governance(ANNA, "role", role_of(ANNA, Role.OBSERVER, None)),
        lambda s: s.leave(CLARA),
        lambda s: s.commit_remove(ANNA, CLARA),
        lambda s: s.leave(ANNA),
    )


def all_facilitators_leave(s: Story) -> None:
    attempt(s, lambda s: s.leave(ANNA), lambda s: s.leave(BORIS), lambda s: s.commit_remove(BORIS, ANNA))


def leaving(s: Story) -> None:
    attempt(
        s,
        lambda s: s.leave(CLARA),
        lambda s: s.leave(CLARA),
        lambda s: s.commit(DAVID, leaving=(CLARA.id,)),
        lambda s: s.commit(ANNA, leaving=(CLARA.id,)),
        lambda s: s.commit_remove(ANNA, CLARA),
        lambda s: s.governance(CLARA, "confirm", {}),
        lambda s: s.approve(ANNA, add_act(CLARA)),
    )


def removal(s: Story) -> None:
    attempt(
        s,
        lambda s: s.commit_remove(ANNA, DAVID),
        lambda s: s.approve(BORIS, Act("remove", 1, LONG, seat=DAVID.id)),
        lambda s: s.commit_remove(ANNA, DAVID),
        lambda s: s.commit_remove(ANNA, DAVID),
        lambda s: s.commit_remove(ANNA, ANNA),
    )


def only_facilitator_removed(s: Story) -> None:
    act = Act("remove", 2, LONG, seat=BORIS.id)
    attempt(
        s,
        lambda s: s.approve(ANNA, act),
        lambda s: s.commit_remove(ANNA, BORIS),
        lambda s: s.approve(CLARA, act),
        lambda s: s.approve(DAVID, act),
        lambda s: s.commit_remove(ANNA, BORIS),
    )


def lost_facilitator_replaced(s: Story) -> None:
    s.admit(EDITH, (ANNA, BORIS), party="b")
    s.leave(BORIS)
    s.commit_remove(ANNA, BORIS)
    act = Act("role", 2, LONG, seat=DAVID.id, role=Role.FACILITATOR, party="b")
    body = role_of(DAVID, Role.FACILITATOR, "b")
    attempt(
        s,
        lambda s: s.approve(ANNA, add_act(FARID, rule_version=2)),
        lambda s: s.commit_add(ANNA, FARID),
        lambda s: s.approve(ANNA, act),
        lambda s: s.approve(DAVID, act),
        lambda s: s.governance(ANNA, "role", body),
        lambda s: s.approve(CLARA, act),
        lambda s: s.approve(EDITH, act),
        lambda s: s.governance(ANNA, "role", body),
        lambda s: s.approve(DAVID, add_act(FARID, rule_version=2)),
        lambda s: s.commit_add(DAVID, FARID),
    )


def facilitator_captured(s: Story) -> None:
    s.genesis(ANNA, parties=[{"id": id_, "name": id_} for id_ in ("a", "b", "c")])
    for person, role, party in (
        (BORIS, Role.FACILITATOR, "b"),
        (FARID, Role.FACILITATOR, "c"),
        (CLARA, Role.PARTICIPANT, "c"),
    ):
        s.admit(person, (ANNA,), role, party)
    s.set_admission(ANNA, "party")
    s.leave(FARID)
    s.commit_remove(ANNA, FARID)
    act = Act("role", 2, LONG, seat=BORIS.id, role=Role.FACILITATOR, party="c")
    attempt(
        s,
        lambda s: s.approve(ANNA, act),
        lambda s: s.approve(CLARA, act),
        lambda s: s.governance(ANNA, "role", role_of(BORIS, Role.FACILITATOR, "c")),
    )


def ghosts(s: Story) -> None:
    s.approve(ANNA, add_act(EDITH))
    attempt(
        s,
        lambda s: s.commit(ANNA, joining=(joined(EDITH),)),
        lambda s: s.commit_add(ANNA, MALLORY),
        lambda s: s.commit_add(ANNA, EDITH, seat_key=MALLORY.credential.seat_key),
        lambda s: s.commit_add(ANNA, EDITH, may_facilitate=True),
        lambda s: s.commit_add(ANNA, EDITH, keys=MALLORY.keys),
        lambda s: s.commit_add(ANNA, EDITH, package=MALLORY.package),
        lambda s: s.commit(CLARA, joining=(joined(EDITH),)),
        lambda s: s.commit_add(ANNA, EDITH),
    )


def copied_key(s: Story) -> None:
    keys = msgspec.structs.replace(EDITH.keys, governance=BORIS.keys.governance)
    act = msgspec.structs.replace(add_act(EDITH), keys=keys)
    attempt(s, lambda s: s.approve(ANNA, act), lambda s: s.commit_add(ANNA, EDITH, keys=keys))


def updates(s: Story) -> None:
    attempt(
        s,
        lambda s: s.commit(CLARA, renewed=((CLARA.id, True),)),
        lambda s: s.commit(CLARA, renewed=((CLARA.id, False),)),
        lambda s: s.commit(CLARA, renewed=((DAVID.id, True),)),
        lambda s: s.commit(ANNA, other=True),
        lambda s: s.commit(MALLORY),
    )


def operations(s: Story) -> None:
    add = SeatAdd(None, EDITH.seat, EDITH.credential.seat_key, may_facilitate=False)
    attempt(
        s,
        lambda s: s.operation(CLARA, add),
        lambda s: s.operation(ANNA, add),
        lambda s: s.commit(CLARA, renewed=((CLARA.id, True),)),
        lambda s: s.operation(ANNA, add),
        lambda s: s.commit(ANNA, renewed=((ANNA.id, True),)),
        lambda s: s.approve(ANNA, add_act(EDITH)),
        lambda s: s.operation(ANNA, add),
        lambda s: s.operation(ANNA, Mute(None, CLARA.seat, 0)),
        lambda s: s.commit(ANNA, joining=(joined(EDITH),)),
        lambda s: s.operation(BORIS, add),
        lambda s: s.commit(ANNA, joining=(joined(EDITH),)),
        lambda s: s.operation(ANNA, SeatRemove(None, CLARA.seat)),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.commit_add(ANNA, EDITH),
    )


def operations_unfit(s: Story) -> None:
    """What the server is told is so in the room at that place, and then not."""
    mailbox, auth = seed_of("some mailbox")[:16], seed_of("auth")
    to_observer = Act("role", 1, LONG, seat=BORIS.id, role=Role.OBSERVER, party="b")
    attempt(
        s,
        lambda s: s.operation(ANNA, InvitationOpen(None, mailbox, auth, LONG)),
        lambda s: s.governance(ANNA, "invite", invite_body(b64u(mailbox))),
        lambda s: s.operation(ANNA, InvitationOpen(None, mailbox, auth, LONG + 1)),
        lambda s: s.operation(ANNA, InvitationOpen(None, mailbox, auth, LONG)),
        lambda s: s.operation(ANNA, InvitationClose(None, mailbox)),
        lambda s: s.governance(ANNA, "revoke", {"mailbox": b64u(mailbox)}),
        lambda s: s.operation(ANNA, InvitationClose(None, mailbox)),
        lambda s: s.operation(ANNA, SetPolicy(None, 0, 60, after_reading=True, paused_until=0)),
        lambda s: s.governance(ANNA, "retention", {"retention": {"after_reading": True, "seconds": 60}}),
        lambda s: s.operation(ANNA, SetPolicy(None, 0, 60, after_reading=True, paused_until=0)),
        lambda s: s.operation(ANNA, SetPolicy(None, 1, 60, after_reading=True, paused_until=0)),
        lambda s: s.operation(ANNA, SetPolicy(None, 0, 60, after_reading=True, paused_until=LONG)),
        lambda s: s.operation(ANNA, Mute(None, CLARA.seat, LONG)),
        lambda s: s.operation(ANNA, SeatSet(None, CLARA.seat, may_facilitate=True)),
        lambda s: s.operation(CLARA, Mute(None, DAVID.seat, 0)),
        lambda s: s.operation(CLARA, SeatSet(None, CLARA.seat, may_facilitate=False)),
        lambda s: s.operation(CLARA, Mute(None, DAVID.seat, 0)),
        lambda s: s.operation(ANNA, SeatSet(None, EDITH.seat, may_facilitate=False)),
        lambda s: s.approve(ANNA, to_observer),
        lambda s: s.governance(ANNA, "role", role_of(BORIS, Role.OBSERVER, "b")),
        lambda s: s.operation(ANNA, SeatSet(None, BORIS.seat, may_facilitate=False)),
        lambda s: s.operation(ANNA, CloseRoom(None)),
        lambda s: s.governance(ANNA, "close", {}),
        lambda s: s.operation(ANNA, CloseRoom(None)),
    )


def names(s: Story) -> None:
    shown = ("آنا", "A\u200cb", "Zoë \U0001f54a", "אנה", "Анна", "x" * 80)
    hidden = ("\u200b", " E", "E ", "E  d", "\u202eE", "E\u00a0d", "\u200cE", "E\u200d", "\ufffe")
    for name in (*shown, *hidden, "E\u200c\u200dd"):
        attempt(s, lambda s, name=name: s.governance(ANNA, "title", {"title": name}))  # type: ignore[misc]  # bound
    for name in ("clara", "C\u200clara", "CLARA", "Clara ", "Clara 2"):
        attempt(s, lambda s, name=name: s.approve(ANNA, add_act(EDITH, name=name)))  # type: ignore[misc]  # bound


def knocks(s: Story) -> None:
    act = add_act(EDITH, rule_version=0, expires=0)
    s.invite_for(act)

    def knock(who: Person, act: Act, words: tuple[int, ...] = (0, 7, 2047)) -> Scene:
        return lambda s: s.governance(who, "knock", {"act": json_of(act), "words": list(words)})

    attempt(
        s,
        knock(BORIS, act),
        knock(CLARA, act),
        knock(ANNA, act, (0, 7, 2048)),
        knock(ANNA, msgspec.structs.replace(act, rule_version=1)),
        knock(ANNA, msgspec.structs.replace(act, name="\u2800")),
        knock(ANNA, msgspec.structs.replace(act, party="b")),
        knock(ANNA, msgspec.structs.replace(act, mailbox=id_of("no mailbox"))),
        knock(ANNA, act),
        lambda s: s.approve(BORIS, add_act(EDITH)),
        lambda s: s.approve(BORIS, msgspec.structs.replace(add_act(FARID), mailbox=act.mailbox)),
        lambda s: s.commit_add(BORIS, EDITH),
        lambda s: s.close_mailbox(BORIS, act),
        lambda s: s.commit_add(BORIS, FARID),
        knock(ANNA, act),
    )


def invitation_over(s: Story) -> None:
    """Revoked, or expired between approval and commit."""
    act = add_act(EDITH)
    assert act.mailbox is not None
    s.governance(ANNA, "invite", invite_body(act.mailbox, party="a", expires=s.time + 20))
    attempt(
        s,
        lambda s: s.approve(ANNA, act),
        lambda s: s.governance(ANNA, "revoke", {"mailbox": act.mailbox}),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.governance(ANNA, "invite", invite_body(act.mailbox or "", party="a", expires=s.time + 9)),
        lambda s: s.approve(ANNA, act),
    )
    s.time += 9
    attempt(
        s,
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.governance(BORIS, "approve", approve_body(BORIS, act)),
        lambda s: s.governance(ANNA, "invite", invite_body(id_of("next"))),
    )


def approve_body(who: Person, act: Act) -> JsonObject:
    return {"act": json_of(act), "signature": b64u(sign_approval(who.governance, ROOM_ID, act))}


def bots(s: Story) -> None:
    silent = Scope("Keeps the time.", "none", writes=False)
    act = msgspec.structs.replace(add_act(EDITH, Role.BOT, None), scope=silent)
    invite = invite_body(act.mailbox or "", role="bot", party=None, scope=json_of(silent))
    attempt(
        s,
        lambda s: s.governance(ANNA, "invite", invite),
        lambda s: s.approve(ANNA, add_act(EDITH, Role.BOT, None)),
        lambda s: s.approve(ANNA, act),
        lambda s: s.commit_add(ANNA, EDITH),
        lambda s: s.accept(EDITH),
        lambda s: s.chat(EDITH, "message", MESSAGE),
        lambda s: s.chat(EDITH, "seen", {"seq": 1}),
        lambda s: s.admit(FARID, (ANNA,), Role.BOT, None),
        lambda s: s.chat(FARID, "message", MESSAGE),
    )


def lone_member_lost(s: Story) -> None:
    """Boris is all that there is of b: three days, unless he is heard of."""
    s.leave(DAVID)
    s.commit_remove(ANNA, DAVID)
    act = Act("remove", 2, LONG, seat=BORIS.id)
    s.approve(ANNA, act)
    s.time += 3 * 86_400 - 5
    attempt(
        s,
        lambda s: s.commit_remove(ANNA, BORIS),
        lambda s: s.governance(BORIS, "confirm", {}),
    )
    s.time += 10
    attempt(s, lambda s: s.commit_remove(ANNA, BORIS), lambda s: s.approve(ANNA, act))
    s.time += 3 * 86_400
    attempt(
        s,
        lambda s: s.commit_remove(ANNA, BORIS),
        lambda s: s.admit(EDITH, (ANNA,), Role.PARTICIPANT, "a"),
    )


def lost_party_gets_a_newcomer(s: Story) -> None:
    s.leave(BORIS)
    s.commit_remove(ANNA, BORIS)
    act = add_act(EDITH, Role.FACILITATOR, "b", rule_version=2)
    attempt(
        s,
        lambda s: s.approve(ANNA, act),
        lambda s: s.commit_add(ANNA, EDITH, may_facilitate=True),
        lambda s: s.approve(CLARA, act),
        lambda s: s.approve(DAVID, act),
        lambda s: s.commit_add(ANNA, EDITH, may_facilitate=True),
    )


def several_at_once(s: Story) -> None:
    s.leave(CLARA)
    s.approve(BORIS, Act("remove", 1, LONG, seat=DAVID.id))
    s.approve(ANNA, add_act(EDITH))
    s.approve(BORIS, add_act(FARID, Role.FACILITATOR, "b"))
    for gone in (CLARA, DAVID):
        s.operation(ANNA, SeatRemove(None, gone.seat))
    for came in (EDITH, FARID):
        s.operation(ANNA, SeatAdd(None, came.seat, came.credential.seat_key, came is FARID))
    s.commit(
        ANNA,
        joining=(joined(EDITH, leaf=2), joined(FARID, leaf=3)),
        leaving=(CLARA.id, DAVID.id),
        renewed=((ANNA.id, True),),
    )


def inbox_keys(s: Story) -> None:
    attempt(
        s,
        lambda s: s.governance(CLARA, "inbox", inbox_of(CLARA, CLARA)),
        lambda s: s.governance(CLARA, "inbox", inbox_of(CLARA, DAVID)),
        lambda s: s.governance(CLARA, "inbox", inbox_of(DAVID, CLARA)),
        lambda s: s.governance(CLARA, "inbox", inbox_of(CLARA, CLARA, 31)),
        lambda s: s.governance(CLARA, "inbox", {"inbox": "A", "signature": b64u(bytes(64))}),
        lambda s: s.governance(CLARA, "inbox", inbox_of(CLARA, CLARA, 33)),
    )


def closing(s: Story) -> None:
    s.leave(CLARA)
    attempt(
        s,
        lambda s: s.governance(CLARA, "close", {}),
        lambda s: s.governance(CLARA, "disclose", {"leaf": b64u(CLARA.private("leaf"))}),
        lambda s: s.governance(BORIS, "close", {}),
        lambda s: s.governance(ANNA, "title", {"title": "x"}),
        lambda s: s.governance(ANNA, "confirm", {}),
        lambda s: s.commit_remove(ANNA, CLARA),
        lambda s: s.chat(DAVID, "message", MESSAGE),
        lambda s: s.governance(DAVID, "disclose", {"leaf": b64u(DAVID.private("leaf"))}),
        lambda s: s.governance(DAVID, "disclose", {"leaf": b64u(DAVID.private("leaf"))}),
        lambda s: s.governance(BORIS, "disclose", {"leaf": b64u(DAVID.private("leaf"))}),
        lambda s: s.governance(BORIS, "disclose", {"leaf": "x"}),
        lambda s: s.governance(ANNA, "disclose", {"leaf": b64u(ANNA.private("leaf"))}),
    )


def talk(s: Story) -> None:
    s.admit(EDITH, (ANNA,), Role.OBSERVER, None, accept=False)
    attempt(
        s,
        lambda s: s.chat(CLARA, "message", MESSAGE),
        lambda s: s.chat(CLARA, "message", MESSAGE, intent=1, last=1),
        lambda s: s.chat(CLARA, "message", {**MESSAGE, "reply_to": id_of("event")}, intent=2, last=1),
        lambda s: s.chat(CLARA, "message", {**MESSAGE, "text": ""}, intent=3, last=2),
        lambda s: s.chat(CLARA, "message", {**MESSAGE, "exposure": {}}, intent=3, last=2),
        lambda s: s.chat(CLARA, "retract", {"event": id_of("event")}, intent=3, last=2),
        lambda s: s.chat(EDITH, "seen", {"seq": 1}),
        lambda s: s.accept(EDITH),
        lambda s: s.chat(EDITH, "seen", {"seq": 1}),
        lambda s: s.chat(EDITH, "message", MESSAGE),
        lambda s: s.chat(EDITH, "title", {"title": "x"}),
        lambda s: s.chat(MALLORY, "message", MESSAGE),
    )


_FROM_NOTHING: tuple[Scene, ...] = (
    genesis_alone,
    genesis_twice,
    genesis_refused,
    rule_without_parties,
    facilitator_captured,
)
_FROM_NEW: tuple[Scene, ...] = (rule_without_a_facilitator, last_facilitator)
_FROM_OPEN: tuple[Scene, ...] = (
    settings,
    rules,
    intents,
    invitations,
    admission_any,
    approvals_expire,
    approvals_withdrawn,
    approvals_signed_wrongly,
    approvals_unfit,
    approvals_superseded,
    approvals_ambiguous,
    approval_ids,
    rule_switched,
    roles,
    all_facilitators_leave,
    leaving,
    removal,
    ghosts,
    copied_key,
    updates,
    operations,
    operations_unfit,
    names,
    knocks,
    invitation_over,
    bots,
    several_at_once,
    inbox_keys,
    closing,
    talk,
)
_FROM_STRICT: tuple[Scene, ...] = (
    admission_party,
    only_facilitator_removed,
    lost_facilitator_replaced,
    lone_member_lost,
    lost_party_gets_a_newcomer,
)


@dataclass(frozen=True)
class Told:
    """A story, and how much of it is another one's, which it begins with."""

    story: Story
    begins: str | None
    begun: int
    shown: bool = False
    """Whether the vectors have its last state in full."""


def all_stories() -> Iterator[Told]:
    """Every history, told anew: first those that others begin with."""
    for room in (new_room, open_room):
        yield Told(room(_title(room)), None, 0, shown=True)
    strict = strict_room(_title(strict_room))
    yield Told(strict, _title(open_room), len(open_room(_title(open_room)).entries), shown=True)
    starts: tuple[tuple[tuple[Scene, ...], Callable[[str], Story] | None], ...] = (
        (_FROM_OPEN, open_room),
        (_FROM_STRICT, strict_room),
        (_FROM_NEW, new_room),
        (_FROM_NOTHING, None),
    )
    for scenes, start in starts:
        for scene in scenes:
            story = Story(_title(scene)) if start is None else start(_title(start))
            story.name = _title(scene)
            begun = len(story.entries)
            scene(story)
            yield Told(story, None if start is None else _title(start), begun)


def _title(told: Callable[..., object]) -> str:
    return told.__name__.replace("_", " ")
