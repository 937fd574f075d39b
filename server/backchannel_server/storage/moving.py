"""Rooms move from an SQLite folder to PostgreSQL: `migrate-store`.

The order of events, so that a kill at any point leaves rooms that one server may serve, and no more:

1. the target gets its tables and, while it is empty, a mark with which no server starts on it;
2. rows are copied in the order of their keys, a batch in a transaction: what is there is not copied again;
3. both sides are read row by row and compared, by count and digest. Where a copy that was begun before
   differs, its source went on meanwhile: it is deleted and made anew;
4. the SQLite file gets another name, with which no server starts on it;
5. the mark goes.

After a kill between any two, the same command finishes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import URL, Connection, Table, delete, func, insert, inspect, literal, select, text, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backchannel_server.storage.dialects import UnusableDatabase, explain, lock_schema
from backchannel_server.storage.engine import DATABASE, MOVED, Engines, open_engines, open_sqlite
from backchannel_server.storage.migrate import HALF_DONE, migrate
from backchannel_server.storage.tables import blob_parts, metadata, server

BATCH: Final = 500
"""How many rows are copied in one transaction."""

LARGE_BATCH: Final = 20
"""The same, of rows that may have 256 KiB each."""

Row: TypeAlias = Mapping[str, Any]
_TABLES: Final = tuple(table for table in metadata.sorted_tables if table is not server)
"""What refers to other rows after them; whose rooms they are, both sides know already."""


async def move(data: Path, database: URL, record_key: bytes, say: Callable[[str], None]) -> None:
    """Moves the rooms of a data folder that no server runs on. `say` is told how far it is.

    Raises UnusableDatabase: no rooms here, a target that has others, or cannot be reached.
    """
    file = next((data / name for name in (DATABASE, MOVED) if (data / name).is_file()), None)
    if file is None:
        raise UnusableDatabase(f"there are no rooms in {data}")
    try:
        async with _opened(open_engines(data, database, patient=True)) as target:
            async with _opened(open_sqlite(file)) as source:
                await migrate(source.writer, record_key)
                await migrate(target.writer, record_key, copying=True)
                resumed = await _mark(target.writer)
                while not await _copied(source.reader, target, say):
                    if not resumed:
                        raise UnusableDatabase("the copy is not what was copied; nothing was changed here")
                    say("the rooms changed since the copy was begun: it is made anew")
                    await _clear(target.writer)
                    resumed = False
                await source.shorten_log()
            _put_away(file, data)
            async with target.writer.begin() as connection:
                await connection.execute(text(f"DROP TABLE {HALF_DONE}"))
    except UnusableDatabase:
        raise
    except Exception as error:
        sentence = explain(error, database)
        if sentence is None:
            raise
        raise UnusableDatabase(f"{sentence}; type the same again to go on") from None


@asynccontextmanager
async def _opened(engines: Engines) -> AsyncIterator[Engines]:
    try:
        yield engines
    finally:
        await engines.dispose()


async def _mark(engine: AsyncEngine) -> bool:
    """Whether the target has a half-done copy already; an empty one is marked as one."""
    async with engine.begin() as connection:
        await connection.run_sync(lock_schema)
        if await connection.run_sync(_is_marked):
            return True
        for table in _TABLES:
            if (await connection.execute(select(table).limit(1))).first() is not None:
                raise UnusableDatabase("the database has rooms or tokens already; give an empty one")
        await connection.execute(text(f"CREATE TABLE {HALF_DONE} (nothing BOOLEAN)"))
    return False


def _is_marked(connection: Connection) -> bool:
    return inspect(connection).has_table(HALF_DONE)


async def _copied(source: AsyncEngine, target: Engines, say: Callable[[str], None]) -> bool:
    """Copies what is missing. Whether both sides are now the same, row by row."""
    try:
        await _copy_all(source, target, say)
    except IntegrityError:  # a new row refers to one that the older part of the copy does not have
        return False
    return await _is_same(source, target.reader, say)


async def _copy_all(source: AsyncEngine, target: Engines, say: Callable[[str], None]) -> None:
    async with source.connect() as connection:
        for table in _TABLES:
            total = await _count(connection, table)
            async with target.reader.connect() as other:
                done, last = await _count(other, table), await _last(other, table)
            while rows := await _next(connection, table, last):
                async with target.writer.begin() as writing:
                    await writing.execute(insert(table), rows)
                done, last = done + len(rows), _key(table, rows[-1])
                say(f"{table.name}: {done} of {total}")


async def _is_same(source: AsyncEngine, target: AsyncEngine, say: Callable[[str], None]) -> bool:
    async with source.connect() as ours, target.connect() as theirs:
        for table in _TABLES:
            mine, other = await _digest(ours, table), await _digest(theirs, table)
            if mine != other:
                return False
            say(f"{table.name}: verified {mine[0]} rows, {mine[1][:16]}")
    return True


async def _digest(connection: AsyncConnection, table: Table) -> tuple[int, str]:
    """How many rows, and SHA-256 over all their values in the order of their keys."""
    count, digest, last = 0, hashlib.sha256(), None
    while rows := await _next(connection, table, last):
        for row in rows:
            digest.update(repr([row[column.name] for column in table.columns]).encode())
        count, last = count + len(rows), _key(table, rows[-1])
    return count, digest.hexdigest()


async def _clear(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for table in reversed(_TABLES):
            await connection.execute(delete(table))


async def _count(connection: AsyncConnection, table: Table) -> int:
    return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def _last(connection: AsyncConnection, table: Table) -> tuple[Any, ...] | None:
    keys = table.primary_key.columns
    found = await connection.execute(select(*keys).order_by(*(key.desc() for key in keys)).limit(1))
    row = found.first()
    return None if row is None else tuple(row)


async def _next(connection: AsyncConnection, table: Table, last: tuple[Any, ...] | None) -> Sequence[Row]:
    """The rows after a key, in the order of keys: both databases compare bytes as bytes."""
    keys = list(table.primary_key.columns)
    statement = select(table).order_by(*keys).limit(LARGE_BATCH if table is blob_parts else BATCH)
    if last is not None:
        after = [literal(value, key.type) for key, value in zip(keys, last, strict=True)]
        statement = statement.where(tuple_(*keys) > tuple_(*after))
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[key.name] for key in table.primary_key.columns)


def _put_away(file: Path, data: Path) -> None:
    """All of it is in the file since its log was shortened; what SQLite keeps beside it is of no more use."""
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    file.rename(data / MOVED)
    descriptor = os.open(data, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
