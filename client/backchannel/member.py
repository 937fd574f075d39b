"""A room as a program uses it: read, write, govern. Ids of seats, messages and mailboxes are b64u."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from backchannel.errors import BackchannelError, NotAllowed
from backchannel.facilitation.duties import approvers
from backchannel.facilitation.knocks import (
    approval_of,
    arrived,
    decline,
    knocks_of,
    packages_of,
    waiting_for,
)
from backchannel.inbox import INVITE, LETTER
from backchannel.ledger import Change, Ledger
from backchannel.live import LiveRoom
from backchannel.outbox import Item
from backchannel.room.facts import AnyFact, EventIgnored, KnockArrived, MessageSent
from backchannel.room.view import Presence
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.invitation import SECRET_SIZE, Invitation
from backchannel_protocol.keys import fingerprint, public_key
from backchannel_protocol.operations import CloseRoom, InvitationClose, InvitationOpen, Operation
from backchannel_protocol.room.admission import is_satisfied, sign_approval
from backchannel_protocol.room.state import Act, Role, RoomState, Seat, json_of

Quotable = Literal["no", "anonymous", "named"]
INVITATION_S = 7 * 24 * 3600


class Delivery(Enum):
    """What is known of a message that was sent from here."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. It is on this device's disk; what becomes of it, `delivery` tells."""

    room: Room
    item: Item

    @property
    def delivery(self) -> Delivery:
        """waiting, sent, or failed."""
        ledger = self.room.ledger
        if self.item.place in ledger.items:
            return Delivery.WAITING
        sent = ledger.own_message(self.item.number)
        return Delivery.FAILED if sent is None else Delivery.SENT

    @property
    def seen_by(self) -> int:
        """How many others have seen it."""
        view, message = self.room.ledger.view, self.room.ledger.own_message(self.item.number)
        if message is None:
            return 0
        return sum(up_to >= message.seq for seat, up_to in view.seen.items() if seat != view.own)

    async def sent(self) -> MessageSent:
        """The message, once it is in the log. Raises NotAllowed where it will never be."""
        await self.room.settled(self.item)
        message = self.room.ledger.own_message(self.item.number)
        if message is None:
            raise NotAllowed("not-sent", "The message did not count. Look at what the room says about it.")
        return message


