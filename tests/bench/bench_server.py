"""The benchmark of the server: one JSON object on stdout.

python3 run.py bench server [--quick] [--json FILE]

start_s             from starting the process to its first answer, on data that is there already
memory_kib          of the process, by attached idle seats; per_seat_kib is what a seat adds
fanout              events a second: SENDERS members send 512-byte bodies, each waits for its
                    acknowledgement after WINDOW, until every member has every event; beside a bare aiohttp
                    loop with the same group commit, in turns; ratio is the median of the turns' ratios
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import aiohttp

from backchannel_mls.codec import u16
from backchannel_mls.types import WireFormat
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Events, Submit, encode_frame
from bench.peers import Peer
from bench.seats import BODY_BYTES, NO_LIMITS, Seat, attach, framed, make_room
from server.process_kit import Process, process

SENDERS = 5
WINDOW = 8
PATIENCE_S = 120  # a benchmark that lost an event ends with a fault, it does not hang
BARE = Path(__file__).with_name("bare_loop.py")
ROOM_SEATS = 50


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    starts: int
    seats: tuple[int, ...]
    members: tuple[int, ...]
    events: int
    turns: int


THOROUGH = Effort(starts=7, seats=(0, 500, 1000), members=(10, 50), events=2_000, turns=5)
SHORT = Effort(starts=3, seats=(0, 500, 1000), members=(10, 50), events=500, turns=3)
QUICK = Effort(starts=1, seats=(0, 10), members=(6,), events=20, turns=1)


@dataclass(frozen=True)
class Memory:
    """Resident memory by attached idle seats, in KiB."""

    memory_kib: dict[str, int]
    per_seat_kib: float


@dataclass(frozen=True)
class Fanout:
    """Events a second that reached every member."""

    server: float
    bare: float
    ratio: float


@dataclass(frozen=True)
class Report:
    """Everything; `fanout` by members."""

    seconds: float
    cores: int
    load_average: float
    start_s: float
    memory: Memory
    fanout: dict[str, Fanout]


# ---- start and memory
async def measure_start(data: Path, starts: int) -> float:
    """Seconds to the first answer; the first start of all makes the data and does not count."""
    spent = []
    for turn in range(-1, starts):
        begin = time.perf_counter()
        async with process(data) as server:
            async with aiohttp.ClientSession() as http, http.get(server.url + "/readyz") as answer:
                assert answer.status == 200
            if turn >= 0:
                spent.append(time.perf_counter() - begin)
    return round(median(spent), 3)


async def measure_memory(data: Path, counts: Sequence[int]) -> Memory:
    """Attaches more and more seats to rooms of ROOM_SEATS."""
    async with process(data, "--new-host-link", *NO_LIMITS) as server:
        token = server.token(data)
        seats: list[Seat] = []
        while len(seats) < counts[-1]:
            seats += (await make_room(server, token, min(ROOM_SEATS, counts[-1] - len(seats))))[0]
    found: dict[str, int] = {}
    async with process(data, *NO_LIMITS) as server:
        (await attach(server.url, seats[-1])).close()  # what the first connection alone loads
        peers: list[Peer] = []
        for count in counts:
            peers += [await attach(server.url, seat) for seat in seats[len(peers) : count]]
            found[str(count)] = resident_kib(server.process.pid)
        for peer in peers:
            peer.close()
    per_seat = (found[str(counts[-1])] - found[str(counts[0])]) / (counts[-1] - counts[0])
    return Memory(found, round(max(per_seat, 0.0), 1))


def resident_kib(pid: int) -> int:
    """VmRSS of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


# ---- fan-out
class Crowd:
    """Members who count the bodies that reach them: all have everything when each has `events`."""

    def __init__(self, peers: Sequence[Peer], events: int) -> None:
        self._missing = dict.fromkeys(range(len(peers)), events)
        self.acked = [asyncio.Semaphore(WINDOW) for _ in peers]
        self.done = asyncio.Event()

    def reached(self, number: int, events: int) -> None:
        """So many more bodies reached a member."""
        self._missing[number] -= events
        if self._missing[number] <= 0 and all(left <= 0 for left in self._missing.values()):
            self.done.set()


