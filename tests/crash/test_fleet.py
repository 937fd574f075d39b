"""Twenty people in five rooms, three servers, one PostgreSQL, one NATS: nothing is lost.

In the manner of Jepsen: they talk while servers are killed, stand still, are parted from the database, from
the broker and from people, and while broker and database go and come back. Then all is healed, everybody
comes to rest, and the checker compares what was intended, acknowledged, heard and stored.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

import chromium
import postgres
from backchannel import Role
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.ids import ID_SIZE, parse_b64u
from crash.checker import Evidence, Intent, Member, check
from crash.driver import QUIET, put
from crash.driver import Settings as PersonSettings
from crash.fleet import Fleet, sailing
from crash.goals import Goals, Guest
from crash.journal import heard_of
from crash.nemesis import Nemesis
from crash.storm import Person, log_of, member_of, until_still
from e2e.browser.acts import accept, is_live, knock, say, texts
from e2e.browser.visitor import Visitor, visiting
from server.stores import keeping_in

_FRAME = "() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)))"

ROOMS = 5
SHORT_S = 240
LONG_S = 3600
RATE = 0.6
PATIENCE_S = 240
SETTLE_S = 120
BROWSER = "brow"
SUITES = (X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519)


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[postgres.Cluster]:
    with postgres.running() as one:
        yield one


@pytest.fixture(autouse=True)
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiles here have a cheap key derivation."""
    monkeypatch.setattr("backchannel.store.seal.ARGON2_MEMORY_KIB", 64)
    monkeypatch.setattr("backchannel.store.seal.ARGON2_ITERATIONS", 1)


def company(fleet: Fleet, folder: Path, number: int) -> list[Person]:
    """One room: who makes it, a facilitator of the other side, a guest, and one who comes late. Of the first
    room, that one comes by a browser."""
    shared = folder / f"room-{number}"
    shared.mkdir()
    late = BROWSER if number == 0 else f"late{number}"
    guests = (
        Guest(f"bea{number}", "b", Role.FACILITATOR),
        Guest(f"cy{number}", "b"),
        Guest(late, "a", after=0 if number == 0 else 12),
    )
    wants = {f"ann{number}": Goals(guests=guests), **{guest.name: Goals() for guest in guests}}
    return [
        Person(
            PersonSettings(
                name=name,
                folder=str(folder / name),
                shared=str(shared),
                url=fleet.way_in.url,
                token=fleet.token if name.startswith("ann") else "",
                suite=SUITES[number % 2],
                goals=goals,
            )
        )
        for name, goals in wants.items()
        if name != BROWSER
    ]


@pytest.mark.timeout(1_200 + LONG_S)
async def test_whatever_befalls_them_nothing_is_lost(
    tmp_path: Path, own_cluster: postgres.Cluster, seed: int, long_form: bool
) -> None:
    moments = random.Random(seed)
    async with sailing(tmp_path, own_cluster, moments) as fleet, browsing(fleet) as visitor:
        rooms = [company(fleet, tmp_path, number) for number in range(ROOMS)]
        people = [person for room in rooms for person in room]
        try:
            for at, person in enumerate(people):
                await person.start(rate=RATE, seed=at)
            guest = Guesting(visitor, tmp_path / "room-0")
            await guest.come_in()
            await when(lambda: all(person.said for person in people if not person.name.startswith("late")))
            nemesis = Nemesis(fleet, asyncio.get_running_loop().time() + (LONG_S if long_form else SHORT_S))
            async with asyncio.TaskGroup() as tasks:
                talking = tasks.create_task(guest.talk(random.Random(seed)))
                await nemesis.rage(moments)
                talking.cancel()
            fleet.heal()
            await rest(rooms, tmp_path)
            seen = await guest.rest(heard_of(people[0].folder / "journal")[-1].text)
        finally:
            for person in people:
                await person.end(within_s=0)
        found = [await evidence(fleet, room, guest if not at else None) for at, room in enumerate(rooms)]
    told = f"blows: {json.dumps(nemesis.blows)}, acknowledged: {len(fleet.way_in.acks)}"
    assert [check(one) for one in found] == [[] for _ in rooms], told
    assert_shown(seen, found[0])
    assert len(fleet.way_in.acks) > 100, told
    assert len(nemesis.blows) >= 5, told


