"""A real room that grows quickly: real ciphertexts, written by a few of its members, past their clients.

What a client does for every event of its own (a transaction, a frame, waiting for the answer) would make
50,000 events an evening's work. So the members' keys are taken out of their closed clients, and here they
write eight events at a time, while one member who never writes follows and tells them what is verified.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from backchannel import Room
from backchannel.ledger import Ledger
from backchannel.outbox import Attempt, Item, Plan, write_item
from backchannel.room.engine import prepare
from backchannel.room.membership import POLICY
from backchannel.room.view import RoomView
from backchannel_mls import GroupState, StagedCommit, decode_transition, merge_commit, receive
from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.events import Draft, LogEvent
from backchannel_protocol.frames import Ack, Events, Refused, Submit, encode_frame
from backchannel_protocol.frames import parse_server_frame as parse
from backchannel_protocol.ids import SeatId
from backchannel_protocol.limits import MAX_DRAFTS
from bench.peers import Peer
from bench.seats import Seat, attach

COMMIT_EVERY: Final = 500
"""After so many events somebody renews the own keys: a commit with a path."""
SEEN_EVERY: Final = 10
"""Every so many events says only that its sender has seen what was said."""
TEXT_CHARS: Final = (20, 600)
PATIENCE_S: Final = 60


@dataclass(frozen=True)
class Member:
    """A member whose client is closed: its seat, its group, and the chat intents that it has used."""

    seat: Seat
    mls: GroupState
    said: int

    @classmethod
    def of(cls, ledger: Ledger) -> Member:
        """What a client knew when it was closed."""
        view = ledger.view
        seat = Seat(view.room, view.seat, ledger.keys.seat_key, view.seq)
        return cls(seat, view.mls, ledger.counters().chat)


class Writers:
    """Members who write, and one who follows."""

    def __init__(self, following: Ledger, writing: list[Ledger]) -> None:
        self.view = following.view
        self._follower = Member.of(following)
        self._members = [Member.of(one) for one in writing]
        self._peers: list[Peer] = []
        self._listening: Peer | None = None
        self._texts = Random(1)
        self._written = 0

    async def attach(self, url: str) -> None:
        """Everybody is connected; what the writers hear is thrown away."""
        self._listening = await attach(url, self._follower.seat)
        for member in self._members:
            peer = await attach(url, member.seat)
            peer.heard = _refuse_refusals
            self._peers.append(peer)

    def close(self) -> None:
        """Ends the connections."""
        for peer in (*self._peers, self._listening):
            if peer is not None:
                peer.close()

    async def write(self, events: int) -> None:
        """So many events of chat, and the commits between them."""
        for round_ in range(-(-events // (MAX_DRAFTS * len(self._members)))):
            if self._written >= COMMIT_EVERY:
                await self._renew(round_ % len(self._members))
            for number in range(len(self._members)):
                self._say(number)
            await self._follow(MAX_DRAFTS * len(self._members))

    def _say(self, number: int) -> None:
        drafts: list[Draft] = []
        for _ in range(MAX_DRAFTS):
            member = self._members[number]
            said = member.said + 1
            item = Item(0, "chat", *self._content(said), said)
            written = write_item(self._view_of(member), item, self.view.time)
            drafts += written.item.submit or ()
            self._members[number] = replace(member, mls=written.view.mls, said=said)
        self._peers[number].send(encode_frame(Submit(drafts)))
        self._written += MAX_DRAFTS

    def _content(self, number: int) -> tuple[str, bytes]:
        if number % SEEN_EVERY == 0:
            return "seen", jcs({"seq": self.view.seq})
        text = "à" * self._texts.randint(*TEXT_CHARS)
        exposure: JsonObject = {"audience": "room", "quotable": "no", "until": 0}
        return "message", jcs({"text": text, "exposure": exposure})

    def _view_of(self, member: Member) -> RoomView:
        return replace(self.view, seat=SeatId(member.seat.id), mls=member.mls)

    async def _renew(self, number: int) -> None:
        """One member's commit with a path, which all others process."""
        member = self._members[number]
        view = self._view_of(member)
        written = write_item(view, Item(0, "governance", plan=Plan(view.own, path=True)), self.view.time)
        self._peers[number].send(encode_frame(Submit(written.item.submit or [])))
        (commit,) = await self._follow(1)
        self._written = 0
        for at, one in enumerate(self._members):
            own = written.item.attempts[-1] if at == number else None
            before = written.view.mls if at == number else one.mls
            self._members[at] = replace(one, mls=_after(before, commit, own))

    async def _follow(self, events: int) -> list[LogEvent]:
        """Takes so many events as every member does."""
        assert self._listening is not None
        found: list[LogEvent] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < events:
                frame = parse(await self._listening.receive())
                if isinstance(frame, Events):
                    found += frame.events
        for event in found:
            self.view = prepare(self.view, event, None, lambda _: None).view
        return found


def _after(mls: GroupState, commit: LogEvent, own: Attempt | None) -> GroupState:
    if own is not None:
        return merge_commit(decode_transition(own.transition), mls)
    received = receive(mls, commit.body or b"", policy=POLICY, now_s=commit.time)
    assert isinstance(received, StagedCommit)
    return merge_commit(received, mls)


def _refuse_refusals(data: bytes) -> None:
    frame = parse(data) if data[1] not in (_ACK, _EVENTS) else None
    assert not isinstance(frame, Refused), frame


_ACK, _EVENTS = Ack.__struct_config__.tag, Events.__struct_config__.tag


async def settled(rooms: list[Room]) -> None:
    """Until nobody has anything to send and all have the same log."""

    def quiet() -> bool:
        ledgers = [room.ledger for room in rooms]
        return len({one.view.seq for one in ledgers}) == 1 and not any(one.items for one in ledgers)

    async with asyncio.timeout(PATIENCE_S):
        while not quiet():  # noqa: ASYNC110 - it depends on several ledgers, none of which knows it
            await asyncio.sleep(0.05)
