"""PostgreSQL: several processes that write to one database, and what keeps a server from starting on it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Refused
from backchannel_protocol.http_bodies import CreateRoom, MakeToken
from backchannel_protocol.ids import RoomId
from backchannel_protocol.refusals import Code
from backchannel_server.actions.context import Context
from backchannel_server.actions.rooms import do_create_room
from backchannel_server.actions.submit import do_submit
from backchannel_server.actions.tokens import do_make_host_token, do_make_room_token
from backchannel_server.app import make_context, running
from backchannel_server.command import main
from backchannel_server.config import Settings
from backchannel_server.record.key import KEY_FILE, load_record_key
from backchannel_server.refusal import Refusal
from backchannel_server.storage.committer import Performer
from backchannel_server.storage.dialects import UnusableDatabase
from backchannel_server.storage.engine import open_engines
from backchannel_server.storage.migrate import HEAD, migrate
from backchannel_server.storage.tables import metadata, tokens
from postgres import LOCKED, Cluster
from server.process_kit import process
from server.server_kit import NOW_S, Clock, Host, Seat, attached, hosting, new_room, random_id
from server.stores import VARIABLE, store

pytestmark = pytest.mark.store("postgresql")

PROCESSES = 3
ROOMS = 4
EACH = 15
PASSWORD = "planted-password"


@asynccontextmanager
async def several(folder: Path, count: int = PROCESSES) -> AsyncIterator[list[Context]]:
    """Servers without their edges, each with connections and a committer of its own, on one database."""
    key = load_record_key(folder)
    async with AsyncExitStack() as stack:
        contexts = []
        for _ in range(count):
            engines = store().open(folder)
            stack.push_async_callback(engines.dispose)
            await migrate(engines.writer)
            context = make_context(engines, key, Clock())
            task = asyncio.create_task(context.committer.run())
            stack.callback(task.cancel)
            contexts.append(context)
        yield contexts


async def room_on(context: Context, token: str) -> Seat:
    seat = Seat(RoomId(random_id()))
    await do_create_room(context, token, CreateRoom(seat.room, seat.id, seat.key))
    seat.found()
    return seat


async def submit(context: Context, seat: Seat, *drafts: Draft) -> Ack | Refused:
    answer: asyncio.Future[Ack | Refused] = asyncio.get_running_loop().create_future()
    await do_submit(context, seat.room, seat.id, drafts, answer.set_result)
    return await answer


async def test_many_processes_give_each_event_one_number_and_leave_no_hole(tmp_path: Path) -> None:
    async with several(tmp_path) as contexts:
        token = await do_make_host_token(contexts[0].engines.writer)
        seats = [await room_on(contexts[0], token) for _ in range(ROOMS)]
        drafts = [(number, seat, seat.write()) for seat in seats for number in range(EACH)]
        submits = [submit(contexts[number % PROCESSES], seat, draft) for number, seat, draft in drafts]
        acks = await asyncio.gather(*submits)
    for seat in seats:
        placed = {
            ack.placed[0].id: ack.placed[0].seq
            for ack, (_, author, _) in zip(acks, drafts, strict=True)
            if isinstance(ack, Ack) and author is seat
        }
        assert sorted(placed.values()) == list(range(1, EACH + 1))
        rows = store().rows(
            tmp_path, "SELECT id, seq FROM events WHERE room = :room ORDER BY seq", room=seat.room
        )
        assert dict(rows) == placed
        assert store().rows(tmp_path, "SELECT head FROM rooms WHERE id = :id", id=seat.room) == [(EACH,)]


async def test_the_same_submit_at_two_processes_is_one_event(tmp_path: Path) -> None:
    async with several(tmp_path) as contexts:
        seat = await room_on(contexts[0], await do_make_host_token(contexts[0].engines.writer))
        draft = seat.write()
        acks = await asyncio.gather(*(submit(context, seat, draft) for context in contexts))
        assert all(ack == acks[0] for ack in acks)
        assert isinstance(acks[0], Ack)


async def test_of_two_commits_on_one_epoch_at_two_processes_one_wins(tmp_path: Path) -> None:
    async with several(tmp_path) as contexts:
        seat = await room_on(contexts[0], await do_make_host_token(contexts[0].engines.writer))
        drafts = []
        for _ in contexts:
            before = seat.group
            drafts.append(seat.commit()[0])
            seat.state = before
        answers = await asyncio.gather(*map(submit, contexts, [seat] * len(contexts), drafts))
    codes = sorted("" if isinstance(answer, Ack) else answer.code for answer in answers)
    assert codes == ["", *[Code.STALE_EPOCH.value] * (PROCESSES - 1)]
    assert store().rows(tmp_path, "SELECT epoch, head FROM rooms") == [(1, 1)]


async def test_a_token_for_one_room_makes_one_room_wherever_it_is_brought(tmp_path: Path) -> None:
    async with several(tmp_path) as contexts:
        host = await do_make_host_token(contexts[0].engines.writer)
        token = await do_make_room_token(contexts[0], host, MakeToken(1, NOW_S + 1000))
        made = await asyncio.gather(
            *(room_on(context, token) for context in contexts), return_exceptions=True
        )
    refused = [one.code for one in made if isinstance(one, Refusal)]
    assert refused == [Code.EXPIRED] * (PROCESSES - 1)


async def test_who_comes_second_looks_again(tmp_path: Path) -> None:
    """Two transactions that no lock keeps apart: the second fails on the first one's row, and begins anew."""
    waits, looked = asyncio.Event(), asyncio.Event()
    attempts: list[bool] = []

    async def first(connection: AsyncConnection, requests: Sequence[bytes]) -> Sequence[str | Refusal]:
        await connection.execute(insert(tokens), {"hash": requests[0]})
        waits.set()
        await looked.wait()
        return ["made"]

    async def second(connection: AsyncConnection, requests: Sequence[bytes]) -> Sequence[str | Refusal]:
        known = (await connection.execute(select(tokens.c.hash))).first() is not None
        attempts.append(known)
        if known:
            return ["found"]
        looked.set()
        await connection.execute(insert(tokens), {"hash": requests[0]})
        return ["made"]

    async with several(tmp_path, 2) as contexts:
        one = asyncio.create_task(contexts[0].committer.perform(Performer(first), b"h" * 32))
        await waits.wait()
        assert await contexts[1].committer.perform(Performer(second), b"h" * 32) == "found"
        assert await one == "made"
    assert attempts == [False, True]


