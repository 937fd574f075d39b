"""Alembic's environment.

`migrate` hands over the connection of its own async engine (`run_sync`), so that migration and
version check are one transaction; on a terminal, for a new revision, it opens `sqlalchemy.url`.
"""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import async_engine_from_config

from backchannel_server.storage.tables import metadata


def run_migrations(connection: Connection) -> None:
    """Runs what is missing. `render_as_batch`: SQLite alters a table by copying it."""
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


async def run_async_migrations() -> None:
    """Opens the database that Alembic's own configuration names."""
    engine = async_engine_from_config(
        context.config.get_section(context.config.config_ini_section, {}), poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(run_migrations)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(run_async_migrations())
else:
    run_migrations(given)
