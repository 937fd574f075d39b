"""One person as a process: opens a profile, writes down what it wants, does it, and may die anywhere.

Started by `crash.storm` with a file of settings; says on standard output, one JSON object a line,
how far it is, and again for each line on standard input. Ends with 0 when its seat is out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

import backchannel
import backchannel.patience
import backchannel.store.seal
from backchannel import BackchannelError, Client, MessageSent, NotAllowed, Outgoing, Role, Room
from backchannel_protocol.room.state import Act
from crash.goals import Accept, Approve, Goals, Invite, Leave, Remove, RequireParty, is_done, next_deed
from crash.journal import Journal, lines_of
from crash.plug import Plug

PASSPHRASE = "correct horse battery"
PARTIES = (("a", "Alpha"), ("b", "Beta"))
LOOK_S = 0.2
TURN_S = 0.05
MOST_WAITING = 12
QUICK = (
    (backchannel.store.seal, "ARGON2_MEMORY_KIB", 64),
    (backchannel.store.seal, "ARGON2_ITERATIONS", 1),
    (backchannel.patience, "LAST_BACKOFF_S", 1.0),
)
"""Neither the key's derivation nor the length of pauses is what is tested here."""

QUIET = "quiet"
"""Where a file of this name lies beside the links, nobody says anything new."""

OUT_CODES = ("removed",)


class Settings(msgspec.Struct, frozen=True):
    """What a process is started with.

    folder   its profile and its journal
    shared   where links, and words to be compared, lie for all
    token    of the one who creates the room
    rate     messages a second; 0: says nothing
    die_at   the point at which it kills itself; 0: never
    """

    name: str
    folder: str
    shared: str
    url: str
    token: str = ""
    suite: int = 1
    goals: Goals = Goals()
    rate: float = 0
    die_at: int = 0
    seed: int = 0


