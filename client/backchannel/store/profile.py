"""The profile's file: tables, one transaction at a time, a lock against a second client.

    meta      name → value              the wrapped master key, the format
    rooms     room → sealed             what is needed before a room's records: seat keys, server
    records   (room, name) → sealed     MLS state, fold, chain: whatever the room keeps by name
    timeline  (room, seq) → sealed      what is shown
    outbox    (room, place) → sealed    what is to be sent, in order
    parts     (room, place) → sealed    of attachments, encrypted as they are to be uploaded

Rooms and names of records stand there as HMACs, since names tell how a room is made up. SQLite's
own lock (locking_mode EXCLUSIVE) keeps a second client out, in this process and in others.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from backchannel.errors import ProfileError
from backchannel.store.seal import Sealer, unwrap_master, wrap_master
from backchannel_mls.codec import Reader, parse_all, vector

T = TypeVar("T")
_FORMAT = b"1"
_MARK = "INSERT OR REPLACE INTO meta VALUES ('erasing', x'01')"
_TABLES = ("rooms", "records", "timeline", "outbox", "parts")
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE rooms (room BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE records (room BLOB, name BLOB, value BLOB NOT NULL, PRIMARY KEY (room, name)) WITHOUT ROWID;
CREATE TABLE timeline (room BLOB, seq INTEGER, value BLOB NOT NULL, PRIMARY KEY (room, seq)) WITHOUT ROWID;
CREATE TABLE outbox (room BLOB, place INTEGER, value BLOB NOT NULL, PRIMARY KEY (room, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (room BLOB, place INTEGER, value BLOB NOT NULL, PRIMARY KEY (room, place));
"""
_LATER = _SCHEMA.strip().split(";\n")[-1]
"""What a profile of an earlier program does not have."""


@dataclass(slots=True)
class Write:
    """What one transaction of a room changes. Nothing of it is seen before all of it is on disk.

    erase  what it replaces or deletes is not to be found in the profile's files afterwards
    """

    put: dict[str, bytes] = field(default_factory=dict, repr=False)
    delete: set[str] = field(default_factory=set)
    timeline: dict[int, bytes] = field(default_factory=dict, repr=False)
    outbox_put: dict[int, bytes] = field(default_factory=dict, repr=False)
    outbox_delete: set[int] = field(default_factory=set)
    parts: dict[int, bytes] = field(default_factory=dict, repr=False)
    parts_delete: list[range] = field(default_factory=list)
    room: bytes | None = field(default=None, repr=False)
    erase: bool = False


