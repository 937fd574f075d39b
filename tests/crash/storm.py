"""The storm: a real server and real people as processes, through a proxy, and what may befall them.

`Storm` starts and kills; what it kills and when is the test's. When it is over, `settle` waits
until everybody has come to rest, kills all once more, and `evidence` reads what the disks hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

import backchannel
from backchannel.testing import LocalServer
from backchannel_protocol.ids import b64u
from backchannel_server.storage.engine import DATABASE
from crash.checker import Evidence, Member, Row
from crash.driver import PASSPHRASE, Settings
from crash.goals import Goals
from crash.journal import heard_of, intents_of
from crash.proxy import Proxy, proxied, to_port

SETTLE_S = 120
ASK_S = 0.3
LOOK_S = 0.02
KILLED = -signal.SIGKILL


class Server(LocalServer):
    """A server that can also be paused."""

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self._data

    @property
    def port(self) -> int:
        """Its port, the same after each start."""
        return urlsplit(self.url).port or 0

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT."""
        if self._process is not None:
            self._process.send_signal(number)


@dataclass(eq=False)
class Person:
    """One person's process, or what is left of it."""

    settings: Settings
    process: asyncio.subprocess.Process | None = None
    said: dict[str, int] = field(default_factory=dict)
    out: bool = False
    _reading: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """By which it knocks."""
        return self.settings.name

    @property
    def folder(self) -> Path:
        """Of its profile."""
        return Path(self.settings.folder)

    async def start(self, *, rate: float, die_at: int = 0, seed: int = 0) -> None:
        """Opens the profile in a new process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "settings.json"
        wanted = msgspec.structs.replace(self.settings, rate=rate, die_at=die_at, seed=seed)
        path.write_bytes(msgspec.json.encode(wanted))
        self.said = {}
        with (self.folder / "errors").open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "crash.driver",
                str(path),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        self._reading = asyncio.create_task(self._read(self.process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            if line.endswith(b"\n"):
                self.said = json.loads(line)

    async def awake(self) -> None:
        """Until it has said something, or is dead."""
        process = self.process
        while process is not None and process.returncode is None and not self.said:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_S)

    def ask(self) -> None:
        """How far it is; the answer comes in `said`."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.write(b"\n")

    async def end(self, *, within_s: float | None = None) -> None:
        """Waits for its end, or kills it after a time. Raises AssertionError where it died of itself."""
        process = self.process
        if process is None:
            return
        try:
            async with asyncio.timeout(within_s):
                await process.wait()
        except TimeoutError:
            # not process.kill(), which would take the exit code of one that has just died away from asyncio
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        self.process = None
        if self._reading is not None:
            await self._reading
        # the transport of a process that was killed closes with the loop's next turns
        process._transport.close()  # type: ignore[attr-defined] # asyncio has no public way
        self.out = process.returncode == 0
        if process.returncode not in (0, KILLED):
            errors = (self.folder / "errors").read_text()[-6000:]
            raise AssertionError(f"{self.name} ended with {process.returncode}:\n{errors}")


@dataclass(eq=False)
class Storm:
    """All of it; make one with `storm`."""

    folder: Path
    server: Server
    proxy: Proxy
    patience_s: float
    people: dict[str, Person] = field(default_factory=dict)

    def add(self, name: str, goals: Goals | None = None, *, suite: int = 1, token: str = "") -> Person:
        """One person more, not started yet; who has a token creates the room."""
        settings = Settings(
            name=name,
            folder=str(self.folder / name),
            shared=str(self.shared),
            url=self.proxy.url,
            token=token,
            suite=suite,
            goals=goals or Goals(),
        )
        self.people[name] = Person(settings)
        return self.people[name]

    @property
    def shared(self) -> Path:
        """Where links lie."""
        return self.folder / "shared"

    async def restart_server(self) -> None:
        """SIGKILL, and a start with the same data and port."""
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start)

    async def when(self, ready: Callable[[], bool]) -> None:
        """Until something is so, of processes that tell only their state."""
        async with asyncio.timeout(self.patience_s):
            while not ready():  # noqa: ASYNC110 - other processes
                await asyncio.sleep(LOOK_S)

    async def acknowledged(self, count: int) -> None:
        """Until the server has acknowledged that much more."""
        enough = len(self.proxy.acks) + count
        await self.when(lambda: len(self.proxy.acks) >= enough)

    async def invited(self, person: Person) -> None:
        """Until somebody handed a link over for a person."""
        if not person.settings.token:
            await self.when((self.shared / f"{person.name}.link").exists)

    async def end(self) -> None:
        """SIGKILL to every person."""
        for person in self.people.values():
            await person.end(within_s=0)

    # ---- coming to rest
    async def settle(self) -> None:
        """All start once more and say nothing new; until everything is done, sent and read."""
        await self.end()
        there = [person for person in self.people.values() if not person.out]
        for person in there:
            await person.start(rate=0)
        await until_still(there)
        await self.end()
        await asyncio.to_thread(self.server.kill)

    # ---- what the disks hold
    async def evidence(self) -> Evidence:
        """Profiles and database as they lie there, nobody running."""
        members = [await member_of(person) for person in self.people.values()]
        with sqlite3.connect(self.server.data / DATABASE) as database:

            def ask(statement: str, **given: object) -> list[tuple[Any, ...]]:
                return database.execute(statement, given).fetchall()

            ((room,),) = ask("SELECT id FROM rooms ORDER BY head DESC LIMIT 1")
            found = log_of(ask, room, members)
        database.close()
        return replace(found, acks=tuple(self.proxy.acks))