@dataclass
class Guesting:
    """The one at a browser. What it was told is kept stands in `intents` as saved."""

    visitor: Visitor
    shared: Path
    intents: list[Intent] = field(default_factory=list)

    async def come_in(self) -> None:
        link = self.shared / f"{BROWSER}.link"
        await when(link.exists)
        words = await knock(self.visitor, link.read_text(), BROWSER)
        put(self.shared / f"{BROWSER}.words", str(words))
        await accept(self.visitor)

    async def talk(self, moments: random.Random) -> None:
        while True:
            await asyncio.sleep(moments.expovariate(RATE))
            text = f"{BROWSER} {len(self.intents)}"
            self.intents.append(Intent(text))
            await say(self.visitor, text)
            self.intents[-1] = Intent(text, saved=True)

    async def rest(self, last: str) -> list[str]:
        """What the page shows in the end."""
        await is_live(self.visitor)
        async with asyncio.timeout(SETTLE_S):
            while (await texts(self.visitor))[-1:] != [last]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        return await self._read_back()

    async def _read_back(self) -> list[str]:
        """From the newest message to the first one: the page holds those that are near."""
        log = self.visitor.page.get_by_role("log")
        found: list[str] = []
        while True:
            window = await texts(self.visitor)
            known = window.index(found[0]) if found and found[0] in window else len(window)
            found = window[:known] + found
            if await log.evaluate("one => one.scrollTop <= 0"):
                return found
            await log.evaluate("one => one.scrollBy(0, -one.clientHeight / 2)")
            await self.visitor.page.evaluate(_FRAME)

    def seat_in(self, members: Sequence[Member]) -> str:
        """Its seat, as the others have it."""
        return next(one.seat for member in members for one in member.messages() if one.name == BROWSER)


@asynccontextmanager
async def browsing(fleet: Fleet) -> AsyncIterator[Visitor]:
    async with chromium.running() as browser, visiting(browser, fleet.way_in.url) as visitor:
        yield visitor


async def when(ready: Callable[[], bool]) -> None:
    """Until something is so, of processes that tell only their state."""
    async with asyncio.timeout(PATIENCE_S):
        while not ready():  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.1)


async def rest(rooms: Sequence[Sequence[Person]], folder: Path) -> None:
    """Nobody says anything new; until everything that was said is with everybody."""
    for number in range(len(rooms)):
        (folder / f"room-{number}" / QUIET).touch()
    for room in rooms:
        await until_still(room, SETTLE_S)


async def evidence(fleet: Fleet, room: Sequence[Person], guest: Guesting | None) -> Evidence:
    """Profiles and database as they lie there. Of what was acknowledged, all that is not another room's."""
    members = [await member_of(person) for person in room]
    with keeping_in(fleet.cluster) as store:
        store.names[fleet.data] = fleet.name
        ask = partial(store.rows, fleet.data)
        ((id_,),) = ask("SELECT room FROM seats WHERE id = :seat", seat=parse_b64u(members[0].seat, ID_SIZE))
        found = log_of(ask, id_, members)
        elsewhere = {one for (one,) in ask("SELECT id FROM events WHERE room <> :room", room=id_)}
        store.names.clear()
    acks = tuple(ack for ack in fleet.way_in.acks if ack[0] not in elsewhere)
    guests = {} if guest is None else {guest.seat_in(members): tuple(guest.intents)}
    return replace(found, acks=acks, guests=guests)


def assert_shown(seen: Sequence[str], found: Evidence) -> None:
    """The page shows each message once, in the order of everybody else's, since the one there came."""
    said = [message.text for message in found.members[0].messages()]
    (guest,) = found.guests.values()
    assert {intent.text for intent in guest if intent.saved} <= set(seen)
    assert list(seen) == said[-len(seen) :]
