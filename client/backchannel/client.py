"""A profile that is open: its rooms, new rooms, and doors to knock at."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from backchannel.connection.host import Host, HttpHost
from backchannel.errors import BackchannelError, NotAllowed
from backchannel.hosting import HOST, HostLink
from backchannel.joining import KNOCK, Knocker
from backchannel.knocking import LOOK_S, Door
from backchannel.ledger import ROOM, About, Ledger
from backchannel.letters import SUITES
from backchannel.live import LiveRoom
from backchannel.member import Room
from backchannel.outbox import Item
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from backchannel.room.view import RoomView, first_view
from backchannel.store.profile import Profile, Write
from backchannel_mls import create_group
from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.http_bodies import CreateRoom
from backchannel_protocol.ids import ID_SIZE, RoomId, b64u
from backchannel_protocol.keys import public_key
from backchannel_protocol.operations import SetPolicy, encode_operation
from backchannel_protocol.room.state import Party, json_of

Hosts = Callable[[str], Host]


class Knocking:
    """A knock: read the words aloud with the facilitator, and wait to be let in."""

    def __init__(self, client: Client, door: Door) -> None:
        self._client = client
        self._door = door

    @property
    def waiting_for(self) -> str:
        """Where the knock stands: "not admitted yet: waiting for a facilitator of party B"."""
        return self._door.sentence

    @property
    def name(self) -> str:
        """Under which name it was knocked."""
        return self._door.knocker.name

    @property
    def server_url(self) -> str:
        """At which server."""
        return self._door.knocker.server_url

    async def forget(self) -> None:
        """Gives the knock up: nothing of it stays on this device."""
        await self._client.drop(self, self._door.knocker)

    async def words(self) -> tuple[str, str, str]:
        """The three words, once the inviting person's device has answered."""
        return await self._door.reach_words()

    async def admitted(self) -> Room:
        """The room, once its facilitators have let this seat in. Raises NotAllowed where they decline."""
        admitted = await self._door.reach_admission()
        knocker = self._door.knocker
        about = About(knocker.server_url, admitted.record_key, admitted.keys.encode())
        room = await self._client.enter(about, admitted.view)
        await self._client.drop(self, knocker)
        return room


