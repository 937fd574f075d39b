"""Histories: logs of events as the fold meets them, in a JSON form that other programs can read.

`fold` judges one entry; a `Story` writes a log entry by entry and remembers what came of each.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.envelope import Envelope, View
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.keys import public_key
from backchannel_protocol.operations import (
    InvitationClose,
    Operation,
    SeatAdd,
    SeatRemove,
    encode_operation,
    parse_operation,
)
from backchannel_protocol.room.admission import sign_approval
from backchannel_protocol.room.clear import Told
from backchannel_protocol.room.commit import CommitChange, Joining, decide_commit
from backchannel_protocol.room.decide import decide
from backchannel_protocol.room.operations import decide_operation
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Keys, Role, RoomState, Scope, json_of
from backchannel_protocol.room.timeline import decide_chat
from protocol.people import PEOPLE, RECORD_PRIVATE, ROOM_ID, Person, id_of, seed_of

START = 1_800_000_000
LONG = START + 10 * 86_400
VIEW = View(0, bytes(32), bytes(32), 0, bytes(32))
RECORD_KEY = b64u(public_key(RECORD_PRIVATE))


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every entry has: its place in the log, its author's seat and its id (b64u)."""

    seq: int
    time: int
    seat: str
    id: str

    def at(self) -> At:
        """Where it stands, for the fold."""
        return At(ROOM_ID, self.seq, self.time, self.seat, self.id)


class Governance(_Entry, frozen=True, tag="governance", tag_field="kind"):
    """A governance event: type, body and intent of its envelope."""

    type: str
    body: dict[str, Any]
    intent: int


class Chat(_Entry, frozen=True, tag="chat", tag_field="kind"):
    """A chat event; `last_intent` is the sender's highest chat intent before it."""

    type: str
    body: dict[str, Any]
    intent: int
    last_intent: int


class Control(_Entry, frozen=True, tag="control", tag_field="kind"):
    """An operation in clear, hex."""

    body: str


