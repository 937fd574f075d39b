"""What became of each invitation, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from backchannel.facilitation.knocks import waiting_at_doors
from backchannel.inbox import LED
from backchannel.room.facts import AnyFact, RoomGoverned
from backchannel_protocol.room.bodies import Invite, parse_governance
from backchannel_protocol.room.state import Invited, RoomState


class InvitationState(Enum):
    """What became of an invitation."""

    NOT_OPENED = "not opened"
    WAITING = "waiting"
    ADMITTED = "admitted"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class InvitationStatus:
    """An invitation (for what, until when, by which seat), and what became of it.

    name  of who knocks or came in; None where nobody has
    """

    mailbox: str
    invited: Invited
    state: InvitationState
    name: str | None


def invitations_of(
    facts: Iterable[AnyFact], state: RoomState, notes: Mapping[str, bytes], now: int
) -> list[InvitationStatus]:
    """All invitations that this seat knows of, the newest last."""
    told = [fact for fact in facts if isinstance(fact, RoomGoverned)]
    made = {fact.body["mailbox"]: _invited(fact) for fact in told if fact.type == "invite"}
    earlier = {mailbox: one for mailbox, one in state.invitations.items() if mailbox not in made}
    revoked = {fact.body["mailbox"] for fact in told if fact.type == "revoke"}
    names = {seat: one.name for seat, one in state.seats.items()} | {one.seat: one.name for one in state.past}
    seats = {mailbox: notes[LED + mailbox].decode() for mailbox in made if LED + mailbox in notes}
    led = {mailbox: names[seat] for mailbox, seat in seats.items() if seat in names}
    knocking = {mailbox: one.act.name for mailbox, one in waiting_at_doors(state, notes).items()}
    found = []
    for mailbox, one in {**earlier, **made}.items():
        if mailbox in led:
            what = InvitationState.ADMITTED
        elif mailbox in revoked or (state.closed is not None and one.expires > now):
            what = InvitationState.REVOKED
        elif mailbox not in state.invitations or one.expires <= now:
            what = InvitationState.EXPIRED
        else:
            what = InvitationState.WAITING if mailbox in knocking else InvitationState.NOT_OPENED
        name = led.get(mailbox) if mailbox in led else knocking.get(mailbox)
        found.append(InvitationStatus(mailbox, one, what, name))
    return found


def _invited(fact: RoomGoverned) -> Invited:
    """An invitation as the fold took it."""
    body = parse_governance(fact.type, fact.body)
    assert isinstance(body, Invite)
    return Invited(body.role, body.party, body.scope, body.expires, fact.seat)
