"""decide: (state, governance event) → state, or a coded refusal (PROTOCOL.md, section 9).

One table from type to handler. A handler checks and returns the new state; it raises FoldRefusal,
and then the event has changed nothing, for every member alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import msgspec

from backchannel_mls.codec import vector
from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.credential import MAX_INBOX_KEY_BYTES
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import KEY_SIZE, parse_b64u
from backchannel_protocol.keys import verify
from backchannel_protocol.limits import MAX_MAILBOXES
from backchannel_protocol.room import bodies
from backchannel_protocol.room.admission import may_approve, use_approvals, verify_approval
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import (
    MAX_APPROVALS,
    Act,
    Admission,
    Approval,
    Invited,
    Role,
    RoomState,
    Rules,
    Seat,
)

B = TypeVar("B", bound=bodies.Body)
Handler = Callable[["RoomState", "At", object], "RoomState"]


@dataclass(frozen=True, slots=True)
class At:
    """Where an event stands in the log: all that the fold knows of the world. Ids are b64u."""

    room: str
    seq: int
    time: int
    sender: str
    event: str


def create_state(at: At, genesis: bodies.Genesis) -> RoomState:
    """The state after a room's first event: the creator facilitates and has accepted its own rules."""
    creator = Seat(
        leaf=0,
        role=Role.FACILITATOR,
        party=genesis.party,
        name=genesis.name,
        keys=genesis.keys,
        scope=None,
        accepted=1,
        since=at.seq,
        by=(at.sender,),
    )
    state = RoomState(
        room=at.room,
        suite=genesis.suite,
        title=genesis.title,
        welcome=genesis.welcome,
        record_key=genesis.record_key,
        rules=Rules(1, genesis.rules),
        parties=genesis.parties,
        admission=Admission("any", 1),
        retention=genesis.retention,
        history=genesis.history,
        seats={at.sender: creator},
    )
    if len({party.id for party in genesis.parties}) != len(genesis.parties):
        raise FoldRefusal(FoldCode.BODY_MALFORMED)
    state.require_party(genesis.party)
    return state


def decide(state: RoomState | None, at: At, envelope: Envelope) -> RoomState:
    """The state after a governance event. Raises FoldRefusal."""
    body = bodies.parse_governance(envelope.type, envelope.body)
    if isinstance(body, bodies.Genesis):
        if state is not None or at.seq != 1:
            raise FoldRefusal(FoldCode.NOT_FIRST)
        created = create_state(at, body)
        return msgspec.structs.replace(created, intents={at.sender: envelope.intent})
    if state is None:
        raise FoldRefusal(FoldCode.NO_GENESIS)
    sender = state.seats.get(at.sender)
    if sender is None:
        raise FoldRefusal(FoldCode.SENDER_UNKNOWN)
    if envelope.intent <= state.intents.get(at.sender, 0):
        raise FoldRefusal(FoldCode.INTENT_DOUBLED)
    if state.closed is not None and not isinstance(body, bodies.Confirm):
        raise FoldRefusal(FoldCode.CLOSED)
    if sender.accepted < state.rules.version and not isinstance(body, _BEFORE_ACCEPTING):
        raise FoldRefusal(FoldCode.RULES_NOT_ACCEPTED)
    if sender.role is not Role.FACILITATOR and not isinstance(body, _FOR_EVERY_SEAT):
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    decided = _HANDLERS[type(body)](state, at, body)
    return msgspec.structs.replace(decided, intents={**decided.intents, at.sender: envelope.intent})


_BEFORE_ACCEPTING = (bodies.Accept, bodies.Leave, bodies.Confirm)
"""What a seat may do before it accepted the rules as they are."""

_FOR_EVERY_SEAT = (
    bodies.Accept,
    bodies.Confirm,
    bodies.Leave,
    bodies.SetInbox,
    bodies.Approve,  # of members only where their party's facilitator is at stake: see may_approve
    bodies.Unapprove,
)
"""What seats may do that do not facilitate."""


def _with_seat(state: RoomState, id_: str, seat: Seat) -> RoomState:
    return msgspec.structs.replace(state, seats={**state.seats, id_: seat})


def _accept(state: RoomState, at: At, body: bodies.Accept) -> RoomState:
    if body.version != state.rules.version:
        raise FoldRefusal(FoldCode.VERSION_STALE)
    seat = msgspec.structs.replace(state.seats[at.sender], accepted=body.version)
    return _with_seat(state, at.sender, seat)


