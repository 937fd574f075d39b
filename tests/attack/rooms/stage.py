"""The stage of an attack: a real server, and people who each reach it directly or by a proxy of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import backchannel
from attack.rooms.attacks import Reached, hold
from attack.rooms.proxy import Proxy
from backchannel import Client, Role, Room, Stopped
from backchannel.connection.host import HttpHost
from client.people import WAIT_S, let_in, make_room, texts

LOOK_S = 0.05


class Server(Protocol):
    """A server that runs."""

    url: str
    token: str

    def record_key(self) -> bytes:
        """The private half."""


@dataclass
class Person:
    """Somebody's client, and the server as it shows itself to that client alone."""

    client: Client
    proxy: Proxy


class Stage:
    """People come on with `person`; `trio` is the usual play."""

    def __init__(self, server: Server, stack: AsyncExitStack, *, proxied: bool) -> None:
        self.server = server
        self._stack = stack
        self._proxied = proxied

    async def person(self) -> Person:
        """A client with nothing in it yet."""
        proxy = Proxy(self.server.url)
        if self._proxied:
            await self._stack.enter_async_context(proxy.running())
        opened = backchannel.open_profile(None, hosts=lambda _: HttpHost(proxy.url), look_s=LOOK_S)
        return Person(await self._stack.enter_async_context(opened), proxy)

    async def found(self, **wanted: object) -> Seated:
        """Ann makes a room and facilitates it."""
        ann = await self.person()
        room = await make_room(ann.client, self.server.url, self.server.token, **wanted)
        return Seated(ann.client, ann.proxy, room)

    async def bring(
        self,
        facilitator: Seated,
        name: str,
        party: str | None = "b",
        role: Role = Role.PARTICIPANT,
        also: tuple[Seated, ...] = (),
        *,
        accept: bool = True,
    ) -> Seated:
        """Somebody is invited, knocks and is let in."""
        one = await self.person()
        others = tuple(other.room for other in also)
        room = await let_in(facilitator.room, one.client, name, party, role, also=others, accept=accept)
        return Seated(one.client, one.proxy, room)

    async def pair(self) -> tuple[Seated, Seated]:
        """Ann, who facilitates, and Bo; both have spoken and were heard."""
        ann = await self.found()
        bo = await self.bring(ann, "Bo")
        await say(ann, "one", bo)
        await say(bo, "two", ann)
        return ann, bo

    async def trio(self) -> tuple[Seated, Seated, Seated]:
        """The same with Cy, whom the server deceives in nothing."""
        ann, bo = await self.pair()
        cy = await self.bring(ann, "Cy")
        await say(cy, "three", ann, bo)
        return ann, bo, cy


@dataclass
class Seated(Person):
    """Somebody in the room."""

    room: Room

    @property
    def seat(self) -> str:
        return self.room.seat

    @property
    def texts(self) -> list[str | None]:
        return texts(self.room)

    @property
    def stopped(self) -> Stopped | None:
        return self.room.ledger.stopped


@asynccontextmanager
async def staged(server: Server, *, proxied: bool = True) -> AsyncIterator[Stage]:
    """`proxied`: the server shows each person what its proxy makes of it."""
    async with AsyncExitStack() as stack:
        yield Stage(server, stack, proxied=proxied)


async def until(one: Seated, ready: Callable[[], bool]) -> None:
    """Until something is true of somebody's room, or the room is over. Raises TimeoutError."""
    ledger = one.room.ledger
    async with asyncio.timeout(WAIT_S), ledger.changed:
        await ledger.changed.wait_for(lambda: ready() or ledger.stopped is not None)


async def heard(one: Seated, text: str) -> None:
    """Raises Reached where it is never heard."""
    await until(one, lambda: text in one.texts)
    hold(text in one.texts, f"{text!r} was not heard: {one.stopped}")


async def say(author: Seated, text: str, *hearers: Seated) -> None:
    """Somebody says something, and it is heard."""
    await (await author.room.send(text)).sent()
    for one in hearers:
        await heard(one, text)


async def stops(one: Seated, code: str, *, by: str, shown: list[str]) -> None:
    """Somebody's room has stopped with this code before `by` was shown, and showed `shown`, nothing else."""
    await until(one, lambda: by in one.texts)
    if one.stopped is None:
        raise Reached(f"the room went on, and showed {one.texts}")
    hold(one.stopped.code == code, f"it stopped with {one.stopped.code}: {one.stopped.sentence}")
    hold(one.texts == shown, f"it showed {one.texts}")
    try:
        await one.room.send("into the void")
    except Stopped as again:
        hold(again.code == code, f"it says {again.code} now")
    else:
        raise Reached("it takes new words")


async def goes_on(*people: Seated) -> None:
    """All of them talk, all hear all, and all compute the same room."""
    for number, author in enumerate(people):
        others = [one for one in people if one is not author]
        await say(author, f"the room goes on: {number}", *others)
    for one in people:
        hold(one.stopped is None, f"stopped: {one.stopped}")
    async with asyncio.timeout(WAIT_S):
        while any(one.room.state != people[0].room.state for one in people):  # noqa: ASYNC110 - of several
            await asyncio.sleep(0.02)
