"""A server for each test that asks for one; whatever keeps rooms is tried on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import postgres
from server.server_kit import Host, hosting
from server.stores import Store, keeping_in

SQLITE, POSTGRESQL = "sqlite", "postgresql"
ONLY_SQLITE = frozenset({"test_addresses", "test_backup", "test_config", "test_documents", "test_door"})
"""Modules that try what comes before any database, or what there is on SQLite alone."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Who has a folder has a server in it."""
    name = metafunc.module.__name__.rpartition(".")[2]
    if "tmp_path" in metafunc.fixturenames and name not in ONLY_SQLITE:
        alone = {mark.args[0] for mark in metafunc.definition.iter_markers("store")}
        kinds = [kind for kind in (SQLITE, POSTGRESQL) if not alone or kind in alone]
        metafunc.parametrize("kept_in", kinds, indirect=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgres.Cluster]:
    with postgres.running() as one:
        yield one


@pytest.fixture(autouse=True)
def kept_in(request: pytest.FixtureRequest) -> Iterator[Store]:
    """What the test's servers keep their rooms in."""
    kind = getattr(request, "param", SQLITE)
    with keeping_in(request.getfixturevalue("cluster") if kind == POSTGRESQL else None) as store:
        yield store


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with hosting(tmp_path / "data") as server:
        yield server