def _set_rules(state: RoomState, at: At, body: bodies.SetRules) -> RoomState:
    version = state.rules.version + 1
    author = msgspec.structs.replace(state.seats[at.sender], accepted=version)
    changed = msgspec.structs.replace(state, rules=Rules(version, body.lines))
    return _with_seat(changed, at.sender, author)


def _set_title(state: RoomState, _: At, body: bodies.SetTitle) -> RoomState:
    return msgspec.structs.replace(state, title=body.title)


def _set_welcome(state: RoomState, _: At, body: bodies.SetWelcome) -> RoomState:
    return msgspec.structs.replace(state, welcome=body.welcome)


def _set_retention(state: RoomState, _: At, body: bodies.SetRetention) -> RoomState:
    return msgspec.structs.replace(state, retention=body.retention)


def _set_history(state: RoomState, _: At, body: bodies.SetHistory) -> RoomState:
    return msgspec.structs.replace(state, history=body.history)


def _invite(state: RoomState, at: At, body: bodies.Invite) -> RoomState:
    state.require_party(body.party)
    if body.mailbox in state.invitations:
        raise FoldRefusal(FoldCode.INVITATION_EXISTS)
    if body.expires <= at.time:
        raise FoldRefusal(FoldCode.EXPIRED)
    open_ = {id_: one for id_, one in state.invitations.items() if one.expires > at.time}
    if len(open_) >= MAX_MAILBOXES:
        raise FoldRefusal(FoldCode.TOO_MANY)
    invited = Invited(body.role, body.party, body.scope, body.expires, at.sender)
    return msgspec.structs.replace(state, invitations={**open_, body.mailbox: invited})


def _revoke(state: RoomState, _: At, body: bodies.Revoke) -> RoomState:
    if body.mailbox not in state.invitations:
        raise FoldRefusal(FoldCode.INVITATION_UNKNOWN)
    left = {id_: one for id_, one in state.invitations.items() if id_ != body.mailbox}
    return msgspec.structs.replace(state, invitations=left)


def _approve(state: RoomState, at: At, body: bodies.Approve) -> RoomState:
    """A seat has one opinion of an act on a seat: a newer approval takes the older one's place."""
    act = body.act
    if not may_approve(state, at.sender, act):
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    verify_approval(state, state.seats[at.sender], act, body.signature)
    if act.rule_version != state.admission.version or not _is_whole(state, act):
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    if act.expires <= at.time:
        raise FoldRefusal(FoldCode.EXPIRED)
    alive = {
        id_: one
        for id_, one in state.approvals.items()
        if one.act.expires > at.time and (one.act.act, one.act.seat, one.by) != (act.act, act.seat, at.sender)
    }
    if at.event in alive:  # a client chose the id: nobody's approval may take the place of another's
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    if sum(one.by == at.sender for one in alive.values()) >= MAX_APPROVALS:
        raise FoldRefusal(FoldCode.TOO_MANY)
    return msgspec.structs.replace(state, approvals={**alive, at.event: Approval(act, at.sender)})


def _is_whole(state: RoomState, act: Act) -> bool:
    """Whether an act names what its kind needs, and nothing that is not in the room."""
    known_party = act.party is None or any(party.id == act.party for party in state.parties)
    in_room = act.seat is not None and act.seat in state.seats
    was_here = any(one.seat == act.seat for one in state.past)
    match act.act:
        case "add":
            named = None not in (act.seat, act.name, act.role, act.keys, act.package)
            return named and known_party and not in_room and not was_here
        case "remove":
            return in_room
        case "role":
            return in_room and act.role is not None and known_party
        case "rule":
            return act.admission is not None


def _unapprove(state: RoomState, at: At, body: bodies.Unapprove) -> RoomState:
    approval = state.approvals.get(body.approval)
    if approval is None or approval.by != at.sender:
        raise FoldRefusal(FoldCode.APPROVAL_UNKNOWN)
    left = {id_: one for id_, one in state.approvals.items() if id_ != body.approval}
    return msgspec.structs.replace(state, approvals=left)


def _set_role(state: RoomState, at: At, body: bodies.SetRole) -> RoomState:
    act = Act("role", state.admission.version, 0, seat=body.seat, role=body.role, party=body.party)
    seat = state.seats.get(body.seat)
    if seat is None:
        raise FoldRefusal(FoldCode.SEAT_UNKNOWN)
    state.require_party(body.party)
    if body.role is not Role.FACILITATOR and _is_last_facilitator(state, body.seat):
        raise FoldRefusal(FoldCode.LAST_FACILITATOR)
    approved, by = use_approvals(state, act, at.time)
    changed = msgspec.structs.replace(seat, role=body.role, party=body.party, by=by)
    return _with_seat(approved, body.seat, changed)


