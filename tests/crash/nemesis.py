"""What befalls a fleet: one thing after the other, each for a while, several at a time.

Nothing here waits for anything to work meanwhile: a server may be parted from its database while another one
is killed and the broker is away.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from crash.fleet import Fleet, Server
from crash.proxy import Proxy

AT_ONCE: Final = 2
CALM_S: Final = (0.3, 3.0)

Blow = Callable[[Fleet, random.Random], Awaitable[None]]


@dataclass
class Nemesis:
    """`ends` is when the last blow may fall, on the loop's clock; `blows` counts them by name."""

    fleet: Fleet
    ends: float
    struck: set[object] = field(default_factory=set)
    blows: Counter[str] = field(default_factory=Counter)

    async def rage(self, moments: random.Random) -> None:
        """Several at a time, each on something that none of the others has."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(AT_ONCE):
                tasks.create_task(self._rage(random.Random(moments.random() + number)))

    async def _rage(self, moments: random.Random) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self.ends:
            await asyncio.sleep(moments.uniform(*CALM_S))
            name = moments.choices(list(BLOWS), [weight for weight, _ in BLOWS.values()])[0]
            target = self._target(name, moments)
            if target in self.struck:
                continue
            self.struck.add(target)
            self.blows[name] += 1
            try:
                await strike(name, self.fleet, target, moments)
            finally:
                self.struck.discard(target)

    def _target(self, name: str, moments: random.Random) -> object:
        """What is struck: a server, a part of one, or what all have in common."""
        return name if name in COMMON else moments.choice(self.fleet.servers)


async def strike(name: str, fleet: Fleet, target: object, moments: random.Random) -> None:
    """One blow, from its beginning to its end."""
    _, blow = BLOWS[name]
    await blow(fleet, target if isinstance(target, Server) else fleet.servers[0], moments)


async def kill(_: Fleet, server: Server, moments: random.Random) -> None:
    """SIGKILL, and a start with the same data and port."""
    await server.kill()
    await asyncio.sleep(moments.uniform(0, 2))
    await server.start_again()


async def stop(_: Fleet, server: Server, moments: random.Random) -> None:
    """SIGSTOP: it holds whatever it holds, the lock of a room as well, and says nothing."""
    server.signal(signal.SIGSTOP)
    await asyncio.sleep(moments.choice((0.2, 1, 4, 18)))
    server.signal(signal.SIGCONT)


async def part_from_database(_: Fleet, server: Server, moments: random.Random) -> None:
    """Nothing passes between a server and the database, and nobody says so."""
    await swallow(server.database, moments)


async def cut_from_database(_: Fleet, server: Server, moments: random.Random) -> None:
    """Its connections end, perhaps between COMMIT and answer."""
    server.database.cut()
    await asyncio.sleep(moments.uniform(0, 0.5))


async def part_from_broker(_: Fleet, server: Server, moments: random.Random) -> None:
    """It hears nobody, and nobody hears it."""
    await swallow(server.broker, moments)


async def part_from_people(fleet: Fleet, _: Server, moments: random.Random) -> None:
    """The way in swallows everything, for everybody."""
    await swallow(fleet.way_in, moments)


async def cut_people(fleet: Fleet, _: Server, moments: random.Random) -> None:
    """Some of the people's connections end, at once or in the middle of a frame."""
    for link in moments.sample(sorted(fleet.way_in.links, key=id), len(fleet.way_in.links) // 2):
        if moments.random() < 0.5:
            link.cut()
        else:
            link.cut_within(moments.randrange(1, 4000))


async def lose_broker(fleet: Fleet, _: Server, moments: random.Random) -> None:
    """It is killed, and started again."""
    await fleet.broker.stop()
    await asyncio.sleep(moments.uniform(0.5, 6))
    await fleet.broker.start()


async def crash_database(fleet: Fleet, _: Server, moments: random.Random) -> None:
    """It ends as if the power went, and recovers."""
    away = moments.uniform(0, 3)
    await asyncio.to_thread(fleet.cluster.crash, away)
    await asyncio.sleep(away + 1)


async def swallow(wire: Proxy, moments: random.Random) -> None:
    """For a while nothing passes; what was said comes late, or where the connections end with it, never."""
    wire.gate.clear()
    await asyncio.sleep(moments.uniform(0.5, 10))
    if moments.random() < 0.5:
        wire.cut()
    wire.gate.set()


BLOWS: Final[dict[str, tuple[int, Callable[[Fleet, Server, random.Random], Awaitable[None]]]]] = {
    "kill": (5, kill),
    "stop": (4, stop),
    "part-from-database": (3, part_from_database),
    "cut-from-database": (3, cut_from_database),
    "part-from-broker": (3, part_from_broker),
    "part-from-people": (1, part_from_people),
    "cut-people": (4, cut_people),
    "lose-broker": (3, lose_broker),
    "crash-database": (1, crash_database),
}
COMMON: Final = frozenset({"part-from-people", "cut-people", "lose-broker", "crash-database"})
"""What befalls all servers alike."""
