"""Brings a database to this program's tables, at start.

Importing Alembic takes about a second, so it is imported only where there is something to migrate: a
new database gets its tables as they are now, which the tests compare with what the migrations make.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from backchannel_server.storage.dialects import UnusableDatabase, explain, lock_schema, verify_server
from backchannel_server.storage.tables import metadata, server

HEAD: Final = "0004"
"""The newest revision in migrations/versions."""

KNOWN: Final = (None, "0001", "0002", "0003", HEAD)
HALF_DONE: Final = "half_done_copy"
"""A table without rows: with it, the database is a copy that `moving` has not finished."""

_SCRIPTS: Final = Path(__file__).parent / "migrations"


class NewerDatabase(UnusableDatabase):
    """A newer program wrote this database."""


class ForeignDatabase(UnusableDatabase):
    """Another server's rooms are in it."""


async def migrate(engine: AsyncEngine, record_key: bytes | None = None, *, copying: bool = False) -> None:
    """To this program's tables; `record_key`, a public key, is that of the server whose rooms they are.
    `copying`: a half-done copy will do.

    Raises ForeignDatabase where they are another's, NewerDatabase where the database is of a revision that
    this program does not know, and UnusableDatabase where it cannot be reached, read or changed.
    """
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
            if not copying:
                await connection.run_sync(_verify_whole)
            if record_key is not None:
                await connection.run_sync(_claim, record_key)
    except UnusableDatabase:
        raise
    except Exception as error:
        sentence = explain(error, engine.url)
        if sentence is None:
            raise
        raise UnusableDatabase(sentence) from None


def _migrate(connection: Connection) -> None:
    """One transaction; of several processes, one at a time."""
    verify_server(connection)
    lock_schema(connection)
    found = _revision(connection)
    if found not in KNOWN:
        raise NewerDatabase(f"the database is of a newer version ({found}); update this program")
    if found is None:
        create(connection)
    elif found != HEAD:
        upgrade(connection)


def _verify_whole(connection: Connection) -> None:
    if inspect(connection).has_table(HALF_DONE):
        raise UnusableDatabase("the database has a copy that is not whole; type migrate-store once more")


def _claim(connection: Connection, record_key: bytes) -> None:
    """Invitations and members hold the key's fingerprint: with another one they would lose the rooms."""
    found = connection.execute(select(server.c.record_key)).scalars().all()
    if not found:
        connection.execute(insert(server), {"record_key": record_key})
    elif found != [record_key]:
        raise ForeignDatabase(
            "the database has the rooms of a server with another record.key; bring that file into the "
            "data folder"
        )


def _revision(connection: Connection) -> str | None:
    """None where there are no tables yet. Raises UnusableDatabase where they are another program's."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if strange := sorted(tables & metadata.tables.keys()):
            raise UnusableDatabase(
                f"the database has a table {strange[0]!r} of another program; give an empty one"
            )
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return None if found is None else str(found)


def create(connection: Connection) -> None:
    """All tables, in a database that has none; Alembic's own says that nothing is missing."""
    metadata.create_all(connection)
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """What is missing between the database and a revision."""
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
