"""What it costs to store the state after each message: SQLite, one table, one transaction for each message.

The databases lie where TMPDIR says, on the disk whose flushing FULL pays for.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from backchannel_mls import Change, GroupState, changes, encrypt
from bench.measure import Contestant, race, settle
from bench.messages import DATA_SIZE, Conversation, received
from bench.rooms import Room

Step = Callable[[GroupState, int], GroupState]
"""The state after the n-th message."""


@dataclass(frozen=True)
class Stored:
    """One kind of message; microseconds and bytes for each, state and transaction together.

    not_stored, normal, full   without a store; with synchronous=NORMAL; with synchronous=FULL
    …_cost                     what the store adds
    changes                    of that, what `changes` takes to find the records
    log_bytes                  what the write-ahead log grows by: whole pages
    """

    rounds: int
    operations_per_round: int
    not_stored_us: float
    normal_us: float
    full_us: float
    normal_cost_us: float
    full_cost_us: float
    changes_us: float
    records_changed: float
    record_bytes: int
    log_bytes: int


@dataclass(frozen=True)
class StoringFigures:
    """One suite, one room in which everybody has spoken.

    `decrypt_first` is for the first message of each sender in the epoch, which opens its ratchet; None where
    there are too few senders to measure.
    """

    state_records: int
    encrypt: Stored
    decrypt: Stored
    decrypt_first: Stored | None


class StateStore:
    """A client's database, as small as it can be."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(f"PRAGMA synchronous={synchronous}")
        self._database.execute(
            "CREATE TABLE state (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
        )

    def write(self, change: Change) -> None:
        """One transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", change.put.items())
        self._database.executemany("DELETE FROM state WHERE name = ?", [(name,) for name in change.delete])
        self._database.execute("COMMIT")

    def begin_log(self) -> None:
        """Empties the write-ahead log and lets it grow from here on."""
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._database.execute("PRAGMA wal_autocheckpoint=0")

    def log_bytes(self) -> int:
        """The size of the write-ahead log."""
        return self._path.with_name(self._path.name + "-wal").stat().st_size

    def close(self) -> None:
        """Closes the database."""
        self._database.close()


class Chain:
    """Messages one after the other, from a first state on; each contestant goes its own way along it."""

    def __init__(self, folder: Path, start: GroupState, step: Step) -> None:
        folder.mkdir()
        self._folder = folder
        self._start = start
        self._step = step

    def store(self, name: str, synchronous: str) -> StateStore:
        """A new store that holds the first state."""
        store = StateStore(self._folder / name, synchronous)
        store.write(changes(None, self._start))
        return store

    def contestant(self, store: StateStore | None) -> Contestant:
        """Messages, each with what it changes stored."""
        state, at = self._start, 0

        def run(count: int) -> float:
            nonlocal state, at
            begin = time.perf_counter()
            for _ in range(count):
                following = self._step(state, at)
                if store is not None:
                    store.write(changes(state, following))
                state, at = following, at + 1
            return time.perf_counter() - begin

        return run

    def comparing(self) -> Contestant:
        """Messages, of which only the finding of what they change is timed."""
        state, at = self._start, 0

        def run(count: int) -> float:
            nonlocal state, at
            spent = 0.0
            for _ in range(count):
                following = self._step(state, at)
                begin = time.perf_counter()
                changes(state, following)
                spent += time.perf_counter() - begin
                state, at = following, at + 1
            return spent

        return run

    def changed(self, count: int) -> list[Change]:
        """What the first messages change."""
        state, found = self._start, []
        for at in range(count):
            following = self._step(state, at)
            found.append(changes(state, following))
            state = following
        return found


def measure_storing(room: Room, *, rounds: int, per_round: int) -> StoringFigures:
    """In a room of any size."""
    data = os.urandom(DATA_SIZE)
    conversation = Conversation(room, data)
    said = conversation.next_messages((rounds + 1) * per_round)
    others = len(room.identities) - 1
    first = [encrypt(room.seat(leaf), data).message for leaf in range(others)]
    first_per_round = min(per_round, others // (rounds + 1))
    settle()
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        writing = Chain(folder / "e", conversation.writer, lambda state, _: encrypt(state, data).state)
        reading = Chain(folder / "d", conversation.reader, lambda state, at: received(state, said[at]))
        hearing = Chain(folder / "f", room.bob, lambda state, at: received(state, first[at]))
        return StoringFigures(
            len(changes(None, conversation.reader).put),
            _measure(writing, rounds, per_round),
            _measure(reading, rounds, per_round),
            _measure(hearing, rounds, first_per_round) if first_per_round else None,
        )


def _measure(chain: Chain, rounds: int, per_round: int) -> Stored:
    normal, full = chain.store("normal", "NORMAL"), chain.store("full", "FULL")
    result = race(
        {
            "not stored": chain.contestant(None),
            "normal": chain.contestant(normal),
            "full": chain.contestant(full),
            "changes": chain.comparing(),
        },
        rounds=rounds,
        per_round=per_round,
    )
    normal.close()
    full.close()
    found = chain.changed(rounds * per_round)
    logged = chain.store("logged", "NORMAL")
    logged.begin_log()
    for change in found:
        logged.write(change)
    log_bytes = logged.log_bytes() / len(found)
    logged.close()
    return Stored(
        rounds,
        per_round,
        result.median_us("not stored"),
        result.median_us("normal"),
        result.median_us("full"),
        result.difference_us("normal", "not stored"),
        result.difference_us("full", "not stored"),
        result.median_us("changes"),
        round(mean(len(one.put) + len(one.delete) for one in found), 2),
        round(mean(sum(map(len, one.put.values())) for one in found)),
        round(log_bytes),
    )
