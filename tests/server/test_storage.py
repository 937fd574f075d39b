"""The committer, retention, migrations, and what the database may not hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.events import EventKind
from backchannel_protocol.frames import Cursor
from backchannel_protocol.operations import SetPolicy
from backchannel_protocol.refusals import Code
from backchannel_server.actions.sweep import Swept
from backchannel_server.app import make_context
from backchannel_server.condition import Conditions
from backchannel_server.metrics import Metrics
from backchannel_server.record.key import DamagedKey, load_record_key
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import Committer, Performer
from backchannel_server.storage.migrate import HEAD, ForeignDatabase, NewerDatabase, create, migrate, upgrade
from backchannel_server.storage.tables import metadata
from server.blob_kit import File, Porter
from server.mail_kit import new_invitation, open_mailbox
from server.server_kit import Clock, Seat, admit, attached, get, hosting, new_room, sweep_folder
from server.stores import store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    return data


async def double(_: AsyncConnection, requests: Sequence[int]) -> Sequence[int | Refusal]:
    """A performer that refuses 3 and fails at 13."""
    if 13 in requests:
        raise RuntimeError
    return [Refusal(Code.TOO_MANY) if request == 3 else 2 * request for request in requests]


async def test_one_that_is_refused_or_fails_spoils_no_other(folder: Path) -> None:
    engines = store().open(folder)
    metrics = Metrics()
    committer = Committer(engines.writer, metrics, Conditions.make(metrics))
    doubling = Performer(double)
    asked = [asyncio.create_task(committer.perform(doubling, number)) for number in (1, 3, 13, 4)]
    await asyncio.sleep(0)
    task = asyncio.create_task(committer.run())
    answers = await asyncio.gather(*asked, return_exceptions=True)
    await committer.drain()
    task.cancel()
    await engines.dispose()
    shown = [answer.code if isinstance(answer, Refusal) else answer for answer in answers]
    assert shown == [2, Code.TOO_MANY, Code.INTERNAL, 8]


@pytest.mark.store("sqlite")
async def test_a_full_disk_refuses_everything_and_acknowledges_nothing(tmp_path: Path) -> None:
    clock = Clock()
    async with hosting(tmp_path / "data", clock) as host:
        author = await new_room(host)
        async with attached(host.url, author) as line:
            ack = await line.submit(author.write())
    folder = tmp_path / "data"
    engines = store().open(folder)
    key = load_record_key(folder)
    context = make_context(engines, key, clock)
    async with engines.writer.connect() as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    task = asyncio.create_task(context.committer.run())
    full = asyncio.create_task(context.committer.perform(Performer(grow), b"x" * 1_000_000))
    with pytest.raises(Refusal) as refused:
        await full
    assert refused.value.code is Code.STORAGE_FULL
    task.cancel()
    await engines.dispose()
    async with hosting(folder, clock) as host, attached(host.url, author, cursor=0) as line:
        assert [event.seq for event in line.log] == [ack.placed[0].seq]


async def grow(connection: AsyncConnection, requests: Sequence[bytes]) -> Sequence[Refusal | None]:
    """A performer that needs more disk than there is."""
    await connection.execute(text("CREATE TABLE grown (content BLOB)"))
    for request in requests:
        await connection.execute(text("INSERT INTO grown VALUES (:content)"), {"content": request})
    return [None for _ in requests]


async def test_retention_takes_chat_and_nothing_else(tmp_path: Path) -> None:
    clock = Clock()
    folder = tmp_path / "data"
    async with hosting(folder, clock) as host:
        author = await new_room(host)
        async with attached(host.url, author) as line:
            draft = author.write(b"to be forgotten")
            ack = await line.submit(draft)
            await line.submit(author.write(kind=EventKind.GOVERNANCE))
            await line.submit(author.operate(SetPolicy(None, 0, 100, False, 0)))
            before = await line.reach(3)
        clock.now += 100
    async with hosting(folder, clock, sweep_interval_s=3600) as host:
        await eventually_purged(host.url)
        async with attached(host.url, author) as line:
            after = await line.reach(3)
            assert [event.body is None for event in after] == [True, False, False]
            assert [event.hash_of_body() for event in after] == [event.hash_of_body() for event in before]
            assert await line.submit(draft) == ack  # repetition outlives the body
    assert draft.body not in store().kept(folder)


async def eventually_purged(url: str) -> None:
    """The sweep of the start has run."""
    async with asyncio.timeout(20):
        while "backchannel_purged_bodies_total 1.0" not in (await get(url, "/metrics"))[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_after_reading_waits_for_every_seat(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with hosting(folder) as host:
        author = await new_room(host)
        other = Seat(author.room)
        async with attached(host.url, author) as line:
            await admit(line, other)
            await line.submit(author.operate(SetPolicy(None, 0, 0, True, 0)))
            for _ in range(3):
                await line.submit(author.write())
            await line.send(Cursor(6))
        async with attached(host.url, other) as second:
            await second.reach(6)
            await second.send(Cursor(5))
    assert await sweep_folder(folder, Clock()) == Swept(bodies=2, rooms=0)


async def test_the_database_holds_none_of_what_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    planted = [f"planted-string-{number}".encode() for number in range(30)]
    async with hosting(folder) as host:
        author = await new_room(host)
        other = Seat(author.room)
        async with attached(host.url, author) as line:
            await admit(line, other)
            for words in planted:
                await line.submit(author.write(words), author.write(words, EventKind.GOVERNANCE))
            invitee = await open_mailbox(host, line)
            file = File(planted[0] * 1_000)
            await Porter.of(host, author).upload(file)
            sealed = invitee.invitation.seal(1, planted[0], bytes(12))
            await invitee.ask(host, 1, sealed)
        secrets_ = [
            host.running.token or "",
            invitee.invitation.secret.hex(),
            "127.0.0.1",
        ]
    content = b"".join(path.read_bytes() for path in store().files(folder) if path.name != "host-link")
    for words in [*planted, *[one.encode() for one in secrets_], invitee.invitation.secret, file.key]:
        assert words not in content
    assert new_invitation().secret not in content


@pytest.mark.parametrize("make", [create, upgrade])
async def test_a_new_database_and_a_migrated_one_have_exactly_the_tables(
    folder: Path, make: Callable[[Connection], None]
) -> None:
    engines = store().open(folder)
    async with engines.writer.begin() as connection:
        await connection.run_sync(make)
    await migrate(engines.writer)  # nothing to do
    async with engines.reader.connect() as connection:
        assert await connection.run_sync(difference) == []
        assert (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar_one() == HEAD
    await engines.dispose()


async def test_a_database_of_the_first_revision_keeps_what_it_holds(folder: Path) -> None:
    engines = store().open(folder)
    async with engines.writer.begin() as connection:
        await connection.run_sync(lambda sync: upgrade(sync, "0001"))
        for table, row in OLD_ROWS:
            values = {f"v{number}": value for number, value in enumerate(row)}
            names = ", ".join(f":{name}" for name in values)
            await connection.execute(text(f"INSERT INTO {table} VALUES ({names})"), values)
    await migrate(engines.writer)
    async with engines.reader.connect() as connection:
        assert await connection.run_sync(difference) == []
        closed = (await connection.execute(text("SELECT closed_time FROM rooms ORDER BY id"))).scalars().all()
        host = (await connection.execute(text("SELECT rooms_left, expires FROM tokens"))).one()
    assert list(closed) == [777, None]
    assert tuple(host) == (None, None)
    await engines.dispose()


OLD_ROWS: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("rooms", (b"1", 1, 0, b"1", 777, 0, 0, False, 0, 0, 1, 0, b"")),
    ("rooms", (b"2", 0, 0, b"2", 0, 0, 0, False, 0, 0, None, 0, b"")),
    ("seats", (b"1", b"5", b"6", True, 0, 0, None, 1, 0, 0)),
    ("events", (b"1", 1, 1, 777, b"5", 4, b"7", 0, b"\x91\x09", b"8", None)),
    ("tokens", (b"9",)),
)
"""Of a server of before: a room that its first event closed, an open one, and the host's token."""