async def send_all(crowd: Crowd, peers: Sequence[Peer], frames: Sequence[Sequence[bytes]]) -> float:
    """Sends each sender's frames, WINDOW at a time. Seconds until everybody has everything."""

    async def send(number: int) -> None:
        for frame in frames[number]:
            await crowd.acked[number].acquire()
            peers[number].send(frame)

    begin = time.perf_counter()
    await asyncio.gather(*(send(number) for number in range(SENDERS)))
    async with asyncio.timeout(PATIENCE_S):
        await crowd.done.wait()
    return time.perf_counter() - begin


async def race_server(server: Process, token: str, members: int, events: int) -> float:
    """Events a second of the server."""
    seats, epoch, opening = await make_room(server, token, members)
    peers = [await attach(server.url, seat) for seat in seats]
    crowd = Crowd(peers, events)

    def listen(number: int) -> None:
        def heard(data: bytes) -> None:
            kind = data[1]
            if kind == _ACK:
                crowd.acked[number].release()
            elif kind == _EVENTS:
                crowd.reached(number, data.count(mark))

        peers[number].heard = heard

    # each body begins with the room's id once more: counting it is cheaper than decoding
    mark = u16(WireFormat.PRIVATE_MESSAGE) + bytes((16,)) + seats[0].room
    for number in range(members):
        listen(number)
    body = framed(seats[0].room, epoch, EventKind.CHAT)
    frames = [
        [
            encode_frame(Submit([Draft(secrets.token_bytes(16), EventKind.CHAT, epoch, opening, body)]))
            for _ in range(events // SENDERS)
        ]
        for _ in range(SENDERS)
    ]
    spent = await send_all(crowd, peers, frames)
    for peer in peers:
        peer.close()
    return events / spent


_ACK, _EVENTS = Ack.__struct_config__.tag, Events.__struct_config__.tag


async def race_bare(url: str, members: int, events: int) -> float:
    """Events a second of the bare loop."""
    peers = [await Peer.connect(url, "/") for _ in range(members)]
    crowd = Crowd(peers, events)

    def listen(number: int) -> None:
        def heard(data: bytes) -> None:
            if data == b"ack":
                crowd.acked[number].release()
            else:
                crowd.reached(number, len(data) // BODY_BYTES)

        peers[number].heard = heard

    for number in range(members):
        listen(number)
    await asyncio.sleep(0.2)  # until every upgrade is through: a bare loop says nothing when it is
    spent = await send_all(crowd, peers, [[bytes(BODY_BYTES)] * (events // SENDERS)] * SENDERS)
    for peer in peers:
        peer.close()
    return events / spent


@asynccontextmanager
async def bare_loop(folder: Path) -> AsyncIterator[str]:
    """The bare loop as a process; its URL."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, str(BARE), str(folder / "bare.sqlite3"), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert started.stdout is not None
        yield f"http://127.0.0.1:{int(await started.stdout.readline())}"
    finally:
        started.kill()
        await started.wait()
        started._transport.close()  # type: ignore[attr-defined]  # asyncio has no public way


async def measure_fanout(folder: Path, effort: Effort) -> dict[str, Fanout]:
    """Both, in turns, for each size of room."""
    found: dict[str, Fanout] = {}
    data = folder / "fanout"
    async with process(data, *NO_LIMITS) as server, bare_loop(folder) as bare:
        token = server.token(data)
        for members in effort.members:
            say(f"fan-out to {members} members")
            turns = [
                (
                    await race_server(server, token, members, effort.events),
                    await race_bare(bare, members, effort.events),
                )
                for _ in range(effort.turns)
            ]
            found[str(members)] = Fanout(
                round(median(one for one, _ in turns), 1),
                round(median(other for _, other in turns), 1),
                round(median(one / other for one, other in turns), 3),
            )
    return found


def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


async def measure(effort: Effort) -> Report:
    """All of it, in a folder that is gone afterwards."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("start")
        start_s = await measure_start(folder / "start", effort.starts)
        say(f"memory with up to {effort.seats[-1]} seats")
        memory = await measure_memory(folder / "memory", effort.seats)
        fanout = await measure_fanout(folder, effort)
    seconds = round(time.monotonic() - begin, 1)
    return Report(seconds, os.cpu_count() or 1, round(os.getloadavg()[0], 2), start_s, memory, fanout)


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures backchannel_server, beside a bare aiohttp loop.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--thorough", action="store_true", help="minutes, not one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else THOROUGH if given.thorough else SHORT
    text = json.dumps(asdict(asyncio.run(measure(effort))), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