def _set_admission(state: RoomState, at: At, body: bodies.SetAdmission) -> RoomState:
    """Tightening is any facilitator's to do; loosening needs what the strict rule needs."""
    version = state.admission.version
    if body.rule == state.admission.rule:  # it would only void the approvals that wait
        raise FoldRefusal(FoldCode.VERSION_STALE)
    if body.rule == "party":
        held = {seat.party for seat in state.facilitators().values()}
        if not state.parties or not {party.id for party in state.parties} <= held:
            raise FoldRefusal(FoldCode.PARTY_WITHOUT_FACILITATOR)
    else:
        state, _ = use_approvals(state, Act("rule", version, 0, admission="any"), at.time)
    return msgspec.structs.replace(state, admission=Admission(body.rule, version + 1), approvals={})


def _snapshot(state: RoomState, _: At, body: bodies.Snapshot) -> RoomState:
    if jcs(cast("JsonObject", body.state)) != jcs(state.to_json()):  # in Python, True equals 1
        raise FoldRefusal(FoldCode.SNAPSHOT_WRONG)
    return state


def _confirm(state: RoomState, _: At, __: bodies.Confirm) -> RoomState:
    return state


def _leave(state: RoomState, at: At, _: bodies.Leave) -> RoomState:
    if at.sender in state.leaving:
        return state
    if _is_last_facilitator(state, at.sender) and len(state.seats) > 1:
        raise FoldRefusal(FoldCode.LAST_FACILITATOR)
    return msgspec.structs.replace(state, leaving=(*state.leaving, at.sender))


def _is_last_facilitator(state: RoomState, id_: str) -> bool:
    """Whether the seat facilitates, and no other that has not left does."""
    facilitators = set(state.facilitators())
    return id_ in facilitators and facilitators <= {id_, *state.leaving}


def _set_inbox(state: RoomState, at: At, body: bodies.SetInbox) -> RoomState:
    seat = state.seats[at.sender]
    try:
        inbox = parse_b64u(body.inbox)
    except RemoteProtocolError:
        raise FoldRefusal(FoldCode.BODY_MALFORMED) from None
    if not KEY_SIZE <= len(inbox) <= MAX_INBOX_KEY_BYTES:
        raise FoldRefusal(FoldCode.BODY_MALFORMED)
    content = parse_b64u(state.room) + parse_b64u(at.sender) + vector(inbox)
    try:
        verify(parse_b64u(seat.keys.governance), "inbox", content, parse_b64u(body.signature))
    except RemoteProtocolError:
        raise FoldRefusal(FoldCode.APPROVAL_SIGNATURE) from None
    keys = msgspec.structs.replace(seat.keys, inbox=body.inbox)
    return _with_seat(state, at.sender, msgspec.structs.replace(seat, keys=keys))


def _close(state: RoomState, at: At, _: bodies.Close) -> RoomState:
    return msgspec.structs.replace(state, closed=at.seq, approvals={}, invitations={})


def _handler(
    handler: Callable[[RoomState, At, B], RoomState],
) -> Handler:
    """A handler as the table holds it: the table's key is the body's type."""
    return cast("Handler", handler)


_HANDLERS: dict[type[bodies.Governance], Handler] = {
    bodies.Accept: _handler(_accept),
    bodies.SetRules: _handler(_set_rules),
    bodies.SetTitle: _handler(_set_title),
    bodies.SetWelcome: _handler(_set_welcome),
    bodies.SetRetention: _handler(_set_retention),
    bodies.SetHistory: _handler(_set_history),
    bodies.Invite: _handler(_invite),
    bodies.Revoke: _handler(_revoke),
    bodies.Approve: _handler(_approve),
    bodies.Unapprove: _handler(_unapprove),
    bodies.SetRole: _handler(_set_role),
    bodies.SetAdmission: _handler(_set_admission),
    bodies.Snapshot: _handler(_snapshot),
    bodies.Confirm: _handler(_confirm),
    bodies.Leave: _handler(_leave),
    bodies.SetInbox: _handler(_set_inbox),
    bodies.Close: _handler(_close),
}