class Client:
    """An open profile. Make one with `open_profile`."""

    def __init__(self, profile: Profile, hosts: Hosts, look_s: float) -> None:
        self.rooms: dict[str, Room] = {}
        self.knocks: list[Knocking] = []
        self.hosts: dict[str, HostLink] = {}
        self._profile = profile
        self._hosts = hosts
        self._look_s = look_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def create_room(
        self,
        server_url: str,
        token: str,
        *,
        title: str,
        name: str,
        rules: Sequence[str] = (),
        parties: Sequence[tuple[str, str]] = (),
        party: str | None = None,
        welcome: str = "",
        retention_s: int = 0,
        history: Literal["none", "briefing"] = "none",
        suite: int = SUITES[0],
    ) -> Room:
        """A new room on a server that gave a token; who creates it facilitates it.

        parties  pairs of id and name; `party` is the creator's own, or None
        """
        if suite not in SUITES:
            raise BackchannelError("suite-unknown", "A room has suite 1 or the X-Wing hybrid.")
        host = self._hosts(server_url)
        keys = SeatKeys.generate(suite)
        room = RoomId(os.urandom(ID_SIZE))
        made = await host.create_room(token, CreateRoom(room, keys.seat, public_key(keys.seat_key)))
        genesis: JsonObject = {
            "suite": suite,
            "title": title,
            "welcome": welcome,
            "record_key": b64u(made.record_key),
            "rules": list(rules),
            "parties": [json_of(Party(id_, called)) for id_, called in parties],
            "retention": {"seconds": retention_s, "after_reading": False},
            "history": history,
            "name": name,
            "party": party,
            "keys": json_of(keys.public()),
        }
        mls = create_group(keys.identity(), group_id=room, now_s=int(time.time()), settings=SETTINGS)
        policy = encode_operation(SetPolicy(None, 0, retention_s, False, 0))
        operations = (policy,) if retention_s else ()
        first = Item(1, "governance", "genesis", jcs(genesis), 1, operations)
        about = About(host.url, made.record_key, keys.encode())
        ledger = await Ledger.create(self._profile, about, first_view(room, keys.seat, mls), items=[first])
        opened = self._open(ledger, host)
        self.connect(opened)
        await opened.settled(first)
        if ledger.view.state is None:
            raise NotAllowed("room-not-made", "The room could not be made as it was described.")
        return opened

    async def knock(self, link: str, name: str) -> Knocking:
        """Knocks at the door that a link leads to, under a name of one's choice."""
        knocker = Knocker.generate(link, name, int(time.time()))
        host = self._hosts(knocker.server_url)
        await self._keep(knocker)
        return self._wait(host, knocker)

    async def load(self, *, connect: bool) -> None:
        """Opens every room, and takes up every knock and host link of the profile."""
        for room, about in (await self._profile.rooms()).items():
            if about.startswith(ROOM):
                ledger = await Ledger.load(self._profile, room, about)
                opened = self._open(ledger, self._hosts(ledger.about.server_url))
                if connect:
                    self.connect(opened)
            elif about.startswith(HOST):
                link = HostLink.decode(about)
                self.hosts[link.name] = link
            elif about.startswith(KNOCK):
                knocker = Knocker.decode(about)
                self._wait(self._hosts(knocker.server_url), knocker)

    async def enter(self, about: About, view: RoomView) -> Room:
        """A room that let this seat in, on disk and connected."""
        known = self.rooms.get(b64u(view.room))
        if known is None:
            ledger = await Ledger.create(self._profile, about, view)
            known = self._open(ledger, self._hosts(about.server_url))
        self.connect(known)
        return known

    async def drop(self, knocking: Knocking, knocker: Knocker) -> None:
        """Forgets a knock: of one that led into a room, when the room is on disk."""
        await self._profile.forget(knocker.invitation.mailbox)
        if knocking in self.knocks:
            self.knocks.remove(knocking)

    def connect(self, room: Room) -> None:
        """Connects a room, if it is not; from then on it stays connected until the profile is closed."""
        if room.id not in self._tasks:
            self._tasks[room.id] = asyncio.create_task(room.run(), name="room")

    # ---- servers that gave this profile a link of their own
    async def remember_host(self, link: HostLink) -> None:
        """Keeps a server's host link, or a room token, under its short name."""
        await self._profile.write(link.place(), Write(room=link.encode()))
        self.hosts[link.name] = link

    async def forget_host(self, name: str) -> None:
        """Leaves nothing of a host link here; on the server it goes on working."""
        link = self.hosts.pop(name, None)
        if link is None:
            raise BackchannelError("host-unknown", "This profile has no host link of that name.")
        await self._profile.forget(link.place())

    async def forget(self, room: Room) -> None:
        """Leaves nothing of a room on this device."""
        room.end()
        del self.rooms[room.id]
        task = self._tasks.pop(room.id, None)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._profile.forget(room.ledger.view.room)

    async def end(self) -> None:
        """Ends all connections; what waits is sent when the profile is opened again."""
        for room in self.rooms.values():
            room.end()
            async with room.ledger.changed:
                room.ledger.changed.notify_all()
        for task in self._tasks.values():
            task.cancel()
        results = await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _open(self, ledger: Ledger, host: Host) -> Room:
        room = Room(ledger, LiveRoom(ledger, host))
        self.rooms[room.id] = room
        return room

    def _wait(self, host: Host, knocker: Knocker) -> Knocking:
        knocking = Knocking(self, Door(host, knocker, self._keep, self._look_s))
        self.knocks.append(knocking)
        return knocking

    async def _keep(self, knocker: Knocker) -> None:
        await self._profile.write(knocker.invitation.mailbox, Write(room=knocker.encode()))


@asynccontextmanager
async def open_profile(
    path: Path | str | None,
    passphrase: str = "",
    *,
    connect: bool = True,
    hosts: Hosts = HttpHost,
    look_s: float = LOOK_S,
) -> AsyncIterator[Client]:
    """Opens a profile, or makes it; with `path` None it is kept in memory and gone at the end.

    All rooms are connected at once, which tells a server that watches which seats belong together;
    with `connect` False none is, until `Client.connect`.

    Raises ProfileError: wrong passphrase, damaged, or open in another program.
    """
    if path is None:
        profile = Profile.in_memory()
    else:
        profile = await asyncio.to_thread(Profile.open, Path(path), passphrase)
    client = Client(profile, hosts, look_s)
    try:
        await client.load(connect=connect)
        yield client
    finally:
        try:
            await client.end()
        finally:
            await profile.close()
