"""Brings a database to this program's tables, at start.

Importing Alembic takes about a second, so it is imported only where there is something to migrate: a
new database gets its tables as they are now, which the tests compare with what the migrations make.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from backchannel_server.storage.tables import metadata

HEAD: Final = "0002"
"""The newest revision in migrations/versions."""

KNOWN: Final = (None, "0001", HEAD)
_SCRIPTS: Final = Path(__file__).parent / "migrations"


class UnusableDatabase(Exception):
    """One line for the person who starts the server."""


class NewerDatabase(UnusableDatabase):
    """A newer program wrote this database."""


async def migrate(engine: AsyncEngine) -> None:
    """Raises NewerDatabase where the database is of a revision that this program does not know, and
    UnusableDatabase where it cannot be read or changed."""
    try:
        await _migrate(engine)
    except DBAPIError as error:
        raise UnusableDatabase(
            f"the database cannot be used ({error.orig}); bring it back from a backup"
        ) from None


async def _migrate(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        found = await connection.run_sync(_revision)
        if found not in KNOWN:
            raise NewerDatabase(f"the database is of a newer version ({found}); update this program")
        if found is None:
            await connection.run_sync(create)
        elif found != HEAD:
            await connection.run_sync(upgrade)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
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
