"""The benchmark of catching up: one JSON object on stdout.

python3 run.py bench catchup [--quick | --thorough] [--json FILE]

A Python client that was away opens its connection to a real server, and is sent what was written since:
chat of SENDERS members with a commit now and then. The clock runs until the last event is in its sealed
profile on the disk. In turns with it, the same number of bare primitives: what no client in this language
can do without.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backchannel import Room, open_profile
from backchannel_mls import GroupState
from backchannel_protocol.limits import MAX_EVENTS_A_FRAME
from bench.primitives import NONCE_SIZE, Primitives
from bench.seats import NO_LIMITS
from bench.writers import Writers, settled
from client.people import let_in, make_room
from server.process_kit import Process, process

SENDERS: Final = 4
BODY_BYTES: Final = 1024
"""Of the yardstick's events: the padding class of most messages."""
PATIENCE_S: Final = 1800
TARGET_PER_S: Final = 3000


@dataclass(frozen=True)
class Effort:
    """How much is measured; each turn is another member who was away."""

    suites: tuple[int, ...]
    events: tuple[int, ...]
    turns: int


THOROUGH: Final = Effort(suites=(83, 1), events=(5_000, 50_000), turns=3)
SHORT: Final = Effort(suites=(83, 1), events=(5_000,), turns=3)
QUICK: Final = Effort(suites=(83, 1), events=(96,), turns=1)


@dataclass(frozen=True)
class Caught:
    """Medians of the turns. `ratio` is of the times: the client's to that of the bare primitives."""

    events: int
    commits: int
    seconds: float
    per_second: float
    bare_per_second: float
    ratio: float
    profile_bytes_per_event: int
    met: bool


@dataclass(frozen=True)
class Report:
    """`suites`: by suite, then by number of events."""

    seconds: float
    cores: int
    load_average: float
    target_per_second: int
    suites: dict[str, dict[str, Caught]]


# ---- the yardstick
class Bare:
    """Per event: what MLS cannot do without, two hashes of the log's chain, and one sealed row in SQLite."""

    def __init__(self, mls: GroupState, folder: Path) -> None:
        self._primitives = Primitives.like(mls, bytes(BODY_BYTES))
        self._master = os.urandom(32)
        self._database = sqlite3.connect(folder / f"bare-{mls.suite.id}.sqlite3", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE timeline (seq INTEGER PRIMARY KEY, value BLOB NOT NULL)")
        self._seq = 0

    def run(self, events: int) -> float:
        """Seconds for so many events, as many in one transaction as one frame brings."""
        begin = time.perf_counter()
        for first in range(0, events, MAX_EVENTS_A_FRAME):
            rows = [self._event() for _ in range(min(MAX_EVENTS_A_FRAME, events - first))]
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO timeline VALUES (?, ?)", rows)
            self._database.execute("COMMIT")
        return time.perf_counter() - begin

    def _event(self) -> tuple[int, bytes]:
        self._seq += 1
        self._primitives.decrypt()
        sha256(sha256(self._primitives.ciphertext).digest() + self._primitives.header)
        nonce = os.urandom(NONCE_SIZE)
        return self._seq, nonce + AESGCM(self._master).encrypt(nonce, self._primitives.plaintext, b"place")

    def close(self) -> None:
        """Closes the database."""
        self._database.close()


# ---- the client
async def measure_suite(
    server: Process, token: str, folder: Path, suite: int, events: int, turns: int
) -> Caught:
    """A room of its own, in which `turns` members are away while it grows."""
    profiles = [folder / f"away-{turn}.profile" for turn in range(turns)]
    async with AsyncExitStack() as stack:
        rooms = await fill(stack, server, token, suite, profiles)
        await settled(rooms)
        ledgers = [room.ledger for room in rooms]
    writers = Writers(ledgers[0], ledgers[1 : SENDERS + 1])
    await writers.attach(server.url)
    first, epoch = writers.view.seq, writers.view.epoch
    say(f"suite {suite}: {events} events are written")
    await writers.write(events)
    writers.close()
    bare = Bare(writers.view.mls, folder)
    spent, yardstick, grown = [], [], []
    for path in profiles:
        say(f"suite {suite}: somebody catches up")
        before = path.stat().st_size
        spent.append(await catch_up(path, writers.view.seq))
        grown.append(path.stat().st_size - before)
        yardstick.append(bare.run(events))
    bare.close()
    written = writers.view.seq - first
    per_second = written / median(spent)
    return Caught(
        events=written,
        commits=writers.view.epoch - epoch,
        seconds=round(median(spent), 3),
        per_second=round(per_second, 1),
        bare_per_second=round(events / median(yardstick), 1),
        ratio=round(median(one / bare for one, bare in zip(spent, yardstick, strict=True)), 3),
        profile_bytes_per_event=round(median(grown) / written),
        met=per_second >= TARGET_PER_S,
    )


async def fill(
    stack: AsyncExitStack, server: Process, token: str, suite: int, away: Sequence[Path]
) -> list[Room]:
    """Who follows, who write, and who will be away; all are connected until the stack is closed."""
    ann = await stack.enter_async_context(open_profile(None))
    rooms = [await make_room(ann, server.url, token, suite=suite)]
    await rooms[0].accept_rules()
    for number in range(SENDERS):
        client = await stack.enter_async_context(open_profile(None, look_s=0.1))
        rooms.append(await let_in(rooms[0], client, f"Writer {number}"))
    for number, path in enumerate(away):
        client = await stack.enter_async_context(open_profile(path, "passphrase", look_s=0.1))
        rooms.append(await let_in(rooms[0], client, f"Away {number}"))
    return rooms


async def catch_up(profile: Path, head: int) -> float:
    """Seconds from connecting to everything being on the disk."""
    async with open_profile(profile, "passphrase", connect=False) as client:
        room = client.first_room
        assert room is not None
        ledger = room.ledger
        begin = time.perf_counter()
        client.connect(room)
        async with asyncio.timeout(PATIENCE_S), ledger.changed:
            await ledger.changed.wait_for(lambda: ledger.view.seq >= head or ledger.stopped is not None)
        spent = time.perf_counter() - begin
        assert ledger.stopped is None, ledger.stopped
        return spent


def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


async def measure(effort: Effort) -> Report:
    """All of it, in a folder that is gone afterwards."""
    begin = time.monotonic()
    found: dict[str, dict[str, Caught]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def new_folder() -> Path:
            return Path(tempfile.mkdtemp(dir=folder))

        async with process(folder / "server", *NO_LIMITS) as server:
            token = server.token(folder / "server")
            for events in effort.events:
                for suite in effort.suites:
                    caught = await measure_suite(server, token, new_folder(), suite, events, effort.turns)
                    say(f"suite {suite}: {caught.per_second:,.0f} events a second, ratio {caught.ratio}")
                    found.setdefault(str(suite), {})[str(events)] = caught
    seconds = round(time.monotonic() - begin, 1)
    return Report(seconds, os.cpu_count() or 1, round(os.getloadavg()[0], 2), TARGET_PER_S, found)


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures how fast a Python client catches up.")
    parser.add_argument("--quick", action="store_true", help="seconds: only shows that it runs")
    parser.add_argument("--thorough", action="store_true", help="50,000 events too: minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else THOROUGH if given.thorough else SHORT
    text = json.dumps(asdict(asyncio.run(measure(effort))), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