class Person:
    """The process's only one."""

    def __init__(self, settings: Settings, client: Client, plug: Plug) -> None:
        self.settings = settings
        self.client = client
        self.plug = plug
        self.shared = Path(settings.shared)
        self.room: Room | None = None
        self.asked = 0
        path = Path(settings.folder) / "journal"
        self.number = sum(line["what"] == "intent" for line in lines_of(path))
        self.journal = Journal(path)

    async def live(self) -> None:
        """Until the seat is out."""
        async with asyncio.TaskGroup() as group:
            obeying = group.create_task(self._obey())
            self.room = await self._come_in()
            tasks = [
                group.create_task(self._turn(self.room)),
                group.create_task(self._talk(self.room)),
            ]
            await self._listen(self.room)
            for task in (obeying, *tasks):
                task.cancel()

    # ---- coming in
    async def _come_in(self) -> Room:
        for knocking in list(self.client.knocks):
            if not self.client.rooms:
                return await self._admitted(knocking)
        if not self.client.rooms:
            return await self._create() if self.settings.token else await self._knock()
        (room,) = self.client.rooms.values()
        await when(lambda: room.ledger.view.state is not None)
        return room

    async def _create(self) -> Room:
        return await self.client.create_room(
            self.settings.url,
            self.settings.token,
            title="The storm",
            name=self.settings.name,
            rules=["Speak for yourself."],
            parties=PARTIES,
            party="a",
            suite=self.settings.suite,
        )

    async def _knock(self) -> Room:
        link = self.shared / f"{self.settings.name}.link"
        await when(link.exists)
        return await self._admitted(await self.client.knock(link.read_text(), self.settings.name))

    async def _admitted(self, knocking: backchannel.Knocking) -> Room:
        """Reads the words aloud: the same ones after each crash."""
        path = self.shared / f"{self.settings.name}.words"
        words = " ".join(await knocking.words())
        if path.exists() and path.read_text() != words:
            raise AssertionError("the words are others after a crash")
        put(path, words)
        return await knocking.admitted()

    # ---- doing
    async def _turn(self, room: Room) -> None:
        """Looks at the room and does what is due, for ever."""
        while True:
            links = {path.stem for path in self.shared.glob("*.link")}
            deed = next_deed(room, self.settings.goals, links)
            self._tell(room, idle=deed is None)
            if deed is None:
                await asyncio.sleep(TURN_S)
                continue
            with contextlib.suppress(NotAllowed):  # somebody was quicker: look again
                self.plug.point()
                match deed:
                    case Accept():
                        await room.accept_rules()
                    case Invite(guest):
                        link = await room.invite(role=guest.role, party=guest.party)
                        self.plug.point()
                        put(self.shared / f"{guest.name}.link", link)
                    case Approve(wanted):
                        await self._approve(room, wanted)
                    case Remove(seat):
                        await room.remove(seat)
                    case RequireParty():
                        await room.require_each_party()
                    case Leave():
                        await room.leave()
                continue
            await asyncio.sleep(TURN_S)

    async def _approve(self, room: Room, wanted: backchannel.KnockArrived | Act) -> None:
        if isinstance(wanted, backchannel.KnockArrived):
            path = self.shared / f"{wanted.name}.words"
            await when(path.exists)
            if path.read_text() != " ".join(wanted.words):
                raise AssertionError("the words differ")
        await room.approve(wanted)

    async def _talk(self, room: Room) -> None:
        """Says what nobody said before, as often as the rate tells."""
        moments = random.Random(self.settings.seed)
        async with asyncio.TaskGroup() as group:
            while self.settings.rate and not (self.shared / QUIET).exists():
                await asyncio.sleep(moments.expovariate(self.settings.rate))
                if len(room.ledger.items) >= MOST_WAITING or not may_write(room):
                    continue
                text = f"{self.settings.name} {self.number}"
                self.number += 1
                self.journal.write("intent", durable=True, text=text)
                self.plug.point()
                try:
                    outgoing = await room.send(text)
                except NotAllowed:
                    continue
                self.journal.write("saved", text=text)
                self.plug.point()
                group.create_task(self._sent(outgoing, text))

    async def _sent(self, outgoing: Outgoing, text: str) -> None:
        with contextlib.suppress(BackchannelError):  # the seat is out: `_listen` says why
            message = await outgoing.sent()
            self.journal.write("sent", text=text, seq=message.seq, id=message.id)

    async def _listen(self, room: Room) -> None:
        """Shows what happens. Returns when the seat is out, as the room or the server says."""
        try:
            async for event in room.events():
                if isinstance(event, MessageSent):
                    self.journal.write("heard", seq=event.seq, id=event.id, text=event.text)
        except BackchannelError as error:
            if error.code not in OUT_CODES:
                raise

    # ---- telling
    async def _obey(self) -> None:
        """Each line asks how far it is; the end of lines ends the process."""
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            self.asked += 1
        raise SystemExit(0)

    def _tell(self, room: Room, *, idle: bool) -> None:
        view = room.ledger.view
        goals = self.settings.goals
        said = {
            "asked": self.asked,
            "seq": view.seq,
            "waiting": len(room.ledger.items),
            "idle": idle and room.connected,
            "done": is_done(room, goals),
        }
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def may_write(room: Room) -> bool:
    """Whether the own seat is in and has accepted the rules."""
    state = room.state
    own = state.seats.get(room.seat)
    leaves = room.seat in state.leaving
    accepted = own is not None and own.accepted == state.rules.version
    return accepted and not leaves and own is not None and own.role is not Role.OBSERVER


async def when(ready: Callable[[], bool]) -> None:
    """Looks again and again, as a person does."""
    while not ready():  # noqa: ASYNC110 - files, which nobody tells of
        await asyncio.sleep(TURN_S)


def put(path: Path, text: str) -> None:
    """A file that is there wholly or not at all."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.rename(path)


async def main(settings: Settings) -> None:
    """Opens the profile and lives."""
    plug = Plug(settings.die_at)
    plug.fit()
    for module, name, value in QUICK:
        assert hasattr(module, name), name
        setattr(module, name, value)
    profile = Path(settings.folder) / "profile.db"
    async with backchannel.open_profile(profile, PASSPHRASE, look_s=LOOK_S) as client:
        await Person(settings, client, plug).live()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings)))
