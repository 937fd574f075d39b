"""The benchmark of fan-out: one JSON object on stdout.

python3 run.py bench fanout [--quick | --thorough] [--json FILE] [--plot FILE.svg]

beside     SENDERS members of a room send 512-byte events, each waits for acknowledgements behind its window,
           until every member has every event; in turns with a bare aiohttp loop with the same group commit.
           On SQLite, and on PostgreSQL where there is one
processes  the same on PostgreSQL with several server processes on this machine, rooms side by side
growth     what an event costs as members, rooms and stored events grow, on SQLite
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from sqlalchemy import URL

import postgres
from backchannel_mls.codec import u16
from backchannel_mls.types import WireFormat
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Events, Submit, encode_frame
from backchannel_protocol.frames import parse_server_frame as parse
from backchannel_protocol.limits import MAX_DRAFTS
from bench.crowd import SENDERS, Room, Talk, new_id, shares, talk
from bench.peers import Peer
from bench.plot import draw
from bench.seats import BODY_BYTES, NO_LIMITS, Seat, attach, framed, make_room
from server.process_kit import Process, process

BARE: Final = Path(__file__).with_name("bare_loop.py")
FILES: Final = 20_000
TARGET_RATIO: Final = 0.5
GROWTH_MEMBERS: Final = 10
GROWTH_WINDOW: Final = 4
UPGRADES_S: Final = 0.2
"""Until every upgrade is through at the bare loop, which says nothing when it is."""


@dataclass(frozen=True)
class Effort:
    """How much is measured. `deliveries` bounds the events of a turn in large rooms."""

    members: tuple[int, ...]
    windows: tuple[int, ...]
    events: int
    deliveries: int
    turns: int
    processes: tuple[int, ...]
    side_by_side: int
    grown_members: tuple[int, ...]
    grown_rooms: tuple[int, ...]
    grown_stored: tuple[int, ...]

    def events_of(self, members: int) -> int:
        """Of one turn."""
        return max(10 * SENDERS, min(self.events, self.deliveries // members))


THOROUGH: Final = Effort(
    members=(10, 50, 200),
    windows=(1, 16),
    events=3_000,
    deliveries=150_000,
    turns=3,
    processes=(1, 2, 4),
    side_by_side=8,
    grown_members=(5, 50, 500),
    grown_rooms=(1, 10, 100),
    grown_stored=(1_000, 10_000, 100_000),
)
SHORT: Final = Effort(
    members=(10, 50, 200),
    windows=(1, 16),
    events=1_000,
    deliveries=40_000,
    turns=3,
    processes=(1, 2, 4),
    side_by_side=8,
    grown_members=(5, 50, 500),
    grown_rooms=(1, 10, 100),
    grown_stored=(1_000, 10_000),
)
QUICK: Final = Effort(
    members=(6,),
    windows=(1, 2),
    events=50,
    deliveries=1_000,
    turns=1,
    processes=(1, 2),
    side_by_side=2,
    grown_members=(5, 10),
    grown_rooms=(1, 2),
    grown_stored=(50, 100),
)


@dataclass(frozen=True)
class Beside:
    """Medians of the turns. `ratio` is of events a second, the server's to the bare loop's, turn by turn."""

    ratio: float
    met: bool
    server: Talk
    bare: Talk


@dataclass(frozen=True)
class Report:
    """`beside`: by database, members and window. `growth`: by what grows, and how many there are."""

    seconds: float
    cores: int
    load_average: float
    target_ratio: float
    beside: dict[str, dict[str, dict[str, Beside]]]
    processes: dict[str, Talk] | None
    growth: dict[str, dict[str, Talk]]


# ---- rooms
async def at_server(url: str, seats: Sequence[Seat], epoch: int, opening: bytes, each: list[int]) -> Room:
    """Connected members of a room of the server's; `each`: how many events each sender sends."""
    peers = [await attach(url, seat) for seat in seats]
    body = framed(seats[0].room, epoch, EventKind.CHAT)
    # each body begins with the room's id once more: counting it is cheaper than decoding
    mark = u16(WireFormat.PRIVATE_MESSAGE) + bytes((16,)) + seats[0].room

    def said() -> tuple[bytes, bytes]:
        id_ = new_id()
        return id_, encode_frame(Submit([Draft(id_, EventKind.CHAT, epoch, opening, body)]))

    return Room(
        peers,
        [[said() for _ in range(count)] for count in each],
        lambda data: data[1] == _ACK,
        lambda data: data.count(mark) if data[1] == _EVENTS else 0,
        _ids,
    )


