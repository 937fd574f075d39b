"""Governing a room: its settings, its doors, who is in it. For facilitators; leaving is for everybody."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

from backchannel.desk import Desk
from backchannel.errors import BackchannelError, NotAllowed
from backchannel.facilitation.invitations import InvitationStatus, invitations_of
from backchannel.facilitation.knocks import (
    approval_of,
    arrived,
    decline,
    knocks_of,
    packages_of,
    waiting_for,
)
from backchannel.inbox import INVITE, LETTER
from backchannel.ledger import Change
from backchannel.room.facts import KnockArrived
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import ID_SIZE, MailboxId, b64u, parse_b64u
from backchannel_protocol.invitation import SECRET_SIZE, Invitation
from backchannel_protocol.keys import fingerprint, public_key
from backchannel_protocol.operations import CloseRoom, InvitationClose, InvitationOpen, SetPolicy
from backchannel_protocol.room.admission import awaited, sign_approval
from backchannel_protocol.room.state import Act, Role, Scope, json_of

INVITATION_S = 7 * 24 * 3600


class Governing(Desk):
    """What a seat may do that governs the room."""

    # ---- settings
    async def set_title(self, title: str) -> None:
        """A new title."""
        await self._set("title", {"title": title})

    async def set_welcome(self, text: str) -> None:
        """A new welcome, which everybody who comes in reads first."""
        await self._set("welcome", {"welcome": text})

    async def set_rules(self, lines: Iterable[str]) -> None:
        """New rules, which everybody is asked to accept."""
        await self._set("rules", {"lines": list(lines)})

    async def set_history(self, history: Literal["none", "briefing"]) -> None:
        """What those who come in later are shown of what was said before."""
        await self._set("history", {"history": history})

    async def set_retention(self, seconds: int, *, after_reading: bool = False) -> None:
        """How long what is said is kept, on the server and on every device (0: for the room's life).

        after_reading  its text goes as soon as everybody has seen it, too
        """
        self._require_facilitator()
        body: JsonObject = {"retention": {"seconds": seconds, "after_reading": after_reading}}
        await self._govern("retention", body, [SetPolicy(None, 0, seconds, after_reading, 0)])

    async def require_each_party(self) -> None:
        """From now on one facilitator of each party must approve who comes in and who is removed."""
        await self._set("admission", {"rule": "party"})

    async def close(self) -> None:
        """Ends the room for everybody."""
        self._require_facilitator()
        await self._govern("close", {}, [CloseRoom(None)])

    async def _set(self, type_: str, body: JsonObject) -> None:
        self._require_facilitator()
        await self._govern(type_, body)

    # ---- doors
    async def invite(
        self,
        *,
        role: Role = Role.PARTICIPANT,
        party: str | None = None,
        scope: Scope | None = None,
        expires_in_s: int = INVITATION_S,
    ) -> str:
        """A link for one person. Give it to nobody else; it works once."""
        self._require_facilitator()
        record_print = fingerprint(self.ledger.about.record_key)
        own_print = fingerprint(public_key(self.ledger.keys.governance_key))
        invitation = Invitation(os.urandom(SECRET_SIZE), own_print, record_print)
        mailbox = b64u(invitation.mailbox)
        expires = int(self._clock()) + expires_in_s
        body: JsonObject = {
            "expires": expires,
            "mailbox": mailbox,
            "party": party,
            "role": role.value,
            "scope": None if scope is None else json_of(scope),
        }
        opening = InvitationOpen(None, invitation.mailbox, invitation.auth_key, expires)
        kept = Change(notes={INVITE + mailbox: invitation.fragment().encode()})
        await self._govern("invite", body, [opening], kept)
        return invitation.link(self.ledger.about.server_url)

    def invitations(self) -> list[InvitationStatus]:
        """All invitations since this seat came, with what became of each: the newest last."""
        return invitations_of(self.ledger.facts, self.state, self.ledger.notes, self._now())

    async def revoke(self, invitation: str) -> None:
        """Makes an invitation worthless, by its link or its mailbox's id."""
        self._require_facilitator()
        mailbox = _mailbox_of(invitation)
        if b64u(mailbox) not in self.state.invitations:
            sentence = (
                "There is no such open invitation. It was used or revoked before, or is another room's."
            )
            raise NotAllowed("invitation-unknown", sentence)
        gone = Change(drop_notes={INVITE + b64u(mailbox)})
        await self._govern("revoke", {"mailbox": b64u(mailbox)}, [InvitationClose(None, mailbox)], gone)

    def knocks(self) -> list[KnockArrived]:
        """Who waits at the doors that this client opened."""
        return [
            arrived(self.ledger.view, mailbox, act, knock.words)
            for mailbox, knock in knocks_of(self.ledger.notes).items()
            for act in [knock.wanted()]
            if act is not None and not knock.declined and act.seat not in self.state.seats
        ]

    async def decline(self, knock: KnockArrived) -> None:
        """Declines a knock, and closes its invitation."""
        self._require_facilitator()
        async with self.ledger.lock:
            pending = await decline(self.ledger, knock.mailbox)
            letter = Change(notes={f"{LETTER}{knock.joining}": pending.encode()})
            await self.ledger.store(letter)
        mailbox = parse_b64u(knock.mailbox)
        await self._govern("revoke", {"mailbox": knock.mailbox}, [InvitationClose(None, mailbox)])

    # ---- who is in the room
    def proposals(self) -> list[Act]:
        """What other facilitators approved and what still lacks approvals."""
        acts = {one.act.seat: one.act for one in self.state.approvals.values()}
        time_s = self.ledger.view.time
        return [act for act in acts.values() if awaited(self.state, act, time_s)]

    async def approve(self, wanted: KnockArrived | Act) -> tuple[tuple[str, str], ...]:
        """Approves an admission or a removal; the parties (id, name) whose approval is still awaited."""
        self._require_accepted()
        act = self._act_of(wanted)
        state = self.state
        approved = approval_of(state, act, self._now())
        signature = sign_approval(self.ledger.keys.governance_key, state.room, approved)
        await self._govern("approve", {"act": json_of(approved), "signature": b64u(signature)})
        return waiting_for(self.state, approved, self.ledger.view.time)

    async def unapprove(self, wanted: KnockArrived | Act) -> None:
        """Takes an own approval back, while nothing was done on it."""
        self._require_accepted()
        seat = wanted.joining if isinstance(wanted, KnockArrived) else wanted.seat
        kind = "add" if isinstance(wanted, KnockArrived) else wanted.act
        own = [
            id_
            for id_, one in self.state.approvals.items()
            if one.by == self.seat and (one.act.act, one.act.seat) == (kind, seat)
        ]
        if not own:
            sentence = "This seat has no such approval. It was used already, or taken back."
            raise NotAllowed("approval-unknown", sentence)
        for id_ in own:
            await self._govern("unapprove", {"approval": id_})

    async def remove(self, seat: str) -> tuple[tuple[str, str], ...]:
        """Approves a removal, which is done when the room's rule is satisfied."""
        self._require_facilitator()
        if seat not in self.state.seats:
            raise NotAllowed("seat-unknown", "There is no such seat in the room.")
        return await self.approve(Act("remove", self.state.admission.version, 0, seat=seat))

    async def leave(self) -> None:
        """Asks to be let out; a facilitator's client does it as soon as it is there."""
        self._require_present()
        if len(self.state.seats) == 1 or self.ledger.view.only_facilitator(self.seat):
            raise NotAllowed("last-facilitator", "You are the only facilitator. Close the room instead.")
        await self._govern("leave", {})

    def _act_of(self, wanted: KnockArrived | Act) -> Act:
        if isinstance(wanted, Act):
            return wanted
        plan = packages_of(self.ledger.notes).get(wanted.joining)
        knock = None if plan is None else knocks_of(self.ledger.notes).get(b64u(plan.mailbox))
        act = None if knock is None else knock.wanted()
        if act is None:
            raise NotAllowed("knock-unknown", "Nobody knocks like that. The knock may be over.")
        return act


def _mailbox_of(invitation: str) -> MailboxId:
    """Of a link, or of a mailbox's id."""
    try:
        if "#" in invitation:
            return Invitation.parse_link(invitation)[1].mailbox
        return MailboxId(parse_b64u(invitation, ID_SIZE))
    except RemoteProtocolError:
        sentence = "This is neither an invitation's link nor its id. Copy it again, to its last character."
        raise BackchannelError("invitation-malformed", sentence) from None
