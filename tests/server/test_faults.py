"""What a server needs goes and comes back: it says so, acknowledges nothing, and goes on by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text

from backchannel_protocol.frames import Ack, Refused
from backchannel_protocol.operations import SetPolicy
from backchannel_protocol.refusals import Code
from backchannel_server import http, retention
from backchannel_server.fanout import feeds, hints
from backchannel_server.storage import engine
from crash.proxy import Proxy, proxied
from postgres import Cluster
from server.server_kit import NOW_S, Clock, Host, Line, Seat, admit, attached, get, hosting, new_room
from server.stores import store

PATIENCE_S = 40
LOST = "the database does not answer: nothing is acknowledged until it does"
FOUND = "the database answers again"


async def until(host: Host, status: int, said: str) -> None:
    """What /readyz says begins so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found, text = await get(host.url, "/readyz")
            if found == status and said in text:
                return
            await asyncio.sleep(0.05)


async def taken(line: Line) -> Ack:
    """As a client does: the same bytes again, until they are taken."""
    draft = line.seat.write()
    async with asyncio.timeout(PATIENCE_S):
        while isinstance(answer := await line.ask(draft), Refused):
            assert answer.code in (Code.INTERNAL.value, Code.STORAGE_FULL.value)
            await asyncio.sleep(0.05)
    return answer


@dataclass
class Wired:
    """A server with its database at the end of a wire."""

    host: Host
    wire: Proxy


@pytest.fixture
async def wired(tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wired]:
    monkeypatch.setattr(engine, "COMMAND_S", 1)
    monkeypatch.setattr(engine, "CONNECT_S", 1)
    monkeypatch.setattr(http, "READY_S", 0.5)
    monkeypatch.setattr(hints, "SILENT_S", 0.5)
    monkeypatch.setattr(hints, "BEAT_S", 0.1)
    monkeypatch.setattr(feeds, "LOOK_ALONE_S", 0.1)
    url = store().database(tmp_path / "data")
    assert url is not None
    async with proxied(lambda: asyncio.open_unix_connection(cluster.socket), taps=False) as wire:
        away = url.set(host="127.0.0.1", port=wire.port, query={"ssl": "disable"})
        async with hosting(tmp_path / "data", database=away) as host:
            yield Wired(host, wire)


@asynccontextmanager
async def two(host: Host) -> AsyncIterator[tuple[Line, Line]]:
    author = await new_room(host)
    other = Seat(author.room)
    async with attached(host.url, author) as line:
        ack = await admit(line, other)
        async with attached(host.url, other, ack.placed[-1].seq) as far:
            for _ in range(3):  # whatever is read when somebody attaches has been read
                said = await far.submit(other.write())
                await asyncio.gather(*(one.reach(said.placed[0].seq) for one in (line, far)))
            yield line, far


def said(caplog: pytest.LogCaptureFixture, sentence: str) -> int:
    return sum(record.getMessage() == sentence for record in caplog.records)