def difference(connection: Connection) -> list[object]:
    """Between the database and `metadata`, as Alembic sees it."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def test_a_database_of_a_newer_program_is_left_alone(folder: Path) -> None:
    engines = store().open(folder)
    await migrate(engines.writer)
    async with engines.writer.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(NewerDatabase, match="update this program"):
        await migrate(engines.writer)
    await engines.dispose()


@pytest.mark.store("sqlite")
async def test_sqlite_keeps_what_it_acknowledges(folder: Path) -> None:
    engines = store().open(folder)
    async with engines.writer.connect() as connection:
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("secure_delete", 1),
        ):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value
    await engines.dispose()


async def test_another_server_s_rooms_are_left_alone(folder: Path, tmp_path: Path) -> None:
    """A database to which the record key of another folder came, and then its own again."""
    async with hosting(folder) as host:
        author = await new_room(host)
    key = folder / "record.key"
    own = key.rename(tmp_path / "kept")
    with pytest.raises(ForeignDatabase, match="bring that file"):
        async with hosting(folder):
            pass
    own.rename(key)
    async with hosting(folder) as host, attached(host.url, author) as line:
        await line.submit(author.write())


def test_a_damaged_record_key_is_not_replaced(folder: Path) -> None:
    key = load_record_key(folder)
    assert load_record_key(folder) == key
    (folder / "record.key").write_bytes(b"short")
    with pytest.raises(DamagedKey):
        load_record_key(folder)


def test_every_column_says_what_it_tells_the_server() -> None:
    for table in metadata.sorted_tables:
        assert table.comment, table.name
        for column in table.columns:
            assert column.comment, column
