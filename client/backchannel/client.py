"""A profile that is open: its rooms, new rooms, and doors to knock at."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from backchannel.connection.host import Host, HttpHost
from backchannel.connection.network import watch_network
from backchannel.desk import Clock
from backchannel.errors import BackchannelError, NotAllowed, ServerRefused
from backchannel.expiry import SWEEP_S
from backchannel.hosting import HOST, HostLink
from backchannel.joining import KNOCK, Knocker, entered
from backchannel.knocking import LOOK_S, Door
from backchannel.ledger import ROOM, About, Ledger
from backchannel.letters import SUITES
from backchannel.live import LiveRoom
from backchannel.making import MAKING, MAKING_S, NOT_OURS, Making, ask, establish
from backchannel.member import Room
from backchannel.patience import LAST_BACKOFF_S
from backchannel.porter import Porter
from backchannel.room.view import RoomView
from backchannel.store.profile import Profile, Write
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.state import Party, json_of

Hosts = Callable[[str], Host]
_MAKINGS: Final = "makings"
_SWEEP: Final = "sweep"
_NETWORK: Final = "network"
"""The tasks beside those of rooms, whose ids are longer."""

_ID_CHARS: Final = 6

_ENTERED_BEFORE: Final = (
    "You came into that room by another link before. To come in by this one, delete the room from this "
    "device and join again. Otherwise ask a facilitator to remove your second place."
)


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

    def __init__(self, profile: Profile, hosts: Hosts, look_s: float, sweep_s: float, clock: Clock) -> None:
        self.rooms: dict[str, Room] = {}
        self.knocks: list[Knocking] = []
        self.hosts: dict[str, HostLink] = {}
        self._profile = profile
        self._hosts = hosts
        self._look_s = look_s
        self._sweep_s = sweep_s
        self._clock = clock
        self._makings: dict[bytes, Making] = {}
        self._making = asyncio.Lock()
        self._entering = asyncio.Lock()
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
        after_reading: bool = False,
        history: Literal["none", "briefing"] = "none",
        admission: Literal["any", "party"] = "any",
        suite: int = SUITES[0],
    ) -> Room:
        """A new room on a server that gave a token; who creates it facilitates it.

        parties  pairs of id and name; `party` is the creator's own, or None
        admission  `party` is set by this client as soon as each party has a facilitator

        Raises ServerUnreachable: whoever asks again for the same then gets the same room, not a second.
        """
        if suite not in SUITES:
            raise BackchannelError("suite-unknown", "A room has suite 1 or the X-Wing hybrid.")
        wish: JsonObject = {
            "title": title,
            "welcome": welcome,
            "rules": list(rules),
            "parties": [json_of(Party(id_, called)) for id_, called in parties],
            "retention": {"seconds": retention_s, "after_reading": after_reading},
            "history": history,
            "name": name,
            "party": party,
        }
        if admission == "party":
            wish["admission"] = admission
        url = self._hosts(server_url).url
        making = next((one for one in self._makings.values() if one.wants(url, wish, suite)), None)
        if making is None:
            making = Making.generate(url, token, wish, suite, int(self._clock()))
        making = msgspec.structs.replace(making, token=token)
        await self._profile.write(making.room, Write(room=making.encode()))
        self._makings[making.room] = making
        return await self._make(making)

    @property
    def first_room(self) -> Room | None:
        """The room of a profile that is for one room alone; None where it has none yet."""
        return next(iter(self.rooms.values()), None)

    def room(self, which: str) -> Room:
        """A room by its title, its id, or the first characters of its id. Raises BackchannelError."""
        named = [room for room in self.rooms.values() if room.named.casefold() == which.strip().casefold()]
        found = named or [room for id_, room in self.rooms.items() if which and id_.startswith(which)]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(room.id[:_ID_CHARS] for room in found)
            raise BackchannelError("room-ambiguous", f"Several rooms are meant. Say which by its id: {ids}.")
        sentence = (
            "This profile has no such room. List its rooms, and give a title or the beginning of an id."
        )
        raise BackchannelError("room-unknown", sentence)

    async def finish_rooms(self) -> None:
        """Tries once more to make the rooms that were asked for and not finished."""
        for making in list(self._makings.values()):
            with suppress(BackchannelError):
                await self._make(making)
            if making.room in self._makings and self._clock() > making.asked + MAKING_S:
                await self._unmake(making)

    async def _make(self, making: Making) -> Room:
        """Asks the server, and waits for the room's first event. Raises what hinders it."""
        async with self._making:
            room = self.rooms.get(b64u(making.room))
            if room is None:
                host = self._hosts(making.url)
                try:
                    record_key = await ask(host, making)
                except ServerRefused:
                    await self._unmake(making)
                    raise
                ledger = await establish(self._profile, making, record_key, int(self._clock()))
                self._makings.pop(making.room, None)
                room = self._open(ledger, host)
            self.connect(room)
        try:
            await room.begun()
        except ServerRefused as refusal:
            if refusal.code not in NOT_OURS:
                raise
            await self.forget(room)
            sentence = "The server has this room, and not for this seat. Ask for the room again."
            raise BackchannelError(Code.ROOM_EXISTS.value, sentence) from None
        return room

    async def _keep_making(self) -> None:
        """Until no room is unfinished, or all that are have been given up."""
        while self._makings:
            await self.finish_rooms()
            await asyncio.sleep(LAST_BACKOFF_S)

    async def _unmake(self, making: Making) -> None:
        """The server will not make it: nothing of it stays."""
        self._makings.pop(making.room, None)
        await self._profile.forget(making.room)

    async def knock(self, link: str, name: str) -> Knocking:
        """Knocks at the door that a link leads to, under a name of one's choice."""
        knocker = Knocker.generate(link, name, int(self._clock()))
        host = self._hosts(knocker.server_url)
        await self._keep(knocker)
        return self._wait(host, knocker)

    async def join(self, link: str, name: str, *, show: Callable[[str], object]) -> Room:
        """Knocks, shows the three words, which are to be compared aloud, and waits to be let in."""
        knocking = await self.knock(link, name)
        show(" ".join(await knocking.words()))
        return await knocking.admitted()

    async def load(self, *, connect: bool) -> None:
        """Opens every room, and takes up every knock and host link of the profile."""
        for room, about in (await self._profile.rooms()).items():
            if about.startswith(ROOM):
                ledger = await Ledger.load(self._profile, room, about)
                opened = self._open(ledger, self._hosts(ledger.about.server_url))
                await opened.tidy()
                if connect:
                    self.connect(opened)
            elif about.startswith(MAKING):
                self._makings[room] = Making.decode(about)
            elif about.startswith(HOST):
                link = HostLink.decode(about)
                self.hosts[link.name] = link
            elif about.startswith(KNOCK):
                knocker = Knocker.decode(about)
                self._wait(self._hosts(knocker.server_url), knocker)
        self._tasks[_SWEEP] = asyncio.create_task(self._sweep_all(), name="sweep")
        self._tasks[_NETWORK] = asyncio.create_task(watch_network(self._hurry_all), name="network")
        if connect and self._makings:
            self._tasks[_MAKINGS] = asyncio.create_task(self._keep_making(), name="makings")

    async def enter(self, about: About, view: RoomView) -> Room:
        """A room that let this seat in, on disk and connected.

        Raises NotAllowed where this profile has another seat in it: that one stays, and this one's keys too.
        """
        async with self._entering:  # two links may lead to one room at once
            known = self.rooms.get(b64u(view.room))
            if known is None:
                ledger = await Ledger.create(self._profile, about, view, facts=[entered(view)])
                known = self._open(ledger, self._hosts(about.server_url))
        if known.seat != b64u(view.seat):
            raise NotAllowed("entered-before", _ENTERED_BEFORE)
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
        room.hurry()

    def _hurry_all(self) -> None:
        """The network may be back."""
        for room in self.rooms.values():
            room.hurry()

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

    async def _sweep_all(self) -> None:
        """Again and again: what is over leaves the profile."""
        while True:
            await asyncio.sleep(self._sweep_s)
            for room in list(self.rooms.values()):
                await room.tidy()

    def _open(self, ledger: Ledger, host: Host) -> Room:
        live = LiveRoom(ledger, host, self._clock)
        room = Room(ledger, live, Porter(ledger, host, live, self._clock), self._clock)
        self.rooms[room.id] = room
        return room

    def _wait(self, host: Host, knocker: Knocker) -> Knocking:
        knocking = Knocking(self, Door(host, knocker, self._keep, self._look_s, self._clock))
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
    sweep_s: float = SWEEP_S,
    clock: Clock = time.time,
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
    client = Client(profile, hosts, look_s, sweep_s, clock)
    try:
        await client.load(connect=connect)
        yield client
    finally:
        try:
            await client.end()
        finally:
            await profile.close()
