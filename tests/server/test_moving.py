"""Rooms move from an SQLite folder to PostgreSQL: whole, or not yet."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import BlobId, RoomId, SeatId
from backchannel_protocol.limits import MAX_PART_BYTES
from backchannel_server.app import DataFolderInUse
from backchannel_server.storage.blobs import insert_blob, insert_part
from backchannel_server.storage.dialects import UnusableDatabase
from backchannel_server.storage.engine import DATABASE, MOVED, open_engines
from backchannel_server.storage.migrate import HALF_DONE
from backchannel_server.storage.rows import Blob, Room
from backchannel_server.storage.rows import Seat as SeatRow
from backchannel_server.storage.writes import insert_events, insert_rooms, insert_seats
from postgres import OWNER
from server.server_kit import Seat, admit, attached, hosting, new_room, random_id
from server.stores import Store, keeping_in, store

pytestmark = pytest.mark.store("postgresql")

EVENTS = 5_000
PARTS = 25
TABLES = ("rooms", "seats", "events", "invitations", "mail", "tokens", "blobs", "blob_parts")
WITHIN_S = 120


async def move(data: Path, *, killed_after: int | None = None) -> tuple[int | None, list[str]]:
    """The command: its code and what it said; killed once it has said so often how far it is."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backchannel_server", "migrate-store", "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **store().environment(data)},
    )
    assert started.stdout is not None
    said: list[str] = []
    async with asyncio.timeout(WITHIN_S):
        while line := await started.stdout.readline():
            said.append(line.decode().rstrip())
            if sum(" of " in one for one in said) == killed_after:
                started.kill()
                break
        await started.communicate()
    assert not any("Traceback" in line for line in said), said
    return started.returncode, said


def rows_of(data: Path, where: Store) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(where.rows(data, f"SELECT * FROM {table}"), key=repr) for table in TABLES}


async def fill(data: Path) -> None:
    """A room with many events, as a server of before left it."""
    async with hosting(data, database=None):
        pass
    engines = open_engines(data)
    room, seat = RoomId(random_id()), SeatId(random_id())
    events = [
        LogEvent(seq, seq, seat, EventKind.CHAT, random_id(), 0, random_id() * 20)
        for seq in range(1, EVENTS + 1)
    ]
    async with engines.writer.begin() as connection:
        await insert_rooms(connection, [Room(room, EVENTS, 0, RoomId(room), EVENTS)])  # type: ignore[arg-type] # an opening is an event's id or the room's
        await insert_seats(connection, [SeatRow(room, seat, bytes(32), may_facilitate=True, floor=1)])
        blob = BlobId(random_id())
        await insert_blob(connection, Blob(room, blob, seat, PARTS * MAX_PART_BYTES, EVENTS, EVENTS))
        for number in range(PARTS):
            await insert_part(connection, room, blob, number, random.randbytes(MAX_PART_BYTES))
        await insert_events(connection, [(room, event.seq, event) for event in events])
    await engines.dispose()


async def test_a_server_goes_on_in_postgresql_where_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with hosting(data, database=None) as host:
        token, author = host.running.token, await new_room(host)
        other = Seat(author.room)
        async with attached(host.url, author) as line:
            await admit(line, other)
            await line.submit(author.write(), author.write(kind=EventKind.GOVERNANCE))
            log = await line.reach(4)
        code, said = await move(data)
        assert (code, "another server runs" in said[-1]) == (2, True)
    with keeping_in(None) as sqlite:
        before = rows_of(data, sqlite)
    assert (await move(data))[0] == 0
    assert rows_of(data, store()) == before
    assert (data / MOVED).is_file()
    assert not (data / DATABASE).exists()
    async with hosting(data) as host:
        assert host.running.token is None  # the host's link is what it was
        async with attached(host.url, other, 0) as second:
            assert second.log == log[1:] or second.log == log[-len(second.log) :]
        async with attached(host.url, author) as line:
            assert line.log == log
            await line.submit(author.write())
    assert token
    with pytest.raises(UnusableDatabase, match="moved to PostgreSQL"):
        async with hosting(data, database=None):
            pass
    code, said = await move(data)
    assert (code, "has rooms or tokens already" in said[-1]) == (2, True)


async def test_killed_anywhere_it_goes_on_and_ends_whole(tmp_path: Path, seed: int) -> None:
    moments, data = random.Random(seed), tmp_path / "data"
    await fill(data)
    with keeping_in(None) as sqlite:
        before = rows_of(data, sqlite)
    for _ in range(3):
        await move(data, killed_after=moments.randint(1, 2))
        with pytest.raises(UnusableDatabase, match="not whole"):
            async with hosting(data):
                pass
    code, said = await move(data)
    assert code == 0, said
    assert rows_of(data, store()) == before
    url = store().database(data)
    assert url is not None
    cluster = store().cluster
    assert cluster is not None
    # as a kill leaves it that came between the file's new name and the end of the mark
    cluster.say(
        f"CREATE TABLE {HALF_DONE} ()",
        f"ALTER TABLE {HALF_DONE} OWNER TO {OWNER}",
        database=url.database or "",
    )
    code, said = await move(data)
    assert code == 0, said
    async with hosting(data):
        pass


async def test_rooms_that_went_on_meanwhile_are_copied_as_they_are_now(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await fill(data)
    await move(data, killed_after=5)  # rooms, tokens, seats, blobs, some events
    async with hosting(data, database=None) as host:
        pass
    engines = open_engines(data)
    async with engines.writer.begin() as connection:
        await connection.exec_driver_sql("UPDATE events SET body = NULL WHERE seq < 100")
    await engines.dispose()
    with keeping_in(None) as sqlite:
        before = rows_of(data, sqlite)
    code, said = await move(data)
    assert code == 0, said
    assert any("made anew" in line for line in said)
    assert rows_of(data, store()) == before
    assert host.running.settings.database is None


async def test_a_target_that_is_another_s_is_left_alone(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    async with hosting(data, database=None), hosting(other) as host:
        await new_room(host)
    store().names[data] = store().names[other]
    code, said = await move(data)
    assert (code, "another record.key" in said[-1]) == (2, True)
    with pytest.raises(DataFolderInUse):  # one says that it is alone, and is not
        async with hosting(other), hosting(other, hints="memory"):
            pass
    store().names.pop(data)


async def test_what_cannot_be_moved_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for data, sentence in ((empty, "there are no rooms in"), (tmp_path / "nothing", "there is no folder")):
        code, said = await move(data)
        assert (code, sentence in said[-1]) == (2, True), said
    monkeypatch.setattr(Store, "environment", lambda *_: {})
    code, said = await move(empty)
    assert (code, "needs the setting database" in said[-1]) == (2, True)
