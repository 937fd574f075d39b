"""The database as this server opens it: one engine for the committer, one for everybody who reads.

SQLite in the data folder, or PostgreSQL by URL. `dialects` has what differs afterwards.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from backchannel_server.storage.dialects import UnusableDatabase

DATABASE: Final = "backchannel.sqlite3"
MOVED: Final = "backchannel.sqlite3.moved"
"""What the file is called once its rooms are in PostgreSQL (`moving`)."""

BUSY_TIMEOUT_MS: Final = 5_000
READERS: Final = 4
"""How many connections read at the same time; on SQLite each is a thread."""

CONNECT_S: Final = 5
COMMAND_S: Final = 20
"""How long PostgreSQL may take, so that nobody waits for ever."""

PATIENT_S: Final = 24 * 3600
"""The same while tables are made, changed and moved."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # a commit is on the disk, not in its cache, when it returns: what is acknowledged stays
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # what retention purged is overwritten, not merely unlinked
    "PRAGMA secure_delete = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
)

_SESSION: Final = {
    "application_name": "backchannel",
    # a commit is on the disk when it returns, whatever the user's or the database's own default
    "synchronous_commit": "on",
    # a server process that stands still (SIGSTOP, a machine that is gone) does not hold a room for long, and
    # those who wait for the room are still there when it is free
    "idle_in_transaction_session_timeout": "8000",
    "lock_timeout": "15000",
    # of all these queries none is worth a compiler
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class Engines:
    """`writer` is the committer's alone; `reader` sees what is committed. `file`: SQLite's."""

    writer: AsyncEngine
    reader: AsyncEngine
    file: Path | None

    async def shorten_log(self) -> None:
        """After a purge: it reaches SQLite's file itself, not only the write-ahead log. PostgreSQL's log and
        old rows are its own to reuse (OPERATIONS.md)."""
        if self.file is not None:
            await asyncio.to_thread(_truncate_log, self.file)

    async def dispose(self) -> None:
        """Closes all connections."""
        await self.reader.dispose()
        await self.writer.dispose()


_PATIENT: Final = _SESSION | {
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": str(PATIENT_S * 1000),
}


def open_engines(data: Path, database: URL | None = None, *, patient: bool = False) -> Engines:
    """Opens the database by its URL, without one that of the data folder; nothing is read yet.

    Raises UnusableDatabase where PostgreSQL's driver is not installed, and where the folder's rooms moved
    to PostgreSQL: a server without them would tell everybody that they are gone.
    """
    if database is not None:
        return _open_postgresql(database, patient=patient)
    if (data / MOVED).exists():
        raise UnusableDatabase(f"the rooms of {data} moved to PostgreSQL; give the setting database")
    return open_sqlite(data / DATABASE)


def open_sqlite(file: Path) -> Engines:
    """Opens a file; nothing is read yet."""
    url = f"sqlite+aiosqlite:///{file}"
    writer = create_async_engine(url, pool_size=1, max_overflow=0, hide_parameters=True)
    reader = create_async_engine(url, pool_size=READERS, max_overflow=0, hide_parameters=True)
    # IMMEDIATE: what a decision reads cannot change before it writes
    _prepare(writer, "BEGIN IMMEDIATE")
    _prepare(reader, "BEGIN")
    return Engines(writer, reader, file)


def _open_postgresql(url: URL, *, patient: bool) -> Engines:
    # the writer looks again after each lock that it waited for; a reader sees one moment, as on SQLite
    writer = _connecting(url, 1, "READ COMMITTED", patient=patient)
    return Engines(writer, _connecting(url, READERS, "REPEATABLE READ", patient=patient), None)


def open_listener(url: URL) -> AsyncEngine:
    """For hints, by a connection of their own."""
    return _connecting(url, 1, "AUTOCOMMIT")


def _connecting(url: URL, connections: int, isolation: str, *, patient: bool = False) -> AsyncEngine:
    settings, command_s = (_PATIENT, PATIENT_S) if patient else (_SESSION, COMMAND_S)
    try:
        engine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_pre_ping=True,  # a connection that a restart of the database ended is not given out
            hide_parameters=True,
            isolation_level=isolation,
            connect_args={"timeout": CONNECT_S, "command_timeout": command_s, "server_settings": settings},
        )
    except ModuleNotFoundError:
        raise UnusableDatabase(
            "PostgreSQL needs a driver that is not installed: pip install 'backchannel[server,postgres]'"
        ) from None
    # the comments are for the page "what the server sees"; tables look the same whichever way they came
    engine.sync_engine.dialect.supports_comments = False
    return engine


def _prepare(engine: AsyncEngine, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:  # Any: SQLAlchemy's adapted connection
        connection.isolation_level = None  # transactions begin where we say, not where sqlite3 guesses
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def began(connection: Connection) -> None:
        connection.exec_driver_sql(begin)


def _truncate_log(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