async def test_processes_that_start_at_once_make_the_tables_once(tmp_path: Path) -> None:
    engines = [store().open(tmp_path) for _ in range(PROCESSES)]
    await asyncio.gather(*(migrate(one.writer) for one in engines))
    for one in engines:
        await one.dispose()
    assert store().rows(tmp_path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


async def test_a_commit_is_on_the_disk_whatever_the_database_s_default(tmp_path: Path) -> None:
    url = store().database(tmp_path)
    assert url is not None
    cluster_of(store().cluster).say(f"ALTER DATABASE {url.database} SET synchronous_commit = off")
    engines = store().open(tmp_path)
    async with engines.writer.connect() as connection:
        assert (await connection.execute(text("SHOW synchronous_commit"))).scalar_one() == "on"
    await engines.dispose()


async def test_the_server_goes_on_when_the_database_was_restarted(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        await line.submit(author.write())
        cluster_of(store().cluster).say(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'backchannel' AND pid <> pg_backend_pid()"
        )
        await line.submit(author.write())
        async with attached(host.url, Seat(author.room, author.id, author.private)) as second:
            assert [event.kind for event in second.log] == [EventKind.CHAT] * 2


def cluster_of(cluster: Cluster | None) -> Cluster:
    assert cluster is not None
    return cluster


async def refusal(tmp_path: Path, url: URL) -> str:
    """The line with which a server refuses to start."""
    with pytest.raises(UnusableDatabase) as refused:
        async with running(Settings(data=tmp_path / "other", database=url, port=0)):
            pass
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert PASSWORD not in sentence
    return sentence


async def test_what_keeps_it_from_starting_is_said_in_one_line(tmp_path: Path) -> None:
    url = store().database(tmp_path)
    assert url is not None
    cluster = cluster_of(store().cluster)
    nowhere = url.set(query={"host": str(tmp_path)})
    assert "cannot be reached" in await refusal(tmp_path, nowhere)
    assert "cannot be reached" in await refusal(tmp_path, url.set(query={}, host="127.0.0.1", port=1))
    assert "no database of this name" in await refusal(tmp_path, url.set(database="nothing"))
    assert "refuses the user or the password" in await refusal(
        tmp_path, url.set(username=LOCKED, password="x")
    )
    locked = url.set(username=LOCKED, password=PASSWORD)
    assert "may not make tables" in await refusal(tmp_path, locked)
    cluster.say(f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    assert "only reads" in await refusal(tmp_path, url)
    cluster.say(f"ALTER DATABASE {url.database} RESET default_transaction_read_only")
    cluster.say("CREATE TABLE rooms (title text)", database=url.database or "")
    assert "'rooms' of another program" in await refusal(tmp_path, url)


async def test_a_password_is_said_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = store().database(tmp_path / "data")
    assert url is not None
    cluster = cluster_of(store().cluster)
    cluster.say(f"ALTER DATABASE {url.database} OWNER TO {LOCKED}")
    monkeypatch.setattr(cluster, "url", lambda name: url.set(username=LOCKED, password=PASSWORD))
    async with process(tmp_path / "data", "--log-level", "debug") as server:
        assert server.said["database"].startswith(f"postgresql+asyncpg://{LOCKED}:***@")
        assert PASSWORD not in str(server.said)
        assert await server.terminate() == 0
    assert PASSWORD not in (tmp_path / "log").read_text()


async def test_backup_and_restore_name_postgresql_s_own_tools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = store().database(tmp_path / "data")
    assert url is not None
    monkeypatch.setenv(VARIABLE, url.render_as_string(hide_password=False))
    monkeypatch.setattr("os.umask", lambda _: 0)
    for verb in ("backup", "restore"):
        assert main([verb, str(tmp_path / "copy"), "--data", str(tmp_path / "data")]) == 2
        assert "pg_dump" in capsys.readouterr().err


async def test_a_dump_brings_the_rooms_back(tmp_path: Path) -> None:
    """As OPERATIONS.md says: pg_dump, pg_restore, and the record key's file."""
    before, after = tmp_path / "data", tmp_path / "again"
    async with hosting(before) as host:
        author = await new_room(host)
        async with attached(host.url, author) as line:
            await line.submit(author.write())
            log = await line.reach(1)
            cluster_of(store().cluster).dump(database_at(before), tmp_path / "dump")
    cluster_of(store().cluster).restore(tmp_path / "dump", database_at(after))
    after.mkdir()
    shutil.copyfile(before / KEY_FILE, after / KEY_FILE)
    async with hosting(after) as host, attached(host.url, author) as line:
        assert line.log == log
        await line.submit(author.write())


def database_at(folder: Path) -> str:
    url = store().database(folder)
    assert url is not None
    return url.database or ""


def test_tables_of_ours_are_all_that_there_is(tmp_path: Path) -> None:
    """What `kept` reads is all of it."""
    asyncio.run(made(tmp_path))
    found = store().rows(tmp_path, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert {name for (name,) in found} == {*metadata.tables, "alembic_version"}


async def made(folder: Path) -> None:
    engines = open_engines(folder, store().database(folder))
    await migrate(engines.writer)
    await engines.dispose()
