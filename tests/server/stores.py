"""Where the servers of a test keep their rooms: in SQLite, or each in a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, text

from backchannel_server.storage.engine import DATABASE, Engines, open_engines
from backchannel_server.storage.tables import metadata
from postgres import Cluster

VARIABLE: Final = "BACKCHANNEL_DATABASE"


@dataclass
class Store:
    """Of one test. Without a cluster it is SQLite."""

    cluster: Cluster | None = None
    names: dict[Path, str] = field(default_factory=dict)

    def database(self, data: Path) -> URL | None:
        """The setting `database` of the server with this data folder."""
        if self.cluster is None:
            return None
        if data not in self.names:
            self.names[data] = self.cluster.take()
        return self.cluster.url(self.names[data])

    def environment(self, data: Path) -> dict[str, str]:
        """The same, for a server in a process of its own."""
        url = self.database(data)
        return {} if url is None else {VARIABLE: url.render_as_string(hide_password=False)}

    def open(self, data: Path) -> Engines:
        return open_engines(data, self.database(data))

    def rows(self, data: Path, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What a statement finds, whether or not a loop runs here."""

        async def ask() -> list[tuple[Any, ...]]:
            engines = self.open(data)
            try:
                async with engines.reader.connect() as connection:
                    return [tuple(row) for row in await connection.execute(text(statement), parameters)]
            finally:
                await engines.dispose()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, ask()).result()

    def kept(self, data: Path) -> bytes:
        """What is kept: SQLite's own files; PostgreSQL's rows, for it overwrites old ones later."""
        if self.cluster is None:
            return b"".join(path.read_bytes() for path in sorted(data.glob(DATABASE + "*")))
        return b"".join(
            value if isinstance(value, bytes) else repr(value).encode()
            for table in metadata.tables
            for row in self.rows(data, f"SELECT * FROM {table}")
            for value in row
        )

    def files(self, data: Path) -> Iterator[Path]:
        """All files of a server and of its database, PostgreSQL's write-ahead log among them."""
        yield from (path for path in data.iterdir() if path.is_file())
        if self.cluster is not None:
            self.cluster.say("CHECKPOINT")
            yield from (path for path in self.cluster.data.rglob("*") if path.is_file())


_current: Sequence[Store] = (Store(),)


def store() -> Store:
    """That of the test that runs; SQLite where it has not said otherwise."""
    return _current[-1]


@contextmanager
def keeping_in(cluster: Cluster | None) -> Iterator[Store]:
    """For the servers that are started in the block."""
    global _current  # noqa: PLW0603 - helpers all over the tests start servers
    one = Store(cluster)
    before, _current = _current, (*_current, one)
    try:
        yield one
    finally:
        _current = before
        for name in one.names.values():
            assert cluster is not None
            cluster.give_back(name)
