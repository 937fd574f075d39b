"""Invitations and who knocks at them (PROTOCOL.md, sections 9 to 11): one link lets one seat in."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from backchannel_protocol.limits import MAX_MAILBOXES
from backchannel_protocol.room import bodies
from backchannel_protocol.room.names import is_name, name_key
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Act, Invited, Knocking, Role, RoomState, Scope


def invite(state: RoomState, at: At, body: bodies.Invite) -> RoomState:
    """A mailbox was opened for somebody. Expired ones go, and what hung on them."""
    state.require_party(body.party)
    require_scope(body.role, body.scope)
    if body.mailbox in state.invitations:
        raise FoldRefusal(FoldCode.INVITATION_EXISTS)
    if body.expires <= at.time:
        raise FoldRefusal(FoldCode.EXPIRED)
    over = {id_ for id_, one in state.invitations.items() if one.expires <= at.time}
    state = without_mailboxes(state, over)
    if len(state.invitations) >= MAX_MAILBOXES:
        raise FoldRefusal(FoldCode.TOO_MANY)
    invited = Invited(body.role, body.party, body.scope, body.expires, at.sender)
    return msgspec.structs.replace(state, invitations={**state.invitations, body.mailbox: invited})


def revoke(state: RoomState, _: At, body: bodies.Revoke) -> RoomState:
    """A mailbox was closed."""
    if body.mailbox not in state.invitations:
        raise FoldRefusal(FoldCode.INVITATION_UNKNOWN)
    return without_mailboxes(state, {body.mailbox})


def knock(state: RoomState, at: At, body: bodies.Knock) -> RoomState:
    """Who knocks, told by who invited: nobody else has read the letter."""
    act = body.act
    if act.act != "add" or act.mailbox is None or (act.rule_version, act.expires) != (0, 0):
        raise FoldRefusal(FoldCode.BODY_MALFORMED)
    invited = state.invitations.get(act.mailbox)
    if invited is not None and invited.by != at.sender:
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    check_add(state, act, at.time)
    if act.name is None or not is_name(act.name):
        raise FoldRefusal(FoldCode.NAME_UNFIT)
    knocks = {**state.knocks, act.mailbox: Knocking(act, body.words, at.sender)}
    return msgspec.structs.replace(state, knocks=knocks)


def check_add(state: RoomState, act: Act, time: int) -> None:
    """An `add` is whole, of somebody who was never here, and what an open invitation offers.

    Raises FoldRefusal (`approval-unfit`, `scope-unfit`, `invitation-unknown`, `expired`).
    """
    if None in (act.seat, act.name, act.role, act.keys, act.package, act.mailbox):
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    if act.seat in state.seats or any(one.seat == act.seat for one in state.past):
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)
    require_scope(act.role, act.scope)
    invited = state.invitations.get(act.mailbox or "")
    if invited is None:
        raise FoldRefusal(FoldCode.INVITATION_UNKNOWN)
    if invited.expires <= time:
        raise FoldRefusal(FoldCode.EXPIRED)
    if (act.role, act.party, act.scope) != (invited.role, invited.party, invited.scope):
        raise FoldRefusal(FoldCode.APPROVAL_UNFIT)


def require_name(state: RoomState, seat: str | None, name: str | None) -> None:
    """Raises `name-unfit` unless it is a name, and no other seat's."""
    taken = {name_key(one.name) for id_, one in state.seats.items() if id_ != seat}
    if name is None or not is_name(name) or name_key(name) in taken:
        raise FoldRefusal(FoldCode.NAME_UNFIT)


def require_scope(role: Role | None, scope: Scope | None) -> None:
    """Raises `scope-unfit`: every bot has a scope, and nobody else."""
    if (role is Role.BOT) != (scope is not None):
        raise FoldRefusal(FoldCode.SCOPE_UNFIT)


def without_mailboxes(state: RoomState, mailboxes: Collection[str]) -> RoomState:
    """Without invitations that are over, who knocked at them, and who was approved to come in by them."""
    if not mailboxes:
        return state
    return msgspec.structs.replace(
        state,
        invitations={id_: one for id_, one in state.invitations.items() if id_ not in mailboxes},
        knocks={id_: one for id_, one in state.knocks.items() if id_ not in mailboxes},
        approvals={id_: one for id_, one in state.approvals.items() if one.act.mailbox not in mailboxes},
    )
