"""The benchmark of idle seats: one JSON object on stdout.

python3 run.py bench idle [--quick] [--json FILE]

Resident memory of a server's process while more and more seats are attached, in rooms of ROOM_SEATS, and
nobody says anything. `per_seat_kib` is what a seat adds, from the first to the last figure.
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.peers import Peer
from bench.seats import NO_LIMITS, Seat, attach, make_room
from server.process_kit import process

ROOM_SEATS: Final = 50
FILES: Final = 20_000
AT_ONCE: Final = 10
"""How many seats attach side by side."""

SETTLE_S: Final = 3.0
"""How long the server may tidy up after the last attaching before its memory is read."""

TARGET_KIB: Final = 20.0
SEATS: Final = (0, 500, 1_000, 5_000)
QUICK: Final = (0, 20)


@dataclass(frozen=True)
class Report:
    """`memory_kib` by attached seats; `step_kib`: what a seat added since the figure before."""

    seconds: float
    cores: int
    load_average: float
    memory_kib: dict[str, int]
    step_kib: dict[str, float]
    per_seat_kib: float
    target_kib: float
    met: bool


async def measure(counts: Sequence[int]) -> Report:
    """In a folder that is gone afterwards; a restarted server, so that making the rooms leaves no trace."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FILES), hard))
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "server"
        words = (*NO_LIMITS, "--connections", str(FILES))
        async with process(data, "--new-host-link", *words) as server:
            token = server.token(data)
            seats: list[Seat] = []
            while len(seats) < counts[-1]:
                seats += (await make_room(server, token, min(ROOM_SEATS, counts[-1] - len(seats))))[0]
        async with process(data, *words) as server:
            (await attach(server.url, seats[-1])).close()  # what the first connection alone loads
            found = await attach_all(server.url, seats, counts, server.process.pid)
    steps = {
        str(after): round(max(0.0, (found[after] - found[before]) / (after - before)), 1)
        for before, after in pairwise(counts)
    }
    per_seat = round(max(0.0, (found[counts[-1]] - found[counts[0]]) / (counts[-1] - counts[0])), 1)
    return Report(
        seconds=round(time.monotonic() - begin, 1),
        cores=os.cpu_count() or 1,
        load_average=round(os.getloadavg()[0], 2),
        memory_kib={str(count): kib for count, kib in found.items()},
        step_kib=steps,
        per_seat_kib=per_seat,
        target_kib=TARGET_KIB,
        met=per_seat <= TARGET_KIB,
    )


async def attach_all(url: str, seats: Sequence[Seat], counts: Sequence[int], pid: int) -> dict[int, int]:
    """Memory in KiB, by how many seats are attached."""
    peers: list[Peer] = []
    found: dict[int, int] = {}
    for count in counts:
        while len(peers) < count:
            next_ones = seats[len(peers) : min(count, len(peers) + AT_ONCE)]
            peers += await asyncio.gather(*(attach(url, seat) for seat in next_ones))
        say(f"{count} seats are attached")
        await asyncio.sleep(SETTLE_S)
        found[count] = resident_kib(pid)
    for peer in peers:
        peer.close()
    return found


def resident_kib(pid: int) -> int:
    """VmRSS of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures what an idle seat costs the server in memory.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    report = asyncio.run(measure(QUICK if given.quick else SEATS))
    text = json.dumps(asdict(report), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