class Profile:
    """An open profile. All calls of one profile go through one thread, in order."""

    def __init__(self, connection: sqlite3.Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="profile")

    # ---- opening
    @classmethod
    def in_memory(cls) -> Profile:
        """A profile that is gone when it is closed."""
        connection = _connect(":memory:")
        connection.executescript(_SCHEMA)
        return cls(connection, Sealer.generate())

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Profile:
        """Opens a profile, or makes it where there is none. Raises ProfileError."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = _connect(str(path))
        try:
            _take(connection)
            new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
            sealer = _create(connection, passphrase) if new else _unlock(connection, passphrase)
        except sqlite3.OperationalError:
            connection.close()
            sentence = "This profile is open in another program. Close it there first."
            raise ProfileError("profile-in-use", sentence) from None
        except sqlite3.DatabaseError:
            connection.close()
            sentence = f"{path} is not a profile, or it is damaged. Choose another file, or knock again."
            raise ProfileError("profile-damaged", sentence) from None
        except BaseException:
            connection.close()
            raise
        return cls(connection, sealer)

    async def close(self) -> None:
        """Waits for what is being written, then closes."""
        await self._run(self._connection.close)
        self._thread.shutdown()

    # ---- reading
    async def rooms(self) -> dict[bytes, bytes]:
        """What is kept of each room, by the room's id."""
        return await self._run(self._rooms)

    async def records(self, room: bytes) -> dict[str, bytes]:
        """All records of a room."""
        return await self._run(lambda: self._records(self._tag(room)))

    async def timeline(self, room: bytes) -> dict[int, bytes]:
        """The timeline, in order."""
        return await self._run(lambda: self._numbered("timeline", "seq", self._tag(room)))

    async def outbox(self, room: bytes) -> dict[int, bytes]:
        """What is to be sent, in order."""
        return await self._run(lambda: self._numbered("outbox", "place", self._tag(room)))

    async def part(self, room: bytes, place: int) -> bytes | None:
        """A part of an attachment, as it is to be uploaded."""
        return await self._run(lambda: self._part(self._tag(room), place))

    async def part_places(self, room: bytes) -> list[int]:
        """Where parts stand."""
        return await self._run(lambda: self._part_places(self._tag(room)))

    def _part(self, room: bytes, place: int) -> bytes | None:
        row: tuple[bytes] | None = self._connection.execute(
            "SELECT value FROM parts WHERE room = ? AND place = ?", (room, place)
        ).fetchone()
        return None if row is None else self._sealer.open(_place("parts", room, place), row[0])

    def _part_places(self, room: bytes) -> list[int]:
        rows = self._connection.execute("SELECT place FROM parts WHERE room = ? ORDER BY place", (room,))
        return [place for (place,) in rows]

    def _tag(self, room: bytes, name: str | None = None) -> bytes:
        """What stands for a room, or for a record of it."""
        content = vector(room) + (b"" if name is None else vector(name.encode()))
        return hmac.digest(self._sealer.name_key(), content, hashlib.sha256)

    def _rooms(self) -> dict[bytes, bytes]:
        rows: list[tuple[bytes, bytes]]
        rows = self._connection.execute("SELECT room, value FROM rooms").fetchall()
        return dict(_named(self._sealer.open(_place("rooms", room), value)) for room, value in rows)

    def _records(self, room: bytes) -> dict[str, bytes]:
        rows: list[tuple[bytes, bytes]] = self._connection.execute(
            "SELECT name, value FROM records WHERE room = ?", (room,)
        ).fetchall()
        opened = (_named(self._sealer.open(_place("records", room, tag), value)) for tag, value in rows)
        return {name.decode(): value for name, value in opened}

    def _numbered(self, table: str, column: str, room: bytes) -> dict[int, bytes]:
        rows: list[tuple[int, bytes]] = self._connection.execute(
            f"SELECT {column}, value FROM {table} WHERE room = ? ORDER BY {column}",  # noqa: S608 - our own names
            (room,),
        ).fetchall()
        return {at: self._sealer.open(_place(table, room, at), value) for at, value in rows}

    # ---- writing
    async def write(self, room: bytes, write: Write) -> None:
        """One transaction; when this returns it is on disk."""
        await self._run(lambda: self._write(room, write))

    async def forget(self, room: bytes) -> None:
        """Leaves nothing of a room."""
        await self._run(lambda: self._forget(self._tag(room)))

    def _write(self, room: bytes, write: Write) -> None:
        key, seal = self._tag(room), self._sealer.seal
        with _transaction(self._connection) as connection:
            if write.room is not None:
                value = seal(_place("rooms", key), vector(room) + write.room)
                connection.execute("INSERT OR REPLACE INTO rooms VALUES (?, ?)", (key, value))
            tagged = ((self._tag(room, name), name, content) for name, content in write.put.items())
            connection.executemany(
                "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
                (
                    (key, tag, seal(_place("records", key, tag), vector(name.encode()) + content))
                    for tag, name, content in tagged
                ),
            )
            connection.executemany(
                "DELETE FROM records WHERE room = ? AND name = ?",
                [(key, self._tag(room, name)) for name in write.delete - write.put.keys()],
            )
            self._write_numbered("timeline", key, write.timeline)
            self._write_numbered("outbox", key, write.outbox_put)
            self._write_numbered("parts", key, write.parts)
            connection.executemany(
                "DELETE FROM parts WHERE room = ? AND place >= ? AND place < ?",
                [(key, places.start, places.stop) for places in write.parts_delete],
            )
            connection.executemany(
                "DELETE FROM outbox WHERE room = ? AND place = ?", [(key, at) for at in write.outbox_delete]
            )
            if write.erase:
                connection.execute(_MARK)
        if write.erase:
            _erase(self._connection)

    def _write_numbered(self, table: str, room: bytes, rows: Mapping[int, bytes]) -> None:
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)",  # noqa: S608 - our own names
            ((room, at, self._sealer.seal(_place(table, room, at), value)) for at, value in rows.items()),
        )

    def _forget(self, room: bytes) -> None:
        with _transaction(self._connection) as connection:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table} WHERE room = ?", (room,))  # noqa: S608 - our own names
            connection.execute(_MARK)
        _erase(self._connection)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _connect(path: str) -> sqlite3.Connection:
    """`isolation_level` None: transactions are begun and ended here, not by the driver."""
    return sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0)


def _take(connection: sqlite3.Connection) -> None:
    """Takes the file for this client alone, until it is closed."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")


def _erase(connection: sqlite3.Connection) -> None:
    """Leaves nothing of deleted values in the files: see secure_delete for what a page alone would keep.

    secure_delete writes zeros over a deleted cell where it stands, but cells move between pages and
    the write-ahead log has pages as they were. So the database is written anew, and the log emptied.
    A mark, written with what deletes, stays until that is done: after a crash, or where there is no
    room on the disk for it, it is done at the next erasing or opening.
    """
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError:
        return
    connection.execute("DELETE FROM meta WHERE name = 'erasing'")


def _create(connection: sqlite3.Connection, passphrase: str) -> Sealer:
    sealer = Sealer.generate()
    wrapped = wrap_master(sealer, passphrase)
    with _transaction(connection):
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        rows = [("format", _FORMAT), ("master", wrapped)]
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    return sealer


def _unlock(connection: sqlite3.Connection, passphrase: str) -> Sealer:
    meta: dict[str, bytes] = dict(connection.execute("SELECT name, value FROM meta"))
    if meta.get("format") != _FORMAT or "master" not in meta:
        sentence = "This profile was made by another version of the program. Open it with that one."
        raise ProfileError("profile-version", sentence)
    connection.execute(_LATER)
    if "erasing" in meta:
        _erase(connection)
    return unwrap_master(meta["master"], passphrase)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _place(table: str, room: bytes, within: bytes | int = b"") -> str:
    """Where a value stands: what its seal is bound to."""
    return f"{table}/{room.hex()}/{within if isinstance(within, int) else within.hex()}"


def _named(value: bytes) -> tuple[bytes, bytes]:
    """(name, content) of what is kept by name."""

    def read(reader: Reader) -> tuple[bytes, bytes]:
        return reader.vector(), reader.take(reader.end - reader.position)

    return parse_all(value, read)
