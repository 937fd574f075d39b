"""A soak: one JSON object on stdout, and a plot.

python3 run.py bench soak [--minutes N] [--quick] [--json FILE] [--plot FILE.svg]

Mixed work at a real server, hours of it in minutes: rooms in which people come, talk, attach a file, fetch
it, and go, retention that takes what they said a few seconds later, and strangers who knock in vain. Memory,
open files and the database's size are looked at all the while. `growth` is the last quarter's median by the
second quarter's: 1 is flat. (Of an event that retention took, its row stays: the database grows by
that.)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from statistics import median
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Cursor, Hello, Submit, encode_frame
from backchannel_protocol.frames import parse_server_frame as parse
from backchannel_protocol.http_bodies import encode_body
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.operations import SetPolicy, encode_operation
from bench.bench_idle import resident_kib
from bench.peers import Peer
from bench.seats import NO_LIMITS, Seat, attach, framed, make_room
from server.blob_kit import File, Porter
from server.mail_kit import Invitee, new_invitation
from server.process_kit import Process, process
from server.server_kit import Seat as FullSeat
from server.server_kit import post

ROOMS: Final = 20
SEATS: Final = 5
BURST: Final = (5, 40)
SIZES: Final = (512, 2_048, 16_384)
FILE_BYTES: Final = 100_000
RETENTION_S: Final = 5
PATIENCE_S: Final = 60
MINUTES: Final = 20.0
QUICK_MINUTES: Final = 0.1
HOUR: Final = {"events": 3_600, "visits": 600, "files": 60, "knocks": 60}
"""What a busy hour of a server with twenty rooms has: an event a second, and so on."""

WATCHED: Final = ("memory_kib", "files", "database_kib")


@dataclass(frozen=True)
class Look:
    """The server at a moment."""

    memory_kib: int
    files: int
    database_kib: int


@dataclass(frozen=True)
class Report:
    """`done` counts what was done, `hours` says how many busy hours that is, by what there was least of.

    `looks` by seconds since the beginning.
    """

    seconds: float
    cores: int
    load_average: float
    done: dict[str, int]
    hours: float
    growth: dict[str, float]
    looks: dict[str, Look]


class Work:
    """All of it, until `ends`, on the monotonic clock."""

    def __init__(self, server: Process, record_key: bytes, ends: float) -> None:
        self._server = server
        self._record_key = record_key
        self._ends = ends
        self.done: Counter[str] = Counter()

    async def room(self, seats: Sequence[Seat], epoch: int, opening: bytes, moments: random.Random) -> None:
        """Its people, one visit after the other. Each fetches what there is, talks, and goes."""
        policy = encode_operation(SetPolicy(None, 0, RETENTION_S, False, 0))
        drafts = [Draft(secrets.token_bytes(16), EventKind.CONTROL, epoch, opening, policy)]
        last = await self._visit(seats[0], drafts, 0)
        while time.monotonic() < self._ends:
            seat = moments.choice(seats)
            drafts = [
                Draft(
                    secrets.token_bytes(16),
                    EventKind.CHAT,
                    epoch,
                    opening,
                    framed(seat.room, epoch, EventKind.CHAT, moments.choice(SIZES)),
                )
                for _ in range(moments.randint(*BURST))
            ]
            last = await self._visit(seat, drafts, last)
            if moments.random() < 0.1:
                await self._pass_file(seat)

    async def _visit(self, seat: Seat, drafts: Sequence[Draft], cursor: int) -> int:
        """The seq of the last draft."""
        peer = await attach(self._server.url, Seat(seat.room, seat.id, seat.private, cursor))
        last = cursor
        try:
            async with asyncio.timeout(PATIENCE_S):
                for draft in drafts:
                    peer.send(encode_frame(Submit([draft])))
                    while not isinstance(frame := parse(await peer.receive()), Ack):
                        pass
                    last = frame.placed[-1].seq
            peer.send(encode_frame(Cursor(last)))
        finally:
            peer.close()
        self.done["events"] += len(drafts)
        self.done["visits"] += 1
        return last

    async def _pass_file(self, seat: Seat) -> None:
        owner = FullSeat(RoomId(seat.room), SeatId(seat.id), seat.private)
        porter = Porter(self._server.url, owner, self._record_key, int(time.time()))
        file = File(os.urandom(FILE_BYTES))
        await porter.upload(file)
        assert await porter.download(file) == file.content
        self.done["files"] += 1

    async def strangers(self) -> None:
        """Who knock where there is no invitation."""
        while time.monotonic() < self._ends:
            letter = Invitee(new_invitation()).knock(1, b"x" * 2_000, int(time.time()))
            status, _ = await post(self._server.url, "/v1/mail", encode_body(letter))
            assert status >= 400
            self.done["knocks"] += 1
            await asyncio.sleep(0.05)


async def measure(minutes: float) -> Report:
    """In a folder that is gone afterwards."""
    words = (*NO_LIMITS, "--sweep-interval-s", "1")
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "server"
        async with process(data, *words) as server:
            token = server.token(data)
            rooms = [await make_room(server, token, SEATS) for _ in range(ROOMS)]
            begin = time.monotonic()
            ends = begin + 60 * minutes
            work = Work(server, await record_key(server.url), ends)
            looks: dict[str, Look] = {}
            async with asyncio.TaskGroup() as tasks:
                for number, (seats, epoch, opening) in enumerate(rooms):
                    tasks.create_task(work.room(seats, epoch, opening, random.Random(number)))
                tasks.create_task(work.strangers())
                while time.monotonic() < ends:
                    looks[f"{time.monotonic() - begin:.1f}"] = look(server.process.pid, data)
                    await asyncio.sleep(min(2.0, 0.6 * minutes))
    return Report(
        seconds=round(time.monotonic() - begin, 1),
        cores=os.cpu_count() or 1,
        load_average=round(os.getloadavg()[0], 2),
        done=dict(work.done),
        hours=round(min(work.done[name] / count for name, count in HOUR.items()), 1),
        growth={name: growth([getattr(one, name) for one in looks.values()]) for name in WATCHED},
        looks=looks,
    )


async def record_key(url: str) -> bytes:
    """The server's, as its Hello has it."""
    peer = await Peer.connect(url, "/v1/ws")
    hello = parse(await peer.receive())
    peer.close()
    assert isinstance(hello, Hello)
    return hello.record_key


