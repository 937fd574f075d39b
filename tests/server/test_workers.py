"""`serve --workers N`: several processes behind one address."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backchannel_protocol.ids import RoomId
from server.process_kit import Process, process
from server.server_kit import Line, Seat, admit, attached, create_room, get, random_id

WORKERS = 2
PATIENCE_S = 30


@asynccontextmanager
async def working(data: Path, *words: str) -> AsyncIterator[Process]:
    """Ended in order, so that no worker is left that uses the database."""
    async with process(data, "--workers", str(WORKERS), *words) as server:
        yield server
        if server.process.returncode is None:
            await server.terminate()


def workers_of(supervisor: int) -> set[int]:
    found = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return {int(one) for one in found}


async def until_gone(numbers: set[int]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while any(_runs(one) for one in numbers):  # noqa: ASYNC110 - they are nobody's children by now
            await asyncio.sleep(0.05)


def _runs(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def room_of_two(server: Process, data: Path) -> tuple[Seat, Seat]:
    author = Seat(RoomId(random_id()))
    await create_room(server.url, server.token(data), author)
    other = Seat(author.room)
    async with attached(server.url, author) as line:
        await admit(line, other)
    return author, other


async def talk(one: Line, other: Line) -> None:
    for at, far in ((one, other), (other, one)):
        ack = await at.submit(at.seat.write())
        await asyncio.gather(*(line.reach(ack.placed[0].seq) for line in (at, far)))


@pytest.mark.store("postgresql")
async def test_all_serve_one_address_and_end_in_order(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with working(data) as server:
        numbers = workers_of(server.process.pid)
        assert len(numbers) == WORKERS
        author, other = await room_of_two(server, data)
        async with attached(server.url, author) as line, attached(server.url, other) as far:
            await talk(line, far)
            metrics = {(await get(server.url, "/metrics"))[1] for _ in range(8)}
            assert all("backchannel_connections 2.0\n" in one for one in metrics)
        async with asyncio.timeout(3):
            assert await server.terminate() == 0
        await until_gone(numbers)
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.store("postgresql")
async def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with working(data) as server:
        author, other = await room_of_two(server, data)
        before = workers_of(server.process.pid)
        async with attached(server.url, author) as line:
            ack = await line.submit(author.write())
        for number in before:
            os.kill(number, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while len(workers_of(server.process.pid) - before) < WORKERS:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
        async with attached(server.url, author) as line, attached(server.url, other) as far:
            assert ack.placed[0].id in {event.id for event in await line.reach(ack.placed[0].seq)}
            await talk(line, far)
            assert "backchannel_connections 2.0\n" in (await get(server.url, "/metrics"))[1]
    assert "a worker ended by itself" in (tmp_path / "log").read_text()


@pytest.mark.store("postgresql")
async def test_workers_end_with_their_supervisor_however_that_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with working(data) as server:
        numbers = workers_of(server.process.pid)
        await server.kill()
        await until_gone(numbers)


@pytest.mark.store("sqlite")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--workers", "2"), "more than one of workers needs database"),
        (("--workers", "0"), "workers has to be at least 1"),
        (("--workers", "1000"), "workers is 1000; it may be 64 at most"),
        (("--hints", "postgres"), "SQLite is for one process alone"),
        (("--hints", "redis://here"), "it has to be memory, postgres, nats://HOST or tls://HOST"),
        (("--hints", "nats://planted:password@here"), "hints has a password on the command line"),
    ],
)
async def test_what_does_not_go_together_is_said_in_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with contextlib.suppress(AssertionError):
        async with process(tmp_path / "data", *words):
            pytest.fail("it started")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert said in line
    assert "planted" not in line


@pytest.mark.store("postgresql")
async def test_a_broker_that_is_not_there_yet_keeps_nobody_from_starting(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with working(data, "--hints", "nats://127.0.0.1:1") as server:
        assert (await get(server.url, "/healthz"))[0] == 200
