"""Random histories of people of two parties, judged beside the fold by a naive model.

The model knows nothing of how the fold works: it keeps a list of what was approved and looks through
all of it whenever somebody comes in, changes role, or is removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from backchannel_protocol.canonical import jcs, parse_jcs
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import SeatAdd, SeatRemove, encode_operation
from backchannel_protocol.room.admission import sign_approval
from backchannel_protocol.room.names import name_key
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Role, RoomState, Seat, json_of
from protocol.history import (
    Commit,
    Control,
    Entry,
    Folded,
    Governance,
    Outcome,
    Story,
    add_act,
    invite_body,
    joined,
    outcome_of,
    scope_json,
)
from protocol.people import PEOPLE, ROOM_ID, Person, id_of
from protocol.rooms import lost_room, new_room, open_room, strict_room

EVERYBODY = (*PEOPLE, *(Person(f"Newcomer {number}") for number in range(4)))
BY_ID = {one.id: one for one in EVERYBODY}
PARTIES = ("a", "b")

anybody = st.integers(0, 19)
"""Who acts, or is acted on: see Room._person and Room._outsider."""

roles = st.sampled_from([Role.FACILITATOR, Role.FACILITATOR, Role.PARTICIPANT, Role.OBSERVER, Role.BOT])
parties = st.sampled_from(["a", "b", "b", None])
kinds = st.sampled_from(["add", "add", "remove", "role", "role", "rule"])
lifetimes = st.sampled_from([1, 5, 60, 10_000, 10 * 86_400, 14 * 86_400])


@dataclass
class Naive:
    """What an onlooker writes down who reads the accepted events only."""

    rule: str = "any"
    seats: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    approved: list[dict[str, Any]] = field(default_factory=list)
    open: dict[str, dict[str, Any]] = field(default_factory=dict)

    def facilitators(self, of: str | None = None) -> set[str]:
        return {
            seat
            for seat, (role, party) in self.seats.items()
            if role == "facilitator" and of in (None, party)
        }

    def voters(self, party: str) -> set[str]:
        return {
            seat
            for seat, (role, of) in self.seats.items()
            if of == party and role in ("participant", "interpreter")
        }

    def is_allowed(self, what: dict[str, Any], time: int) -> bool:
        """Whether who approved exactly this, and still may, is who the rule asks for."""
        given = {
            one["by"]: one["since"] for one in self.approved if one["what"] == what and time < one["expires"]
        }
        by = set(given)
        if what["act"] == "add" and not self._is_invited(what, time):
            return False
        if self.rule == "any":
            return bool(by & self.facilitators())
        party = self._party_that_cannot_speak(what)
        if party is None:
            asked = [one for one in PARTIES if self.facilitators(one) or self.voters(one)]
            return bool(by & self.facilitators()) and all(by & self.facilitators(one) for one in asked)
        others, voters = self.facilitators() - {what["seat"]}, self.voters(party)
        if not others or not others <= by:
            return False
        if voters:
            return len(by & voters) > len(voters) / 2
        return all(time - given[one] >= 3 * 24 * 3600 for one in others)

    def _is_invited(self, what: dict[str, Any], time: int) -> bool:
        invited = self.open.get(what["mailbox"])
        offered = ("role", "party", "scope")
        return (
            invited is not None
            and time < invited["expires"]
            and all(invited.get(name) == what.get(name) for name in offered)
        )

    def _party_that_cannot_speak(self, what: dict[str, Any]) -> str | None:
        """The party whose members decide, having no facilitator or only the one in question."""
        role, party = self.seats.get(what.get("seat", ""), ("", None))
        alone = role == "facilitator" and party is not None and self.facilitators(party) == {what["seat"]}
        if what["act"] == "remove":
            return party if alone else None
        if what["act"] in ("add", "role") and what["role"] == "facilitator" and not alone:
            wanted: str | None = what.get("party")
            return wanted if wanted is not None and not self.facilitators(wanted) else None
        return None

    def governed(self, seat: str, time: int) -> None:
        """A seat is there: who wanted it gone because nobody heard of it begins anew."""
        what = {"act": "remove", "seat": seat}
        lost = None if self.rule == "any" else self._party_that_cannot_speak(what)
        if lost is not None and not self.voters(lost):
            self.use(what)
        for one in self.approved:
            if one["what"] == what:
                one["since"] = time

    def use(self, what: dict[str, Any]) -> None:
        self.approved = [one for one in self.approved if one["what"] != what]

    def close(self, mailboxes: set[str]) -> None:
        self.open = {id_: one for id_, one in self.open.items() if id_ not in mailboxes}
        self.approved = [one for one in self.approved if one["what"].get("mailbox") not in mailboxes]


def what_of(act: Act) -> dict[str, Any]:
    """An act as the onlooker writes it down: without when its approval ends."""
    value: dict[str, Any] = json.loads(msgspec.json.encode(act))
    del value["expires"], value["rule_version"]
    return value


def role_of(body: dict[str, Any]) -> dict[str, Any]:
    """What must have been approved for a role event."""
    return what_of(Act("role", 0, 0, seat=body["seat"], role=Role(body["role"]), party=body["party"]))


def copy_of(state: RoomState) -> RoomState:
    return RoomState.of_json(parse_jcs(jcs(state.to_json())))


class Room(RuleBasedStateMachine):
    """Everybody tries everything; the story has both what was accepted and what was refused."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story("machine")
        self.naive = Naive()
        self.joiner = Folded()

    # ---- one step
    def _write(self, entry: Entry) -> bool:
        before = self.story.room
        try:
            self.story.write(entry)  # asserts that a refusal left the hash as it was
            accepted = True
        except FoldRefusal:
            accepted = False
            assert self.story.room is before
        self._joiner_agrees(entry)
        if accepted:
            self._observe(before, entry)
        elif self.story.outcomes[-1].refused == FoldCode.APPROVALS_MISSING.value:
            self._missing(entry)
        return accepted

    def _missing(self, entry: Entry) -> None:
        """What is refused for want of approvals is nothing that the onlooker would have allowed."""
        if isinstance(entry, Commit) and len(entry.joining) + len(entry.leaving) == 1:
            for gone in entry.leaving:
                assert not self.naive.is_allowed({"act": "remove", "seat": gone}, entry.time)
            for came in entry.joining:
                for one in self.naive.approved:
                    if (one["what"].get("seat"), one["what"].get("package")) == (came.seat, came.package):
                        assert not self.naive.is_allowed(one["what"], entry.time), one
        elif isinstance(entry, Governance) and entry.type == "role":
            assert not self.naive.is_allowed(role_of(entry.body), entry.time)

    def _joiner_agrees(self, entry: Entry) -> None:
        """Who has the state from canonical JSON, at every step anew, comes to the same."""
        known = self.joiner.state
        copied = self.joiner if known is None else replace(self.joiner, state=copy_of(known))
        assert copied == self.joiner
        self.joiner, outcome = outcome_of(copied, entry)
        assert outcome == self.story.outcomes[-1]

    def _person(self, number: int) -> Person:
        """Mostly somebody who can do it: below 10 a facilitator, below 18 a member, else anybody."""
        if number >= 18:
            return EVERYBODY[self.story.next_seq % len(EVERYBODY)]
        here = self.story.state.facilitators() if number < 10 else self.story.state.seats
        return BY_ID[sorted(here)[number % len(here)]]

    def _outsider(self, number: int) -> Person:
        """Mostly somebody who was never here."""
        state = self.story.state
        known = {*state.seats, *(one.seat for one in state.past)}
        new = [one for one in EVERYBODY if one.id not in known]
        return new[number % len(new)] if new and number < 18 else EVERYBODY[number % len(EVERYBODY)]

    def _try(self, who: Person, type_: str, body: dict[str, Any]) -> bool:
        intent = (self.story.state.intents.get(who.id, 0) if self.story.room else 0) + 1
        return self._write(
            Governance(seat=who.id, type=type_, body=body, intent=intent, **self.story.place())
        )

    # ---- the onlooker
    def _observe(self, before: RoomState | None, entry: Entry) -> None:
        state = self.story.state
        if isinstance(entry, Commit):
            assert before is not None
            self.naive.governed(entry.seat, entry.time)
            for gone in entry.leaving:
                if gone not in self.naive.left:
                    assert self.naive.is_allowed({"act": "remove", "seat": gone}, entry.time)
                    self.naive.use({"act": "remove", "seat": gone})
                self._forget(gone)
            for came in entry.joining:
                added = add_of(came.seat, state.seats[came.seat], came.package)
                candidates = [
                    one["what"]
                    for one in self.naive.approved
                    if {**one["what"], "mailbox": ""} == {**what_of(added), "mailbox": ""}
                ]
                allowed = [what for what in candidates if self.naive.is_allowed(what, entry.time)]
                assert allowed, "somebody came in without the approvals"
                used = {mailbox for mailbox in self.naive.open if mailbox not in state.invitations}
                assert len(used & {what["mailbox"] for what in allowed}) == 1, "an invitation is used up"
                self.naive.close(used)
                seat = state.seats[came.seat]
                self.naive.seats[came.seat] = (seat.role.value, seat.party)
        elif isinstance(entry, Governance):
            self._observe_governance(entry)
        assert {id_: (seat.role.value, seat.party) for id_, seat in state.seats.items()} == self.naive.seats

    def _forget(self, gone: str) -> None:
        del self.naive.seats[gone]
        self.naive.left.discard(gone)
        self.naive.approved = [one for one in self.naive.approved if one["by"] != gone]

    def _observe_governance(self, entry: Governance) -> None:
        self._judge_governance(entry)
        self.naive.governed(entry.seat, entry.time)

    def _judge_governance(self, entry: Governance) -> None:
        naive, body = self.naive, entry.body
        match entry.type:
            case "genesis":
                naive.seats[entry.seat] = ("facilitator", body["party"])
            case "approve":
                what = what_of(msgspec.convert(body["act"], Act))
                key = (what["act"], what.get("seat"), entry.seat)
                naive.approved = [
                    one
                    for one in naive.approved
                    if (one["what"]["act"], one["what"].get("seat"), one["by"]) != key
                ]
                naive.approved.append(
                    {
                        "what": what,
                        "by": entry.seat,
                        "expires": body["act"]["expires"],
                        "since": entry.time,
                        "id": entry.id,
                    }
                )
            case "unapprove":
                assert {"by": entry.seat}.items() <= next(
                    one for one in naive.approved if one["id"] == body["approval"]
                ).items()
                naive.approved = [one for one in naive.approved if one["id"] != body["approval"]]
            case "role":
                what = role_of(body)
                assert naive.is_allowed(what, entry.time), "a role changed without the approvals"
                naive.use(what)
                naive.seats[body["seat"]] = (body["role"], body["party"])
            case "admission":
                what = {"act": "rule", "admission": "any"}
                assert body["rule"] == "party" or naive.is_allowed(what, entry.time), (
                    "loosened without approvals"
                )
                naive.rule, naive.approved = body["rule"], []
            case "leave":
                naive.left.add(entry.seat)
            case "invite":
                naive.close({id_ for id_, one in naive.open.items() if one["expires"] <= entry.time})
                naive.open[body["mailbox"]] = body
            case "revoke":
                naive.close({body["mailbox"]})
            case "close":
                naive.approved, naive.open = [], {}

    # ---- what people try
    @initialize(begin=st.sampled_from([new_room, open_room, open_room, strict_room, strict_room, lost_room]))
    def create(self, begin: Callable[[str], Story]) -> None:
        for entry in begin("machine").entries:
            assert self._write(entry)

    def _act(self, kind: str, whom: int, role: Role, party: str | None, lifetime: int = 10 * 86_400) -> Act:
        expires, version = self.story.time + lifetime, self.story.state.admission.version
        match kind:
            case "add":
                return add_act(self._outsider(whom), role, party, rule_version=version, expires=expires)
            case "remove":
                return Act("remove", version, expires, seat=self._person(whom).id)
            case "role":
                return Act("role", version, expires, seat=self._person(whom).id, role=role, party=party)
            case _:
                return Act("rule", version, expires, admission="any")

    def _invite_for(self, act: Act) -> None:
        """Mostly there is an invitation that fits."""
        if act.act != "add" or act.mailbox is None or act.role is None or self.story.next_seq % 9 == 0:
            return
        if act.mailbox in self.story.state.invitations:
            return
        offered = {"role": act.role.value, "party": act.party, "scope": scope_json(act.scope)}
        self._try(self._person(0), "invite", invite_body(act.mailbox, **offered, expires=act.expires))

    def _approve(self, who: Person, act: Act) -> bool:
        self._invite_for(act)
        signature = b64u(sign_approval(who.governance, ROOM_ID, act))
        return self._try(who, "approve", {"act": json_of(act), "signature": signature})

    def _operation(self, who: Person, operation: SeatAdd | SeatRemove) -> None:
        body = encode_operation(operation).hex()
        self._write(Control(seat=who.id, body=body, **self.story.place()))

    def _commit(self, who: Person, came: list[Person], gone: list[Person], bit: bool, own: bool) -> None:
        for one in gone:
            self._operation(who, SeatRemove(None, one.seat))
        for one in came:
            self._operation(who, SeatAdd(None, one.seat, one.credential.seat_key, bit))
        self._write(
            Commit(
                seat=who.id,
                joining=tuple(joined(one) for one in came),
                leaving=tuple(one.id for one in gone),
                renewed=((who.id, True),) if own else (),
                **self.story.place(),
            )
        )

    @rule(who=anybody, kind=kinds, whom=anybody, role=roles, party=parties, lifetime=lifetimes)
    def approve(self, who: int, kind: str, whom: int, role: Role, party: str | None, lifetime: int) -> None:
        self._approve(self._person(who), self._act(kind, whom, role, party, lifetime))

    @rule(
        spared=st.sets(st.integers(0, 5), max_size=2),
        kind=kinds,
        whom=anybody,
        role=roles,
        party=parties,
        who=anybody,
    )
    def many_approve_and_one_does_it(
        self, spared: set[int], kind: str, whom: int, role: Role, party: str | None, who: int
    ) -> None:
        act = self._act(kind, whom, role, party)
        for number, id_ in enumerate(sorted(self.story.state.seats)):
            if number not in spared:
                self._approve(BY_ID[id_], act)
        doer = self._person(who)
        match kind:
            case "add":
                self._commit(doer, [BY_ID[act.seat or ""]], [], role is Role.FACILITATOR, own=True)
                if act.seat in self.story.state.seats:
                    self._try(BY_ID[act.seat], "accept", {"version": self.story.state.rules.version})
            case "remove":
                self._commit(doer, [], [BY_ID[act.seat or ""]], bit=False, own=True)
            case "role":
                self._try(doer, "role", {"seat": act.seat, "role": role.value, "party": party})
            case _:
                self._try(doer, "admission", {"rule": "any"})

    @rule(
        who=anybody,
        came=st.lists(anybody, max_size=2),
        gone=st.lists(anybody, max_size=2),
        bit=st.booleans(),
        own=st.booleans(),
    )
    def commit_anything(self, who: int, came: list[int], gone: list[int], bit: bool, own: bool) -> None:
        self._commit(
            self._person(who),
            [self._outsider(one) for one in came],
            [self._person(one) for one in gone],
            bit,
            own,
        )

    @rule(who=anybody)
    def commit_what_was_approved(self, who: int) -> None:
        acts = [one.act for _, one in sorted(self.story.state.approvals.items())]
        came = sorted({act.seat for act in acts if act.act == "add" and act.seat})
        gone = sorted(
            {act.seat for act in acts if act.act == "remove" and act.seat} | set(self.story.state.leaving)
        )
        doer = self._person(who)
        for seat in came[:1]:
            bit = any(act.role is Role.FACILITATOR for act in acts if act.seat == seat)
            self._commit(doer, [BY_ID[seat]], [], bit, own=False)
        for seat in gone[:1]:
            self._commit(doer, [], [BY_ID[seat]], bit=False, own=False)

    @rule(who=anybody, whom=anybody, role=roles, party=parties)
    def role(self, who: int, whom: int, role: Role, party: str | None) -> None:
        body = {"seat": self._person(whom).id, "role": role.value, "party": party}
        self._try(self._person(who), "role", body)

    @rule(who=anybody, wanted=st.sampled_from(["any", "party"]))
    def admission(self, who: int, wanted: str) -> None:
        self._try(self._person(who), "admission", {"rule": wanted})

    @precondition(lambda self: self.story.room is not None and self.story.state.approvals)
    @rule(who=anybody, number=st.integers(0, 9))
    def unapprove(self, who: int, number: int) -> None:
        ids = sorted(self.story.state.approvals)
        self._try(self._person(who), "unapprove", {"approval": ids[number % len(ids)]})

    @rule(who=anybody)
    def leave(self, who: int) -> None:
        self._try(self._person(who), "leave", {})

    @rule(who=anybody, spared=st.sampled_from([None, None, 0, 1, 2]))
    def new_rules(self, who: int, spared: int | None) -> None:
        self._try(self._person(who), "rules", {"lines": ["Listen."]})
        for number, id_ in enumerate(sorted(self.story.state.seats)):
            if number != spared:
                self._try(BY_ID[id_], "accept", {"version": self.story.state.rules.version})

    @rule(who=anybody, number=st.integers(0, 3))
    def invite(self, who: int, number: int) -> None:
        self._try(self._person(who), "invite", invite_body(id_of("mailbox", str(number))))

    @rule(who=anybody)
    def is_there(self, who: int) -> None:
        self._try(self._person(who), "confirm", {})

    @precondition(lambda self: self.story.room is not None and self.story.state.invitations)
    @rule(who=anybody, whom=anybody, number=st.integers(0, 9))
    def knock_or_revoke(self, who: int, whom: int, number: int) -> None:
        ids = sorted(self.story.state.invitations)
        mailbox = ids[number % len(ids)]
        if number > 7:
            self._try(self._person(who), "revoke", {"mailbox": mailbox})
            return
        offered = self.story.state.invitations[mailbox]
        act = add_act(self._outsider(whom), offered.role, offered.party, rule_version=0, expires=0)
        known = msgspec.structs.replace(act, mailbox=mailbox, scope=offered.scope)
        self._try(self._person(who), "knock", {"act": json_of(known), "words": [1, 2, 3]})

    @rule(who=anybody, doubled=st.integers(0, 2))
    def an_old_intent(self, who: int, doubled: int) -> None:
        person = self._person(who)
        intent = max(0, self.story.state.intents.get(person.id, 0) - doubled)
        place = self.story.place()
        assert not self._write(Governance(seat=person.id, type="confirm", body={}, intent=intent, **place))

    @rule(seconds=st.sampled_from([1, 10, 100, 86_400, 3 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.story.time += seconds

    @precondition(lambda self: len(self.story.entries) > 60)
    @rule(who=anybody)
    def close(self, who: int) -> None:
        self._try(self._person(who), "close", {})

    # ---- what always holds
    @invariant()
    def a_room_with_seats_has_a_facilitator(self) -> None:
        if self.story.room is not None and self.story.state.seats:
            assert self.story.state.facilitators()

    @invariant()
    def nobody_has_anothers_name(self) -> None:
        if self.story.room is not None:
            names = [name_key(seat.name) for seat in self.story.state.seats.values()]
            assert len(set(names)) == len(names)

    @invariant()
    def bots_and_nobody_else_have_a_scope(self) -> None:
        if self.story.room is not None:
            for seat in self.story.state.seats.values():
                assert (seat.role is Role.BOT) == (seat.scope is not None)

    @invariant()
    def nobody_is_both_here_and_gone(self) -> None:
        if self.story.room is not None:
            state = self.story.state
            gone = {one.seat for one in state.past}
            assert not gone & set(state.seats)
            assert set(state.leaving) <= set(state.seats)
            assert set(state.knocks) <= set(state.invitations)
            assert set(state.intents) <= set(state.seats)

    def teardown(self) -> None:
        """State + events == state reloaded."""
        room = Folded()
        outcomes: list[Outcome] = []
        for entry in self.story.entries:
            room, outcome = outcome_of(room, entry)
            outcomes.append(outcome)
        assert room == self.story.folded
        assert outcomes == self.story.outcomes


def add_of(id_: str, seat: Seat, package: str) -> Act:
    """The act that must have been approved for a seat to stand as it does, one moment after it came."""
    return Act(
        "add",
        0,
        0,
        id_,
        name=seat.name,
        role=seat.role,
        party=seat.party,
        scope=seat.scope,
        keys=seat.keys,
        package=package,
    )


TestRoom = Room.TestCase
TestRoom.settings = settings(max_examples=40, stateful_step_count=25)


def test_the_model_is_not_content_with_too_little() -> None:
    naive = Naive("party", {"x": ("facilitator", "a"), "y": ("facilitator", "b"), "z": ("participant", "b")})
    what = {"act": "remove", "seat": "z"}
    for by, allowed in ((("x",), False), (("x", "z"), False), (("x", "y"), True)):
        naive.approved = [{"what": what, "by": one, "expires": 9, "since": 0, "id": one} for one in by]
        assert naive.is_allowed(what, 1) is allowed
        assert not naive.is_allowed(what, 9)
        assert not naive.is_allowed({**what, "role": "facilitator"}, 1)