def _ids(data: bytes) -> list[bytes]:
    frame = parse(data)
    return [event.id for event in frame.events] if isinstance(frame, Events) else []


_ACK, _EVENTS = Ack.__struct_config__.tag, Events.__struct_config__.tag


async def at_bare(url: str, members: int, each: list[int]) -> Room:
    """As many at the bare loop."""
    peers = [await Peer.connect(url, "/") for _ in range(members)]
    await asyncio.sleep(UPGRADES_S)

    def said() -> tuple[bytes, bytes]:
        id_ = new_id()
        return id_, id_ + bytes(BODY_BYTES - len(id_))

    return Room(
        peers,
        [[said() for _ in range(count)] for count in each],
        lambda data: data == b"ack",
        lambda data: len(data) // BODY_BYTES,
        lambda data: [data[at : at + 16] for at in range(0, len(data), BODY_BYTES)],
    )


async def race(rooms: Sequence[Room], window: int, pid: int) -> Talk:
    """And ends the connections."""
    try:
        return await talk(rooms, window, pid)
    finally:
        for peer in (peer for room in rooms for peer in room.peers):
            peer.close()


async def race_server(server: Process, token: str, members: int, window: int, events: int) -> Talk:
    """In a new room."""
    seats, epoch, opening = await make_room(server, token, members)
    room = await at_server(server.url, seats, epoch, opening, shares(events, SENDERS))
    return await race([room], window, server.process.pid)


