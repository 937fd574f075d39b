"""decide: (state, governance event) → state, or a coded refusal (PROTOCOL.md, section 9).

One table from type to handler. A handler checks and returns the new state; it raises FoldRefusal,
and then the event has changed nothing, for every member alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from backchannel_mls.codec import vector
from backchannel_protocol.credential import MAX_INBOX_KEY_BYTES
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import KEY_SIZE, b64u, parse_b64u
from backchannel_protocol.keys import public_key, verify
from backchannel_protocol.room import approvals, bodies, invitations
from backchannel_protocol.room.admission import seen_alive
from backchannel_protocol.room.names import is_name
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Admission, Role, RoomState, Rules, Seat

B = TypeVar("B", bound=bodies.Body)
Handler = Callable[["RoomState", "At", object], "RoomState"]


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
        operates=True,
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
    if not all(
        is_name(name) for name in (genesis.title, genesis.name, *(one.name for one in genesis.parties))
    ):
        raise FoldRefusal(FoldCode.NAME_UNFIT)
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
    if state.closed is not None and not isinstance(body, _AFTER_CLOSING):
        raise FoldRefusal(FoldCode.CLOSED)
    if sender.accepted < state.rules.version and not isinstance(body, _BEFORE_ACCEPTING):
        raise FoldRefusal(FoldCode.RULES_NOT_ACCEPTED)
    if sender.role is not Role.FACILITATOR and not isinstance(body, _FOR_EVERY_SEAT):
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    decided = seen_alive(_HANDLERS[type(body)](state, at, body), at.sender, at.time)
    return msgspec.structs.replace(decided, intents={**decided.intents, at.sender: envelope.intent})


_AFTER_CLOSING = (bodies.Confirm, bodies.Disclose)
"""What still counts in a closed room."""

_BEFORE_ACCEPTING = (bodies.Accept, bodies.Leave, bodies.Confirm, bodies.Disclose)
"""What a seat may do before it accepted the rules as they are."""

_FOR_EVERY_SEAT = (
    bodies.Accept,
    bodies.Confirm,
    bodies.Leave,
    bodies.SetInbox,
    bodies.Disclose,
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
    if not is_name(body.title):
        raise FoldRefusal(FoldCode.NAME_UNFIT)
    return msgspec.structs.replace(state, title=body.title)


def _set_welcome(state: RoomState, _: At, body: bodies.SetWelcome) -> RoomState:
    return msgspec.structs.replace(state, welcome=body.welcome)


def _set_retention(state: RoomState, _: At, body: bodies.SetRetention) -> RoomState:
    return msgspec.structs.replace(state, retention=body.retention)


def _set_history(state: RoomState, _: At, body: bodies.SetHistory) -> RoomState:
    return msgspec.structs.replace(state, history=body.history)


def _confirm(state: RoomState, _: At, __: bodies.Confirm) -> RoomState:
    return state


def _leave(state: RoomState, at: At, _: bodies.Leave) -> RoomState:
    if at.sender in state.leaving:
        return state
    if approvals.is_last_facilitator(state, at.sender) and len(state.seats) > 1:
        raise FoldRefusal(FoldCode.LAST_FACILITATOR)
    return msgspec.structs.replace(state, leaving=(*state.leaving, at.sender))


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
    return msgspec.structs.replace(state, closed=at.seq, approvals={}, invitations={}, knocks={})


def _disclose(state: RoomState, at: At, body: bodies.Disclose) -> RoomState:
    if state.closed is None:
        raise FoldRefusal(FoldCode.NOT_CLOSED)
    if b64u(public_key(parse_b64u(body.leaf))) != state.seats[at.sender].keys.leaf:
        raise FoldRefusal(FoldCode.KEY_UNFIT)
    if at.sender in state.disclosed:
        return state
    return msgspec.structs.replace(state, disclosed=(*state.disclosed, at.sender))


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
    bodies.Invite: _handler(invitations.invite),
    bodies.Revoke: _handler(invitations.revoke),
    bodies.Knock: _handler(invitations.knock),
    bodies.Approve: _handler(approvals.approve),
    bodies.Unapprove: _handler(approvals.unapprove),
    bodies.SetRole: _handler(approvals.set_role),
    bodies.SetAdmission: _handler(approvals.set_admission),
    bodies.Confirm: _handler(_confirm),
    bodies.Leave: _handler(_leave),
    bodies.SetInbox: _handler(_set_inbox),
    bodies.Close: _handler(_close),
    bodies.Disclose: _handler(_disclose),
}