class Joined(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member that a commit adds."""

    seat: str
    leaf: int
    keys: Keys
    package: str


class Commit(_Entry, frozen=True, tag="commit", tag_field="kind"):
    """What a verified commit changes."""

    joining: tuple[Joined, ...] = ()
    leaving: tuple[str, ...] = ()
    renewed: tuple[tuple[str, bool], ...] = ()
    other: bool = False


Entry = Governance | Chat | Control | Commit


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of an entry: the state's hash (hex) after it, and the code that members are shown."""

    state: str
    refused: str | None = None


@dataclass(frozen=True)
class Folded:
    """The room after an entry. `told` is what `told_by` told the server in the entries that end there."""

    state: RoomState | None = None
    told: tuple[Told, ...] = ()
    told_by: str = ""
    told_seq: int = 0


def fold(before: Folded, entry: Entry) -> tuple[Folded, FoldCode | None]:
    """The room after an entry, and the code where it does not fit. Raises FoldRefusal."""
    state = before.state
    if isinstance(entry, Governance):
        decided = decide(state, entry.at(), Envelope(entry.type, entry.body, entry.intent, VIEW))
        return replace(before, state=decided), None
    if state is None:
        raise FoldRefusal(FoldCode.NO_GENESIS)
    if isinstance(entry, Chat):
        decide_chat(
            state, entry.at(), Envelope(entry.type, entry.body, entry.intent, VIEW), entry.last_intent
        )
        return before, None
    adjacent = (before.told_by, before.told_seq + 1) == (entry.seat, entry.seq)
    told = before.told if adjacent else ()
    if isinstance(entry, Control):
        body = bytes.fromhex(entry.body)
        sender = state.seats.get(entry.seat)
        obeyed = sender is not None and sender.operates
        after, unfit = decide_operation(state, entry.at(), body, obeyed=obeyed)
        operation = parse_operation(body)
        if isinstance(operation, SeatAdd | SeatRemove):
            return Folded(after, (*told, operation), entry.seat, entry.seq), unfit
        return replace(before, state=after), unfit
    joining = tuple(Joining(one.seat, one.leaf, one.keys, one.package) for one in entry.joining)
    change = CommitChange(joining, entry.leaving, entry.renewed, entry.other)
    return Folded(decide_commit(state, entry.at(), change, told)), None


def outcome_of(before: Folded, entry: Entry) -> tuple[Folded, Outcome]:
    """The room after an entry, which is the old one where it is refused, and what to write down."""
    try:
        after, code = fold(before, entry)
    except FoldRefusal as refusal:
        after, code = before, refusal.code
    state = after.state.hash().hex() if after.state is not None else ""
    return after, Outcome(state, None if code is None else code.value)


def add_act(
    person: Person,
    role: Role = Role.PARTICIPANT,
    party: str | None = "a",
    *,
    rule_version: int = 1,
    expires: int = LONG,
    name: str | None = None,
) -> Act:
    """The act that admits somebody, by the invitation that `Story.invite_for` makes."""
    return Act(
        "add",
        rule_version,
        expires,
        seat=person.id,
        name=person.name if name is None else name,
        role=role,
        party=party,
        scope=SCOPE if role is Role.BOT else None,
        keys=person.keys,
        package=person.package,
        mailbox=mailbox_of(person, role, party),
    )


SCOPE = Scope("Counts words.", "addressed", writes=True)


def mailbox_of(person: Person, role: Role, party: str | None) -> str:
    """The invitation that somebody got as this."""
    return id_of("mailbox of", person.name, role.value, party or "none")


GENESIS: JsonObject = {
    "suite": 1,
    "title": "Quiet room",
    "welcome": "Come in.",
    "record_key": RECORD_KEY,
    "rules": ["Listen.", "Nothing leaves the room."],
    "parties": [{"id": "a", "name": "Alpha"}, {"id": "b", "name": "Beta"}],
    "retention": {"seconds": 0, "after_reading": False},
    "history": "none",
}


def event_id(seq: int) -> str:
    """An event's id, unless a test wants another one: its seq, as 16 bytes."""
    return b64u(seq.to_bytes(16, "big"))


class Story:
    """A log that is being written, and the state of a member who reads it.

    Each entry is one second after the one before. A refused entry stays in the log, changes nothing
    and raises.
    """

    def __init__(self, name: str = "story") -> None:
        self.name = name
        self.time = START
        self.entries: list[Entry] = []
        self.outcomes: list[Outcome] = []
        self.folded = Folded()
        self._intents: dict[str, int] = {}

    @property
    def state(self) -> RoomState:
        """The state, of a room that exists."""
        assert self.room is not None
        return self.room

    @property
    def room(self) -> RoomState | None:
        """The state; None before the first event."""
        return self.folded.state

    @property
    def next_seq(self) -> int:
        """The seq of the entry to come."""
        return len(self.entries) + 1

    def write(self, entry: Entry) -> RoomState:
        """Folds an entry. Raises FoldRefusal."""
        self.entries.append(entry)
        self.time = entry.time + 1
        before = self.outcomes[-1].state if self.outcomes else ""
        self.folded, outcome = outcome_of(self.folded, entry)
        self.outcomes.append(outcome)
        if outcome.refused is not None:
            assert before == outcome.state or isinstance(entry, Control), "a refused event changed the state"
            raise FoldRefusal(next(code for code in FoldCode if code.value == outcome.refused))
        return self.state

    # ---- entries, by kind
    def place(self, seq: int | None = None) -> dict[str, Any]:
        """Where the next entry stands."""
        seq = self.next_seq if seq is None else seq
        return {"seq": seq, "time": self.time, "id": event_id(seq)}

    def governance(self, who: Person, type_: str, body: JsonObject, intent: int | None = None) -> RoomState:
        """A governance event."""
        self._intents[who.id] = self._intents.get(who.id, 0) + 1
        number = self._intents[who.id] if intent is None else intent
        return self.write(Governance(seat=who.id, type=type_, body=dict(body), intent=number, **self.place()))

    def chat(self, who: Person, type_: str, body: JsonObject, intent: int = 1, last: int = 0) -> RoomState:
        """A chat event."""
        return self.write(
            Chat(seat=who.id, type=type_, body=dict(body), intent=intent, last_intent=last, **self.place())
        )

    def operation(self, who: Person, operation: Operation) -> RoomState:
        """An operation in clear."""
        return self.write(Control(seat=who.id, body=encode_operation(operation).hex(), **self.place()))

    def commit(
        self,
        who: Person,
        joining: tuple[Joined, ...] = (),
        leaving: tuple[str, ...] = (),
        renewed: tuple[tuple[str, bool], ...] = (),
        *,
        other: bool = False,
    ) -> RoomState:
        """A commit as MLS verified it."""
        return self.write(
            Commit(
                seat=who.id, joining=joining, leaving=leaving, renewed=renewed, other=other, **self.place()
            )
        )

    # ---- what people do
    def genesis(self, who: Person, party: str | None = "a", **changed: Any) -> RoomState:
        """The first event."""
        body: JsonObject = {
            **GENESIS,
            "name": who.name,
            "party": party,
            "keys": json_of(who.keys),
            **changed,
        }
        return self.governance(who, "genesis", body)

    def invite_for(self, act: Act) -> None:
        """The open invitation that an act names, by some facilitator who may, unless it is there."""
        if act.mailbox is None or act.role is None or act.mailbox in self.state.invitations:
            return
        version, facilitators = self.state.rules.version, self.state.facilitators()
        ready = [one for one in PEOPLE if one.id in facilitators and facilitators[one.id].accepted >= version]
        body = invite_body(act.mailbox, role=act.role.value, party=act.party, scope=scope_json(act.scope))
        if ready:
            with suppress(FoldRefusal):
                self.governance(ready[0], "invite", body)

    def approve(self, who: Person, act: Act, signer: Person | None = None) -> str:
        """An approval; its id. Of an `add` the invitation is made first, where there is none."""
        self.invite_for(act)
        signature = b64u(sign_approval((signer or who).governance, ROOM_ID, act))
        self.governance(who, "approve", {"act": json_of(act), "signature": signature})
        return self.entries[-1].id

    def accept(self, who: Person) -> RoomState:
        """Accepts the rules as they are."""
        return self.governance(who, "accept", {"version": self.state.rules.version})

    def commit_add(
        self,
        who: Person,
        person: Person,
        *,
        may_facilitate: bool = False,
        seat_key: bytes | None = None,
        **changed: Any,
    ) -> RoomState:
        """SeatAdd and the commit, as one Submit has them."""
        key = person.credential.seat_key if seat_key is None else seat_key
        self.operation(who, SeatAdd(None, person.seat, key, may_facilitate))
        return self.commit(who, joining=(joined(person, **changed),))

    def close_mailbox(self, who: Person, act: Act) -> RoomState:
        """InvitationClose behind the commit that used an invitation up."""
        assert act.mailbox is not None
        return self.operation(who, InvitationClose(None, parse_b64u(act.mailbox)))

    def commit_remove(self, who: Person, person: Person) -> RoomState:
        """SeatRemove and the commit."""
        self.operation(who, SeatRemove(None, person.seat))
        return self.commit(who, leaving=(person.id,))

    def admit(
        self,
        person: Person,
        by: tuple[Person, ...],
        role: Role = Role.PARTICIPANT,
        party: str | None = "a",
        *,
        accept: bool = True,
    ) -> RoomState:
        """Approvals, commit, and the newcomer accepts the rules."""
        act = add_act(person, role, party, rule_version=self.state.admission.version)
        for one in by:
            self.approve(one, act)
        self.commit_add(by[0], person, may_facilitate=role is Role.FACILITATOR)
        return self.accept(person) if accept else self.state

    def set_admission(self, who: Person, rule: Literal["any", "party"]) -> RoomState:
        """Another admission rule."""
        return self.governance(who, "admission", {"rule": rule})

    def leave(self, who: Person) -> RoomState:
        """Somebody leaves; a facilitator has yet to commit it."""
        return self.governance(who, "leave", {})


def joined(person: Person, **changed: Any) -> Joined:
    """What a commit that adds somebody shows."""
    values = {"seat": person.id, "leaf": 1, "keys": person.keys, "package": person.package, **changed}
    return Joined(**values)


def invite_body(mailbox: str = id_of("mailbox"), **changed: Any) -> JsonObject:
    """The body of an invite."""
    return {
        "mailbox": mailbox,
        "role": "participant",
        "party": "b",
        "scope": None,
        "expires": LONG,
        **changed,
    }


def scope_json(scope: Scope | None) -> JsonObject | None:
    """A scope as a body has it."""
    return None if scope is None else json_of(scope)


def package_of(name: str) -> str:
    """Some KeyPackageRef."""
    return b64u(seed_of(name, "another package"))
