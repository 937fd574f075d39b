"""One room's desk: what every act of a seat needs, before and after it is written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from backchannel.ending import end_room
from backchannel.errors import BackchannelError, NotAllowed
from backchannel.expiry import sweep
from backchannel.ledger import Change, Ledger
from backchannel.live import LiveRoom
from backchannel.outbox import Item, Lane
from backchannel.porter import Porter
from backchannel.room.facts import EventIgnored
from backchannel.room.view import Presence
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import Operation
from backchannel_protocol.room.state import RoomState, Seat

Clock = Callable[[], float]
"""Seconds since 1970."""


class Desk:
    """A seat in one room, with its ledger and its connection. Ids are b64u."""

    def __init__(self, ledger: Ledger, live: LiveRoom, porter: Porter, clock: Clock = time.time) -> None:
        self.ledger = ledger
        self._live = live
        self._porter = porter
        self._clock = clock
        self._ending = False

    @property
    def id(self) -> str:
        """The room's id."""
        return b64u(self.ledger.view.room)

    @property
    def seat(self) -> str:
        """The own seat."""
        return self.ledger.view.own

    @property
    def named(self) -> str:
        """The title, empty before the room's first event is back."""
        return "" if self.ledger.view.state is None else self.ledger.view.state.title

    @property
    def state(self) -> RoomState:
        """The room as all members compute it. Raises NotAllowed before its first event is back."""
        if self.ledger.view.state is None:
            raise NotAllowed("not-created", "The room's first event has not reached the server yet. Wait.")
        return self.ledger.view.state

    @property
    def connected(self) -> bool:
        """Whether the server is there now."""
        return self._live.attached

    def end(self) -> None:
        """The profile is being closed: iterators end."""
        self._ending = True
        self._live.end()

    async def settled(self, item: Item) -> None:
        """Until an item is in the log, or will never be."""
        ledger = self.ledger
        async with ledger.changed:
            await ledger.changed.wait_for(lambda: item.place not in ledger.items or self._over())
        if item.place in ledger.items:
            raise self._live.error or BackchannelError("closed", "The profile was closed. It is sent later.")

    async def begun(self) -> None:
        """Until the room's first event is in the log. Raises what hinders it."""
        ledger = self.ledger
        async with ledger.changed:
            await ledger.changed.wait_for(
                lambda: ledger.view.state is not None or not ledger.items or self._over()
            )
        if ledger.view.state is None:
            sentence = "The room could not be made as it was described."
            raise self._live.error or NotAllowed("room-not-made", sentence)

    async def tidy(self) -> None:
        """What is over leaves this device; a closed room's keys too, when nothing is left to do with them."""
        await sweep(self.ledger, self._now())
        if await end_room(self.ledger, self._now()):
            self._live.wake()

    # ---- before
    def _now(self) -> int:
        """This device's time in seconds, and no earlier than the room's."""
        return max(self.ledger.view.time, int(self._clock()))

    def _require_present(self) -> Seat:
        """The own seat, in a room that goes on. Raises Stopped and NotAllowed."""
        if self.ledger.stopped is not None:
            raise self.ledger.stopped
        state = self.state
        if state.closed is not None:
            sentence = "The room is closed: it can be read, and nothing more is said in it."
            raise NotAllowed("room-closed", sentence)
        own = state.seats.get(self.seat)
        if own is None or self.ledger.view.presence is not Presence.PRESENT:
            sentence = "This seat is no longer in the room. Ask a facilitator to be admitted again."
            raise NotAllowed("removed", sentence)
        return own

    def _require_accepted(self) -> Seat:
        own = self._require_present()
        if own.accepted < self.state.rules.version:
            raise NotAllowed("rules-not-accepted", "Accept the room's rules first: room.accept_rules().")
        return own

    def _require_facilitator(self) -> None:
        self._require_accepted()
        if not self.ledger.view.facilitates:
            raise NotAllowed("role-forbids", "Only facilitators can do that. Ask one of them.")

    # ---- writing down, and after
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
        lane: Lane,
        type_: str,
        body: JsonObject,
        operations: Iterable[Operation] = (),
        change: Change | None = None,
    ) -> Item:
        async with self.ledger.lock:
            if self.ledger.stopped is not None:
                raise self.ledger.stopped
            item = await self.ledger.enqueue(lane, type_, body, operations, change)
        self._live.wake()
        return item

    async def _settle(self, item: Item) -> None:
        """Until an item is in the log. Raises NotAllowed where it did not count."""
        await self.settled(item)
        failure = self.ledger.failure(item.place)
        if failure is not None:
            raise NotAllowed(failure.code, failure.sentence)
        for fact in reversed(self.ledger.facts):
            if not isinstance(fact, EventIgnored) or fact.seat != self.seat:
                continue
            if (fact.type, fact.number) == (item.type, item.number):
                raise NotAllowed(fact.code, fact.sentence)

    def _over(self) -> bool:
        return self._ending or self._live.error is not None
