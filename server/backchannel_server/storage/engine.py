"""SQLite as this server uses it: one engine for the committer, one for everybody who reads."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

DATABASE: Final = "backchannel.sqlite3"
BUSY_TIMEOUT_MS: Final = 5_000
READERS: Final = 4
"""How many connections read at the same time; each is a thread."""

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # a commit is on the disk, not in its cache, when it returns: what is acknowledged stays
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # what retention purged is overwritten, not merely unlinked
    "PRAGMA secure_delete = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
)


@dataclass(frozen=True, slots=True)
class Engines:
    """`writer` is the committer's alone; `reader` sees what is committed."""

    writer: AsyncEngine
    reader: AsyncEngine

    async def dispose(self) -> None:
        """Closes all connections."""
        await self.reader.dispose()
        await self.writer.dispose()


def database_url(data: Path) -> str:
    """The URL of the database in a data folder."""
    return f"sqlite+aiosqlite:///{data / DATABASE}"


def open_engines(data: Path) -> Engines:
    """Opens the database of a data folder; nothing is read yet."""
    url = database_url(data)
    writer = create_async_engine(url, pool_size=1, max_overflow=0)
    reader = create_async_engine(url, pool_size=READERS, max_overflow=0)
    # IMMEDIATE: what a decision reads cannot change before it writes
    _prepare(writer, "BEGIN IMMEDIATE")
    _prepare(reader, "BEGIN")
    return Engines(writer, reader)


def is_full(error: DBAPIError) -> bool:
    """Whether it was the disk that was full."""
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


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