def look(pid: int, data: Path) -> Look:
    """Of a process and its data folder."""
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    size = sum(path.stat().st_size for path in data.iterdir())
    return Look(resident_kib(pid), files, size // 1024)


def growth(values: Sequence[float]) -> float:
    """The last quarter by the second: the first is for what is loaded once."""
    quarter = max(1, len(values) // 4)
    return round(median(values[-quarter:]) / max(1, median(values[quarter : 2 * quarter] or values)), 3)


# ---- the plot
WIDTH: Final = 720
HEIGHT: Final = 130
MARGIN: Final = 60


def draw(looks: Mapping[str, Look]) -> str:
    """An SVG document: a panel for each thing that is watched, from zero, over time."""
    places = [f'<g transform="translate(0,{at * HEIGHT})">' for at in range(len(WATCHED))]
    panels = "".join(f"{place}{_panel(name, looks)}</g>" for place, name in zip(places, WATCHED, strict=True))
    size = f'width="{WIDTH}" height="{HEIGHT * len(WATCHED)}"'
    ground = '<rect width="100%" height="100%" fill="white"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
        f"{ground}{panels}</svg>\n"
    )


def _panel(name: str, looks: Mapping[str, Look]) -> str:
    most = max(getattr(one, name) for one in looks.values()) or 1
    end = max(map(float, looks)) or 1
    points = " ".join(
        f"{MARGIN + float(at_s) / end * (WIDTH - 2 * MARGIN):.1f},"
        f"{HEIGHT - 20 - getattr(one, name) / most * (HEIGHT - 50):.1f}"
        for at_s, one in looks.items()
    )
    label = f'<text x="{MARGIN}" y="18">{escape(name)}: {most:,} at the most, {end:,.0f} s</text>'
    axis = f'<path d="M{MARGIN} {HEIGHT - 20}H{WIDTH - MARGIN}" stroke="#999"/>'
    return f'{label}{axis}<polyline points="{points}" fill="none" stroke="#1f4e9c" stroke-width="1.5"/>'


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="run.py bench soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--quick", action="store_true", help="takes seconds, and shows only that it runs")
    parser.add_argument("--json", type=Path, help="writes the report there too")
    parser.add_argument("--plot", type=Path, help="draws what was watched, as SVG")
    chosen = parser.parse_args(arguments)
    report = asyncio.run(measure(QUICK_MINUTES if chosen.quick else chosen.minutes))
    text = json.dumps(asdict(report))
    sys.stdout.write(text + "\n")
    if chosen.json:
        chosen.json.write_text(text)
    if chosen.plot:
        chosen.plot.write_text(draw(report.looks))


if __name__ == "__main__":
    main(sys.argv[1:])