# ---- coming to rest, the members of one room
async def until_still(there: Sequence[Person], within_s: float = SETTLE_S) -> None:
    """Three times in a row everybody answers the same, with nothing left to do."""
    heads: list[int] = []
    try:
        async with asyncio.timeout(within_s):
            while len(heads) < 3 or len(set(heads[-3:])) > 1 or heads[-1] < 0:
                heads.append(await _head_if_still(there))
    except TimeoutError:
        told = "; ".join(f"{one.name}: {'out' if one.out else one.said}" for one in there)
        raise AssertionError(f"no rest: {told}") from None


async def _head_if_still(there: Sequence[Person]) -> int:
    """The log's head where nobody has anything left to do; -1 where somebody has."""
    asked = {person: person.said.get("asked", -1) for person in there}
    for person in asked:
        person.ask()
        if person.process is not None and person.process.returncode is not None:
            await person.end()
    await asyncio.sleep(ASK_S)
    for person, before in asked.items():
        said = person.said
        if person.out:
            continue
        if said.get("asked", -1) <= before or said["waiting"] or not said["idle"] or not said["done"]:
            return -1
    seqs = {person.said["seq"] for person in asked if not person.out}
    return seqs.pop() if len(seqs) == 1 else -1


async def member_of(person: Person) -> Member:
    """A profile, opened where no server is."""
    async with backchannel.open_profile(person.folder / "profile.db", PASSPHRASE) as client:
        (room,) = client.rooms.values()
        view = room.ledger.view
        journal = person.folder / "journal"
        return Member(
            name=person.name,
            seat=room.seat,
            begin=view.begin,
            seq=view.seq,
            chain=view.chain,
            state_hash=room.state.hash(),
            present=True,
            waiting=len(room.ledger.items),
            facts=tuple(room.history()),
            intents=intents_of(journal),
            heard=heard_of(journal),
        )


Ask = Callable[..., list[tuple[Any, ...]]]
"""What a statement finds in the database; its parameters by name."""


def log_of(ask: Ask, room: bytes, members: Sequence[Member]) -> Evidence:
    """A room as the database has it, and the members who are in it by that. Nothing of the wire."""
    columns = "seq, first, time, seat, kind, id, epoch, body, body_hash, leaf"
    rows = ask(f"SELECT {columns} FROM events WHERE room = :room ORDER BY seq", room=room)
    seats = ask("SELECT id, floor, removed_seq FROM seats WHERE room = :room", room=room)
    present = {b64u(id_) for id_, _, removed in seats if removed is None}
    return Evidence(
        room,
        tuple(Row(*row) for row in rows),
        {b64u(id_): floor for id_, floor, _ in seats},
        tuple(replace(member, present=member.seat in present) for member in members),
    )


@asynccontextmanager
async def storm(folder: Path, patience_s: float = 240) -> AsyncIterator[Storm]:
    """A server that runs, a proxy before it, and nobody there yet."""
    (folder / "shared").mkdir()
    server = Server(folder)
    await asyncio.to_thread(server.start)
    try:
        async with proxied(to_port(server.port)) as proxy:
            raging = Storm(folder, server, proxy, patience_s)
            try:
                yield raging
            finally:
                await raging.end()
    finally:
        server.signal(signal.SIGCONT)
        await asyncio.to_thread(server.kill)
