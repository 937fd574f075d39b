"""Governing a room: its settings, its doors, who is in it. For facilitators; leaving is for everybody."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import EllipsisType
from typing import Final, Literal

from backchannel.desk import Desk
from backchannel.errors import BackchannelError, NotAllowed
from backchannel.facilitation.duties import acts_of
from backchannel.facilitation.invitations import InvitationStatus, invitations_of
from backchannel.facilitation.knocks import KNOCK, approval_of, waiting_at_doors, waiting_for
from backchannel.inbox import INBOX, INVITE
from backchannel.ledger import PARTY_RULE, Change
from backchannel.room.facts import KnockArrived
from backchannel.room.speech import arrived
from backchannel_mls import cipher_suite
from backchannel_mls.codec import vector
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import ID_SIZE, MailboxId, b64u, parse_b64u
from backchannel_protocol.invitation import SECRET_SIZE, Invitation
from backchannel_protocol.keys import fingerprint, public_key, sign
from backchannel_protocol.operations import CloseRoom, InvitationClose, InvitationOpen, SetPolicy
from backchannel_protocol.room.admission import awaited, sign_approval
from backchannel_protocol.room.state import Act, Role, Scope, json_of

INVITATION_S: Final = 7 * 24 * 3600
_SEED_SIZE: Final = 64


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

    @property
    def wishes_each_party(self) -> bool:
        """Whether this device requires each party by itself, as soon as each has a facilitator."""
        return PARTY_RULE in self.ledger.notes

    async def require_any_facilitator(self) -> tuple[tuple[str, str], ...]:
        """Approves that any one facilitator may admit and remove: what the strict rule asks for is needed.

        The parties (id, name) whose approval is still awaited; the rule changes by itself with the last.
        """
        self._require_facilitator()
        if self.state.admission.rule == "any" and self.wishes_each_party:
            async with self.ledger.lock:
                await self.ledger.store(Change(drop_notes={PARTY_RULE}))
            return ()
        if self.state.admission.rule == "any":
            raise NotAllowed("version-stale", "Any one facilitator may admit and remove already.")
        return await self.approve(Act("rule", self.state.admission.version, 0, admission="any"))

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
        # who knocked already is still to be told, with the invitation's key
        unused = KNOCK + b64u(mailbox) not in self.ledger.notes
        gone = Change(drop_notes={INVITE + b64u(mailbox)} if unused else set())
        await self._govern("revoke", {"mailbox": b64u(mailbox)}, [InvitationClose(None, mailbox)], gone)

    def knocks(self) -> list[KnockArrived]:
        """Who waits at the room's doors, whichever facilitator opened them."""
        doors = waiting_at_doors(self.state, self.ledger.notes)
        return [arrived(mailbox, one, seq=0, time=self.ledger.view.time) for mailbox, one in doors.items()]

    async def decline(self, knock: KnockArrived) -> None:
        """Declines a knock, and closes its invitation; who knocks is told."""
        await self.revoke(knock.mailbox)

    # ---- who is in the room
    def proposals(self) -> list[Act]:
        """What other facilitators approved and what still lacks approvals."""
        return [act for act in acts_of(self.state) if awaited(self.state, act, self.ledger.view.time)]

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

    async def set_role(
        self, seat: str, role: Role, *, party: str | EllipsisType | None = ...
    ) -> tuple[tuple[str, str], ...]:
        """Approves another role of a seat, and another party where one is given.

        The parties (id, name) whose approval is still awaited; the role changes by itself with the last.
        """
        self._require_facilitator()
        known = self.state.seats.get(seat)
        if known is None:
            raise NotAllowed("seat-unknown", "There is no such seat in the room.")
        if Role.BOT in (role, known.role):
            raise NotAllowed("scope-unfit", "A bot stays a bot, and nobody becomes one. Remove and invite.")
        wanted = known.party if isinstance(party, EllipsisType) else party
        if (role, wanted) == (known.role, known.party):
            raise NotAllowed("version-stale", "The seat has this role already.")
        if known.role is Role.FACILITATOR is not role and self.ledger.view.only_facilitator(seat):
            raise NotAllowed("last-facilitator", "The room would be left without a facilitator.")
        act = Act("role", self.state.admission.version, 0, seat=seat, role=role, party=wanted)
        return await self.approve(act)

    async def rotate_inbox(self) -> None:
        """A new inbox key for this seat; the old one is erased from this device."""
        self._require_accepted()
        keys, state = self.ledger.keys, self.state
        private, public = cipher_suite(keys.suite).derive_key_pair(os.urandom(_SEED_SIZE))
        content = parse_b64u(state.room) + parse_b64u(self.seat) + vector(public)
        signature = sign(keys.governance_key, "inbox", content)
        kept = Change(notes={INBOX + b64u(public): private})
        body: JsonObject = {"inbox": b64u(public), "signature": b64u(signature)}
        await self._govern("inbox", body, change=kept)

    async def leave(self) -> None:
        """Asks to be let out; a facilitator's client does it as soon as it is there."""
        self._require_present()
        if len(self.state.seats) == 1 or self.ledger.view.only_facilitator(self.seat):
            raise NotAllowed("last-facilitator", "You are the only facilitator. Close the room instead.")
        await self._govern("leave", {})

    def _act_of(self, wanted: KnockArrived | Act) -> Act:
        if isinstance(wanted, Act):
            return wanted
        found = waiting_at_doors(self.state, self.ledger.notes).get(wanted.mailbox)
        if found is None or found.act.seat != wanted.joining:
            raise NotAllowed("knock-unknown", "Nobody knocks like that. The knock may be over.")
        return found.act


def _mailbox_of(invitation: str) -> MailboxId:
    """Of a link, or of a mailbox's id."""
    try:
        if "#" in invitation:
            return Invitation.parse_link(invitation)[1].mailbox
        return MailboxId(parse_b64u(invitation, ID_SIZE))
    except RemoteProtocolError:
        sentence = "This is neither an invitation's link nor its id. Copy it again, to its last character."
        raise BackchannelError("invitation-malformed", sentence) from None