@pytest.mark.store("postgresql")
async def test_parted_from_its_database_it_refuses_and_goes_on_by_itself(
    wired: Wired, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing passes, for longer than anything may take; those who are attached stay."""
    caplog.set_level(logging.INFO)
    async with two(wired.host) as (line, far):
        wired.wire.gate.clear()
        refused = await line.refuse(line.seat.write())
        assert refused.code == Code.INTERNAL.value
        await until(wired.host, 503, f"not ready\ndatabase: {LOST}\n")
        assert (await get(wired.host.url, "/healthz"))[0] == 200
        assert 'backchannel_well{what="database"} 0.0' in (await get(wired.host.url, "/metrics"))[1]
        wired.wire.gate.set()
        ack = await taken(line)
        await far.reach(ack.placed[0].seq)
        await until(wired.host, 200, "ok\n")
    assert (said(caplog, LOST), said(caplog, FOUND)) == (1, 1)


@pytest.mark.store("postgresql")
async def test_a_database_that_restarts_costs_a_wait_and_nothing_else(wired: Wired, cluster: Cluster) -> None:
    async with two(wired.host) as (line, far):
        cluster.crash(1.0)
        await until(wired.host, 503, "not ready")
        ack = await taken(line)
        await far.reach(ack.placed[0].seq)
        await until(wired.host, 200, "ok\n")


@pytest.mark.store("postgresql")
async def test_whatever_was_on_its_way_when_connections_end_is_written_once(wired: Wired) -> None:
    """Connections are cut between COMMIT and answer, among others: line.frame sees doubles and gaps."""
    async with two(wired.host) as (line, far):
        start = far.next
        for _ in range(30):
            cutting = asyncio.get_running_loop().call_later(0.002, wired.wire.cut)
            await taken(line)
            cutting.cancel()
        log = [event for event in await far.reach(start + 29) if event.seq >= start]
        assert len({event.id for event in log}) == 30
        ack = await taken(line)
        assert ack.placed[0].seq == start + 30


async def test_a_full_disk_is_told_and_when_there_is_space_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite that may not grow any more answers as where the disk is full. PostgreSQL: its word for it."""
    caplog.set_level(logging.INFO)
    with Disk(tmp_path / "data") as disk:
        await full_and_empty(tmp_path / "data", disk)
    assert said(caplog, "the database's disk is full: nothing is acknowledged until there is space") == 1
    assert said(caplog, "the database has space again") == 1


async def full_and_empty(data: Path, disk: Disk) -> None:
    async with hosting(data) as host, two(host) as (line, far):
        await disk.fill()
        refused = await until_refused(line)
        assert refused.code == Code.STORAGE_FULL.value
        status, text = await get(host.url, "/readyz")
        assert (status, text.splitlines()[0]) == (503, "not ready")
        assert "disk: the database's disk is full" in text
        await disk.empty()
        ack = await taken(line)
        await far.reach(ack.placed[0].seq)
        assert (await get(host.url, "/readyz")) == (200, "ok\n")


async def until_refused(line: Line) -> Refused:
    async with asyncio.timeout(PATIENCE_S):
        while isinstance(answer := await line.ask(line.seat.write()), Ack):
            pass
    return answer


FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$
"""
FILL = (FULL, "CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()")
EMPTY = ("DROP TRIGGER full_disk ON events", "DROP FUNCTION full_disk")


class Disk:
    """SQLite's file may not grow any more, or PostgreSQL says that its own may not."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._pages: int | None = None

    def __enter__(self) -> Disk:
        event.listen(Engine, "begin", self._bound)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "begin", self._bound)

    def _bound(self, connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA max_page_count = {self._pages or 1 << 30}")

    async def fill(self) -> None:
        if store().cluster is None:
            ((self._pages,),) = store().rows(self._data, "PRAGMA page_count")
        else:
            await self._say(FILL)

    async def empty(self) -> None:
        self._pages = None
        if store().cluster is not None:
            await self._say(EMPTY)

    async def _say(self, statements: tuple[str, ...]) -> None:
        engines = store().open(self._data)
        async with engines.writer.begin() as connection:
            for one in statements:
                await connection.execute(text(one))
        await engines.dispose()


# ---- the system's time
def test_a_clock_that_jumps_is_not_trusted_for_an_hour() -> None:
    wall, steady = Clock(), Clock(0)
    watch = retention.ClockWatch(wall, steady)
    assert watch.is_trusted()

    def later(seconds: int, *, jump: int = 0) -> bool:
        steady.now += seconds
        wall.now += seconds + jump
        return watch.is_trusted()

    assert later(60)
    assert later(60, jump=30)  # adjusted a little
    assert not later(60, jump=30 * 24 * 3600)
    assert not later(3500)
    assert later(101)
    assert not later(60, jump=-30 * 24 * 3600)
    assert not later(3000)
    assert not later(60, jump=-61)
    assert later(3600)


async def test_a_clock_set_forward_by_a_month_purges_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And no time goes back in a room when it is set right again."""
    wall, steady = Clock(), Clock(0)
    async with hosting(tmp_path / "data", wall, steady=steady, sweep_interval_s=1) as host:
        author = await new_room(host)
        async with attached(host.url, author) as line:
            await line.submit(author.operate(SetPolicy(None, 0, 3600, False, 0)), author.write())
            wall.now += 30 * 24 * 3600
            await until(host, 200, "ok\nclock: ")
            ahead = await line.submit(author.write())
            wall.now = NOW_S
            behind = await line.submit(author.write())
            assert behind.placed[0].time == ahead.placed[0].time
            log = await line.reach(behind.placed[0].seq)
            assert all(event.body is not None for event in log)
            async with asyncio.timeout(PATIENCE_S):
                while (await get(host.url, "/readyz"))[1] != "ok\n":
                    steady.now += 4000
                    wall.now += 4000
                    await asyncio.sleep(1)
    assert not said(caplog, "retention took bodies")