# ---- beside the bare loop
@asynccontextmanager
async def bare_loop(database: str) -> AsyncIterator[tuple[str, int]]:
    """The bare loop as a process: its URL and number."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, str(BARE), database, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert started.stdout is not None
        yield f"http://127.0.0.1:{int(await started.stdout.readline())}", started.pid
    finally:
        started.kill()
        await started.wait()
        started._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way


async def measure_beside(
    data: Path, words: Sequence[str], bare_database: str, effort: Effort
) -> dict[str, dict[str, Beside]]:
    """Both, in turns, for each size of room and each window."""
    found: dict[str, dict[str, Beside]] = {}
    async with process(data, *words, *NO_LIMITS) as server, bare_loop(bare_database) as (url, pid):
        token = server.token(data)
        for members in effort.members:
            events = effort.events_of(members)
            for window in effort.windows:
                say(f"{events} events to {members} members, {window} in flight")
                turns: list[tuple[Talk, Talk]] = []
                for _ in range(effort.turns):
                    ours = await race_server(server, token, members, window, events)
                    bare = await at_bare(url, members, shares(events, SENDERS))
                    turns.append((ours, await race([bare], window, pid)))
                found.setdefault(str(members), {})[str(window)] = beside(turns)
    return found


def beside(turns: Sequence[tuple[Talk, Talk]]) -> Beside:
    """What several turns say."""
    ratio = round(median(one.per_second / other.per_second for one, other in turns), 3)
    ours, bare = (middle([turn[which] for turn in turns]) for which in (0, 1))
    return Beside(ratio, ratio >= TARGET_RATIO, ours, bare)


def middle(talks: Sequence[Talk]) -> Talk:
    """The median of each figure."""
    values = [asdict(one) for one in talks]
    return Talk(**{name: median(one[name] for one in values) for name in values[0]})


# ---- several processes
async def measure_processes(folder: Path, cluster: postgres.Cluster, effort: Effort) -> dict[str, Talk]:
    """Rooms side by side, so that every process has something to do."""
    found: dict[str, Talk] = {}
    for count in effort.processes:
        data = folder / f"processes-{count}"
        words = ("--database", rendered(cluster.url(cluster.take())), "--workers", str(count))
        async with process(data, *words, *NO_LIMITS) as server:
            say(f"{count} processes")
            each = effort.events // effort.side_by_side
            rooms = [
                await at_server(
                    server.url,
                    *(await make_room(server, server.token(data), GROWTH_MEMBERS)),
                    shares(each, SENDERS),
                )
                for _ in range(effort.side_by_side)
            ]
            found[str(count)] = await race(rooms, GROWTH_WINDOW, server.process.pid)
    return found


# ---- growth
async def measure_growth(data: Path, effort: Effort) -> dict[str, dict[str, Talk]]:
    """One thing grows at a time; the others are as small as they are at first."""
    async with process(data, *NO_LIMITS) as server:
        token = server.token(data)
        return {
            "members": {
                str(count): await grown_members(server, token, count, effort)
                for count in effort.grown_members
            },
            "rooms": {
                str(count): await grown_rooms(server, token, count, effort) for count in effort.grown_rooms
            },
            "stored events": {
                str(count): await grown_stored(server, token, count, effort) for count in effort.grown_stored
            },
        }


async def grown_members(server: Process, token: str, count: int, effort: Effort) -> Talk:
    """One room of so many."""
    say(f"growth: {count} members")
    return await race_server(server, token, count, GROWTH_WINDOW, effort.events_of(count))


async def grown_rooms(server: Process, token: str, count: int, effort: Effort) -> Talk:
    """So many rooms, in each of which one member sends; as many events in all."""
    say(f"growth: {count} rooms")
    each = max(10, effort.events // count)
    rooms = [
        await at_server(server.url, *(await make_room(server, token, GROWTH_MEMBERS)), [each])
        for _ in range(count)
    ]
    return await race(rooms, GROWTH_WINDOW, server.process.pid)


async def grown_stored(server: Process, token: str, count: int, effort: Effort) -> Talk:
    """A room that holds so many events already."""
    say(f"growth: {count} stored events")
    seats, epoch, opening = await make_room(server, token, GROWTH_MEMBERS)
    await fill(server.url, seats[0], epoch, opening, count)
    here = [Seat(one.room, one.id, one.private, count) for one in seats]
    room = await at_server(server.url, here, epoch, opening, shares(effort.events, SENDERS))
    return await race([room], GROWTH_WINDOW, server.process.pid)


async def fill(url: str, seat: Seat, epoch: int, opening: bytes, events: int) -> None:
    """So many events, as many in one Submit as may be."""
    peer = await attach(url, seat)
    body = framed(seat.room, epoch, EventKind.CHAT)
    free, acked = asyncio.Semaphore(16), asyncio.Semaphore(0)

    def heard(data: bytes) -> None:
        if data[1] == _ACK:
            free.release()
            acked.release()

    peer.heard = heard
    sent = -(-events // MAX_DRAFTS)
    for _ in range(sent):
        await free.acquire()
        drafts = [Draft(new_id(), EventKind.CHAT, epoch, opening, body) for _ in range(MAX_DRAFTS)]
        peer.send(encode_frame(Submit(drafts)))
    for _ in range(sent):
        await acked.acquire()
    peer.close()


# ---- all of it
def rendered(url: URL, driver: str = "postgresql") -> str:
    """As a setting has it."""
    return url.set(drivername=driver).render_as_string(hide_password=False)


@contextmanager
def durable_cluster() -> Iterator[postgres.Cluster | None]:
    """PostgreSQL that flushes, unlike the tests'; None where there is none."""
    try:
        with postgres.running() as cluster:
            cluster.say("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
            yield cluster
    except pytest.skip.Exception as reason:
        say(f"no PostgreSQL: {reason}")
        yield None


async def measure(effort: Effort) -> Report:
    """All of it, in a folder that is gone afterwards."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FILES), hard))
    begin = time.monotonic()
    found: dict[str, dict[str, dict[str, Beside]]] = {}
    processes: dict[str, Talk] | None = None
    with tempfile.TemporaryDirectory() as name, durable_cluster() as cluster:
        folder = Path(name)
        say("on SQLite")
        found["sqlite"] = await measure_beside(folder / "sqlite", (), str(folder / "bare.sqlite3"), effort)
        if cluster is not None:
            say("on PostgreSQL")
            ours, bare = (rendered(cluster.url(cluster.take())) for _ in range(2))
            found["postgresql"] = await measure_beside(
                folder / "postgresql", ("--database", ours), bare, effort
            )
            processes = await measure_processes(folder, cluster, effort)
        growth = await measure_growth(folder / "growth", effort)
    seconds = round(time.monotonic() - begin, 1)
    load = round(os.getloadavg()[0], 2)
    return Report(seconds, os.cpu_count() or 1, load, TARGET_RATIO, found, processes, growth)


def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures fan-out, beside a bare aiohttp loop.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--thorough", action="store_true", help="many minutes, not some")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw how costs grow, as SVG")
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else THOROUGH if given.thorough else SHORT
    report = asdict(asyncio.run(measure(effort)))
    text = json.dumps(report, indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    if given.plot:
        given.plot.write_text(draw(report["growth"]), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