class Room:
    """One room that this profile has a seat in."""

    def __init__(self, ledger: Ledger, live: LiveRoom) -> None:
        self.ledger = ledger
        self._live = live
        self._ending = False

    # ---- what is known
    @property
    def id(self) -> str:
        """The room's id."""
        return b64u(self.ledger.view.room)

    @property
    def seat(self) -> str:
        """The own seat."""
        return self.ledger.view.own

    @property
    def state(self) -> RoomState:
        """The room as all members compute it. Raises NotAllowed before its first event is back."""
        if self.ledger.view.state is None:
            raise NotAllowed("not-created", "The room's first event has not reached the server yet.")
        return self.ledger.view.state

    @property
    def title(self) -> str:
        """The title."""
        return self.state.title

    @property
    def connected(self) -> bool:
        """Whether the server is there now."""
        return self._live.attached

    @property
    def current(self) -> bool:
        """Whether everything that the server has of the room is here."""
        return self._live.current

    @property
    def stopped(self) -> BackchannelError | None:
        """Why the room is not connected any more and will not be, where that is so."""
        return self._live.error or self.ledger.stopped

    async def caught_up(self) -> None:
        """Until everything that the server has of the room is here. Raises what ended the connection."""
        async with self.ledger.changed:
            await self.ledger.changed.wait_for(lambda: self.current or self._over())
        if not self.current and self._live.error is not None:
            raise self._live.error

    def members(self) -> dict[str, Seat]:
        """Who is in the room."""
        return dict(self.state.seats)

    def history(self) -> list[AnyFact]:
        """All that happened since this seat came, in order."""
        return list(self.ledger.facts)

    def messages(self) -> list[MessageSent]:
        """All messages since this seat came."""
        return [fact for fact in self.ledger.facts if isinstance(fact, MessageSent)]

    async def events(self, *, replay: bool = False) -> AsyncIterator[AnyFact]:
        """What happens from now on, or with `replay` from the beginning, until the room is left.

        Raises Stopped where the room stopped, and what else ended the connection for good.
        """
        ledger = self.ledger
        at = 0 if replay else len(ledger.facts)
        while True:
            while at < len(ledger.facts):
                at += 1
                yield ledger.facts[at - 1]
            if self._over():
                if self._live.error is not None and ledger.view.presence is Presence.PRESENT:
                    raise self._live.error
                return
            await self._more_than(at)

    async def _more_than(self, count: int) -> None:
        """Until there are more facts than that, or there will be none."""
        ledger = self.ledger
        async with ledger.changed:
            await ledger.changed.wait_for(lambda: count < len(ledger.facts) or self._over())

    # ---- speaking
    async def send(
        self, text: str, *, quotable: Quotable = "no", until: int = 0, reply_to: str | None = None
    ) -> Outgoing:
        """Writes a message. When this returns it is on disk and will be sent, whatever happens."""
        self._require_accepted()
        if self.state.seats[self.seat].role is Role.OBSERVER:
            raise NotAllowed("role-forbids", "Observers read and do not write.")
        exposure: JsonObject = {"audience": "room", "quotable": quotable, "until": until}
        body: JsonObject = {"text": text, "exposure": exposure}
        if reply_to is not None:
            body["reply_to"] = reply_to
        return Outgoing(self, await self._enqueue("chat", "message", body))

    async def reply(self, message: MessageSent, text: str, *, quotable: Quotable = "no") -> Outgoing:
        """Answers a message."""
        return await self.send(text, quotable=quotable, reply_to=message.id)

    async def retract(self, message: MessageSent) -> None:
        """Takes an own message back: its text goes, a mark stays."""
        if message.seat != self.seat:
            raise NotAllowed("not-the-author", "Only its author can take a message back.")
        await self._settle(await self._enqueue("chat", "retract", {"event": message.id}))

    async def mark_seen(self) -> None:
        """Tells that everything up to here was seen. What waits already is not doubled."""
        self._require_accepted()
        if not any(item.type == "seen" for item in self.ledger.items.values()):
            await self._enqueue("chat", "seen", {"seq": self.ledger.view.seq})

    async def accept_rules(self) -> None:
        """Accepts the room's rules as they are now."""
        await self._govern("accept", {"version": self.state.rules.version})

    # ---- facilitating
    async def invite(
        self,
        *,
        role: Role = Role.PARTICIPANT,
        party: str | None = None,
        scope: str | None = None,
        expires_in_s: int = INVITATION_S,
    ) -> str:
        """A link for one person. Give it to nobody else; it works once."""
        self._require_facilitator()
        record_print = fingerprint(self.ledger.about.record_key)
        own_print = fingerprint(public_key(self.ledger.keys.governance_key))
        invitation = Invitation(os.urandom(SECRET_SIZE), own_print, record_print)
        mailbox = b64u(invitation.mailbox)
        expires = int(time.time()) + expires_in_s
        body: JsonObject = {
            "expires": expires,
            "mailbox": mailbox,
            "party": party,
            "role": role.value,
            "scope": scope,
        }
        opening = InvitationOpen(None, invitation.mailbox, invitation.auth_key, expires)
        kept = Change(notes={INVITE + mailbox: invitation.fragment().encode()})
        await self._govern("invite", body, [opening], kept)
        return invitation.link(self.ledger.about.server_url)

    async def revoke(self, link: str) -> None:
        """Makes an invitation worthless."""
        self._require_facilitator()
        mailbox = Invitation.parse_link(link)[1].mailbox
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

    def proposals(self) -> list[Act]:
        """What other facilitators approved and what still lacks approvals."""
        acts = {one.act.seat: one.act for one in self.state.approvals.values()}
        time_s = self.ledger.view.time
        return [
            act
            for act in acts.values()
            if not is_satisfied(self.state, act, approvers(self.state, act, time_s))
        ]

    async def approve(self, wanted: KnockArrived | Act) -> tuple[tuple[str, str], ...]:
        """Approves an admission or a removal; the parties (id, name) whose approval is still awaited."""
        if isinstance(wanted, KnockArrived):
            plan = packages_of(self.ledger.notes).get(wanted.joining)
            knock = None if plan is None else knocks_of(self.ledger.notes).get(b64u(plan.mailbox))
            act = None if knock is None else knock.wanted()
            if act is None:
                raise NotAllowed("knock-unknown", "Nobody knocks like that. The knock may be over.")
        else:
            act = wanted
        state = self.state
        approved = approval_of(state, act, max(self.ledger.view.time, int(time.time())))
        signature = sign_approval(self.ledger.keys.governance_key, state.room, approved)
        await self._govern("approve", {"act": json_of(approved), "signature": b64u(signature)})
        by = approvers(self.state, approved, self.ledger.view.time) | {self.seat}
        return waiting_for(self.state, approved, by)

    async def decline(self, knock: KnockArrived) -> None:
        """Declines a knock, and closes its invitation."""
        self._require_facilitator()
        async with self.ledger.lock:
            pending = await decline(self.ledger, knock.mailbox)
            letter = Change(notes={f"{LETTER}{knock.joining}": pending.encode()})
            await self.ledger.store(letter)
        mailbox = parse_b64u(knock.mailbox)
        await self._govern("revoke", {"mailbox": knock.mailbox}, [InvitationClose(None, mailbox)])

    async def remove(self, seat: str) -> tuple[tuple[str, str], ...]:
        """Approves a removal, which is done when the room's rule is satisfied."""
        self._require_facilitator()
        if seat not in self.state.seats:
            raise NotAllowed("seat-unknown", "There is no such seat in the room.")
        return await self.approve(Act("remove", self.state.admission.version, 0, seat=seat))

    async def require_each_party(self) -> None:
        """From now on one facilitator of each party must approve who comes in and who is removed."""
        await self._govern("admission", {"rule": "party"})

    async def set_rules(self, lines: Iterable[str]) -> None:
        """New rules, which everybody is asked to accept."""
        await self._govern("rules", {"lines": list(lines)})

    async def leave(self) -> None:
        """Asks to be let out; a facilitator's client does it as soon as it is there."""
        if len(self.state.seats) == 1 or self.ledger.view.only_facilitator(self.seat):
            raise NotAllowed("last-facilitator", "You are the only facilitator. Close the room instead.")
        await self._govern("leave", {})

    async def close(self) -> None:
        """Ends the room for everybody."""
        self._require_facilitator()
        await self._govern("close", {}, [CloseRoom(None)])

    # ---- for this package
    async def run(self) -> None:
        """The room's connection: see LiveRoom."""
        await self._live.run()

    def end(self) -> None:
        """The profile is being closed: iterators end."""
        self._ending = True

    def _over(self) -> bool:
        return self._ending or self._live.error is not None

    def _require_accepted(self) -> None:
        own = self.state.seats.get(self.seat)
        if own is None:
            raise NotAllowed("removed", "This seat is no longer in the room. Ask to be admitted again.")
        if own.accepted < self.state.rules.version:
            raise NotAllowed("rules-not-accepted", "Accept the room's rules first: room.accept_rules().")

    def _require_facilitator(self) -> None:
        self._require_accepted()
        if not self.ledger.view.facilitates:
            raise NotAllowed("role-forbids", "Only facilitators can do that. Ask one of them.")

    async def _govern(
        self,
        type_: str,
        body: JsonObject,
        operations: Iterable[Operation] = (),
        change: Change | None = None,
    ) -> None:
        await self._settle(await self._enqueue("governance", type_, body, operations, change))

    async def _enqueue(
        self,
        lane: Literal["chat", "governance"],
        type_: str,
        body: JsonObject,
        operations: Iterable[Operation] = (),
        change: Change | None = None,
    ) -> Item:
        if self.ledger.stopped is not None:
            raise self.ledger.stopped
        async with self.ledger.lock:
            item = await self.ledger.enqueue(lane, type_, body, operations, change)
        self._live.wake()
        return item

    async def settled(self, item: Item) -> None:
        """Until an item is in the log, or will never be."""
        ledger = self.ledger
        async with ledger.changed:
            await ledger.changed.wait_for(lambda: item.place not in ledger.items or self._over())
        if item.place in ledger.items:
            raise self._live.error or BackchannelError("closed", "The profile was closed. It is sent later.")

    async def _settle(self, item: Item) -> None:
        """The same, and raises NotAllowed where it did not count."""
        await self.settled(item)
        failure = self.ledger.failure(item.place)
        if failure is not None:
            raise NotAllowed(failure.code, failure.sentence)
        for fact in reversed(self.ledger.facts):
            if not isinstance(fact, EventIgnored) or fact.seat != self.seat:
                continue
            if (fact.type, fact.number) == (item.type, item.number):
                raise NotAllowed(fact.code, fact.sentence)
