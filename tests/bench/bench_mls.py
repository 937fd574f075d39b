"""The benchmark of backchannel_mls: one JSON object on stdout. See README.md beside this file.

python3 run.py bench [--quick] [--members 10,100,500] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

if __name__ == "__main__":  # as a script, with only its own folder on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography.hazmat.backends.openssl.backend import backend as openssl

from bench.handshakes import HandshakeFigures, measure_handshakes
from bench.messages import CLASSICAL, HYBRID, MessageFigures, measure_messages
from bench.rooms import Room, build_room
from bench.states import StateFigures, measure_states
from bench.storing import StoringFigures, measure_storing
from bench.wheel import wheel_room

SUITES = (CLASSICAL, HYBRID)
MESSAGE_ROOM_SIZES = (2, 50)
MEMBERS = (10, 100, 500)
LEAST_MEMBERS = 4
ADD_LIMITS_MS = {10: 2.0, 100: 3.0, 500: 5.0}
JOIN_LIMIT_MS = {500: 400.0}
BARE_LIMIT, WHEEL_LEAST, HYBRID_LIMIT = 1.6, 2.0, 1.5


@dataclass(frozen=True)
class Effort:
    """How often everything is measured."""

    message_room_sizes: tuple[int, ...]
    message_rounds: int
    storing_rounds: int
    handshake_rounds: int
    per_round: int


THOROUGH = Effort(
    MESSAGE_ROOM_SIZES, message_rounds=200, storing_rounds=30, handshake_rounds=15, per_round=20
)
QUICK = Effort((2, 5), message_rounds=3, storing_rounds=3, handshake_rounds=2, per_round=3)
QUICK_MEMBERS = (4, 10)


@dataclass(frozen=True)
class Machine:
    """Where and with what it ran."""

    python: str
    implementation: str
    system: str
    processor: str
    cores: int
    load_average: float | None
    cryptography: str
    openssl: str
    sqlite: str
    wheel: str | None


@dataclass(frozen=True)
class Target:
    """A figure that the project wants, and what was found. `at_most` False: at least."""

    name: str
    at_most: bool
    limit: float
    found: float
    met: bool


@dataclass(frozen=True)
class Report:
    """Everything: by number of members, then by suite where figures are of one suite."""

    quick: bool
    seconds: float
    machine: Machine
    messages: dict[str, MessageFigures]
    handshakes: dict[str, dict[str, HandshakeFigures]]
    states: dict[str, dict[str, StateFigures]]
    storing: dict[str, dict[str, StoringFigures]]
    targets: tuple[Target, ...]


def run(members: Sequence[int], effort: Effort, *, quick: bool, now_s: int) -> Report:
    """All measurements, some minutes of them (`effort` QUICK: some seconds)."""
    begin = time.monotonic()
    messages: dict[str, MessageFigures] = {}
    for size in effort.message_room_sizes:
        say(f"messages in a room of {size}")
        rooms = {suite_id: build_room(suite_id, size, now_s) for suite_id in SUITES}
        messages[str(size)] = measure_messages(
            rooms, wheel_room(size), rounds=effort.message_rounds, per_round=effort.per_round
        )
    handshakes: dict[str, dict[str, HandshakeFigures]] = {}
    states: dict[str, dict[str, StateFigures]] = {}
    storing: dict[str, dict[str, StoringFigures]] = {}
    for size, room in _rooms((2, *members), now_s):
        suite, at = str(room.suite_id), str(size)
        if size in members:
            say(f"handshakes and states at {size} members in suite {suite}")
            handshakes.setdefault(at, {})[suite] = measure_handshakes(
                room, rounds=effort.handshake_rounds, per_round=1
            )
            states.setdefault(at, {})[suite] = measure_states(room, rounds=effort.handshake_rounds)
        if size in (2, max(members)):
            say(f"storing in a room of {size} in suite {suite}")
            storing.setdefault(at, {})[suite] = measure_storing(
                room, rounds=effort.storing_rounds, per_round=effort.per_round
            )
    return Report(
        quick,
        round(time.monotonic() - begin, 1),
        _machine(),
        messages,
        handshakes,
        states,
        storing,
        tuple(_targets(messages, handshakes)),
    )


def _rooms(sizes: Sequence[int], now_s: int) -> Iterator[tuple[int, Room]]:
    """One at a time, so that only one is in memory."""
    for size in sizes:
        for suite_id in SUITES:
            yield size, build_room(suite_id, size, now_s)


def _targets(
    messages: Mapping[str, MessageFigures], handshakes: Mapping[str, Mapping[str, HandshakeFigures]]
) -> Iterator[Target]:
    def at_most(name: str, limit: float, found: float) -> Target:
        return Target(name, True, limit, found, found <= limit)

    def at_least(name: str, limit: float, found: float) -> Target:
        return Target(name, False, limit, found, found >= limit)

    for size, figures in messages.items():
        for suite, own in figures.suites.items():
            where = f"suite {suite}, {size} members"
            yield at_most(f"encrypt / bare primitives, {where}", BARE_LIMIT, own.encrypt_to_bare)
            yield at_most(f"decrypt / bare primitives, {where}", BARE_LIMIT, own.decrypt_to_bare)
        if figures.wheel is not None:
            yield at_least(f"wheel / encrypt, {size} members", WHEEL_LEAST, figures.wheel.encrypt_to_ours)
            yield at_least(f"wheel / decrypt, {size} members", WHEEL_LEAST, figures.wheel.decrypt_to_ours)
        hybrid = figures.hybrid_to_classical_encrypt, figures.hybrid_to_classical_decrypt
        yield at_most(f"X-Wing / suite 1, {size} members", HYBRID_LIMIT, max(hybrid))
    for size, by_suite in handshakes.items():
        for suite, found in by_suite.items():
            where = f"suite {suite}, {size} members"
            if int(size) in ADD_LIMITS_MS:
                yield at_most(f"create Add, ms, {where}", ADD_LIMITS_MS[int(size)], found.add.create_ms)
                yield at_most(f"process Add, ms, {where}", ADD_LIMITS_MS[int(size)], found.add.process_ms)
            if int(size) in JOIN_LIMIT_MS:
                slowest = max(found.join_tree_beside_ms, found.join_tree_in_welcome_ms)
                yield at_most(f"join, ms, {where}", JOIN_LIMIT_MS[int(size)], slowest)


def _machine() -> Machine:
    try:
        wheel = metadata.version("agentvault-mls-rs-uniffi")
    except metadata.PackageNotFoundError:
        wheel = None
    return Machine(
        platform.python_version(),
        platform.python_implementation(),
        platform.platform(),
        platform.machine(),
        os.cpu_count() or 1,
        round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        metadata.version("cryptography"),
        openssl.openssl_version_text(),
        sqlite3.sqlite_version,
        wheel,
    )


def say(sentence: str) -> None:
    """Tells a waiting person what is going on; stdout is the JSON's."""
    print(f"bench: {sentence}", file=sys.stderr, flush=True)


def parse_members(text: str) -> tuple[int, ...]:
    """Room sizes from "10,100,500"."""
    sizes = tuple(sorted({int(one) for one in text.split(",")}))
    if not sizes or sizes[0] < LEAST_MEMBERS:
        raise argparse.ArgumentTypeError(f"rooms have at least {LEAST_MEMBERS} members")
    return sizes


def main(arguments: Sequence[str]) -> None:
    """Prints the report as one JSON object, and writes it to --json FILE as well."""
    parser = argparse.ArgumentParser(description="Measures backchannel_mls; the README beside it explains.")
    parser.add_argument("--quick", action="store_true", help="seconds, not minutes: only shows that it runs")
    parser.add_argument(
        "--members", type=parse_members, help=f"room sizes (default {','.join(map(str, MEMBERS))})"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    given = parser.parse_args(arguments)
    members = given.members or (QUICK_MEMBERS if given.quick else MEMBERS)
    effort = QUICK if given.quick else THOROUGH
    report = run(members, effort, quick=given.quick, now_s=int(time.time()))
    text = json.dumps(asdict(report), indent=2)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
