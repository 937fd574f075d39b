"""Who comes in, how long a request may take, and who makes room for whom."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from websockets.exceptions import InvalidHandshake, InvalidMessage

from backchannel_protocol.frames import Refused
from backchannel_server import visitor
from backchannel_server.door import RESERVED_FILES, STANDING_S, UNPROVED, Bounds, Unproved
from server.process_kit import process
from server.server_kit import Host, Seat, admit, attached, get, hosting, new_room
from server.tls_kit import certificate

PATIENCE_S = 20
HALF_A_HEAD = b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nContent-Le"
HALF_A_BODY = b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nx"
CHUNKED = b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitor, "REQUEST_TIMEOUT_S", 0.2)


@asynccontextmanager
async def connected(
    url: str, source: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection of that address of this machine."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port, local_addr=(source, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until_it_ends(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


def answer_of(said: bytes) -> tuple[int, str]:
    """The status and the code of an answer."""
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert "Server: backchannel" in lines
    assert "Content-Type: application/msgpack" in lines
    return int(lines[0].split()[1]), msgspec.msgpack.decode(body, type=Refused).code


# ---- how long a request may take
@pytest.mark.parametrize("half", [HALF_A_HEAD, HALF_A_BODY])
async def test_half_a_request_is_told_that_it_is_too_slow(host: Host, impatient: None, half: bytes) -> None:
    async with connected(host.url) as (reader, writer):
        writer.write(half)
        assert answer_of(await until_it_ends(reader)) == (408, "too-slow")


async def test_who_says_nothing_is_told_nothing(host: Host, impatient: None) -> None:
    async with connected(host.url) as (reader, _):
        assert await until_it_ends(reader) == b""


async def test_the_second_request_of_a_connection_is_not_waited_for_longer(
    host: Host, impatient: None
) -> None:
    async with connected(host.url) as (reader, writer):
        writer.write(WHOLE)
        await reader.readuntil(b"ok\n")
        writer.write(HALF_A_HEAD)
        assert answer_of(await until_it_ends(reader)) == (408, "too-slow")


async def test_a_connection_rests_for_a_while_between_two_requests(
    host: Host, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(host.url) as (reader, writer), connected(host.url) as (other, _):
        writer.write(WHOLE)
        await reader.readuntil(b"ok\n")
        assert await until_it_ends(other) == b""  # so long takes a request at the most
        writer.write(WHOLE)
        await reader.readuntil(b"ok\n")
    monkeypatch.setattr(visitor, "KEEP_ALIVE_S", 0.1)
    async with connected(host.url) as (reader, writer):
        writer.write(WHOLE)
        await reader.readuntil(b"ok\n")
        assert await until_it_ends(reader) == b""


async def test_a_body_that_comes_slowly_and_comes_is_waited_for(
    host: Host, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor, "BODY_BYTES_A_SECOND", 0.01)
    async with connected(host.url) as (reader, writer), connected(host.url) as (other, _):
        writer.write(b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nx")
        await until_it_ends(other)
        writer.write(b"y")
        assert answer_of(await until_it_ends(reader)) == (400, "malformed")


async def test_half_a_tls_handshake_is_ended(tmp_path: Path, impatient: None) -> None:
    cert, key = certificate(tmp_path)
    async with hosting(tmp_path / "data", host="localhost", tls_cert=cert, tls_key=key) as host:
        for begun in (b"", b"\x16\x03\x01\x02\x00\x01\x00"):
            async with connected(host.url.replace("localhost", "127.0.0.1")) as (reader, writer):
                writer.write(begun)
                await until_it_ends(reader)


async def test_a_server_that_stops_waits_for_no_handshake(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    flags = ("--host", "localhost", "--tls-cert", str(cert), "--tls-key", str(key))
    async with (
        process(tmp_path / "data", *flags) as server,
        connected(server.url.replace("localhost", "127.0.0.1")) as (reader, writer),
    ):
        writer.write(b"\x16\x03\x01")
        assert await server.terminate() == 0
        await until_it_ends(reader)


# ---- what is no HTTP
@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        (b"planted-query\r\nHost: x\r\n\r\n", 400, "malformed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03planted\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nno header of this world\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nX: " + b"planted" * 2_000 + b"\r\n\r\n", 413, "too-large"),
        (
            b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nplanted\r\n",
            400,
            "malformed",
        ),
    ],
)
async def test_what_is_no_http_is_refused_as_all_else_is(
    tmp_path: Path, said: bytes, status: int, code: str
) -> None:
    async with process(tmp_path / "data") as server:
        async with connected(server.url) as (reader, writer):
            writer.write(said)
            answer = await until_it_ends(reader)
        assert answer_of(answer) == (status, code)
        assert b"planted" not in answer
        assert b"aiohttp" not in answer
    assert "planted" not in (tmp_path / "log").read_text()


async def test_who_goes_in_the_middle_of_a_body_is_no_fault_of_the_server(tmp_path: Path) -> None:
    async with process(tmp_path / "data") as server:
        async with connected(server.url) as (_, writer):
            writer.write(HALF_A_BODY)
            await writer.drain()
            assert await get(server.url, "/healthz") == (200, "ok\n")
        assert await get(server.url, "/healthz") == (200, "ok\n")
        assert await server.terminate() == 0
    assert "a request failed" not in (tmp_path / "log").read_text()


# ---- who makes room
async def test_a_flood_of_one_address_keeps_nobody_out(tmp_path: Path) -> None:
    async with hosting(tmp_path / "data", connections=20) as host:
        seat = await new_room(host)
        async with attached(host.url, seat) as line, contextlib.AsyncExitStack() as stack:
            for _ in range(40):
                _, writer = await stack.enter_async_context(connected(host.url, "127.0.0.7"))
                writer.write(HALF_A_HEAD)
            assert await get(host.url, "/healthz") == (200, "ok\n")
            other = Seat(seat.room)
            await admit(line, other)
            async with attached(host.url, other) as second:
                await second.submit(other.write())
            await line.submit(seat.write())


async def test_behind_a_proxy_a_flood_is_its_clients_and_not_the_proxys(tmp_path: Path) -> None:
    said = WHOLE[:-2] + b"X-Forwarded-For: 203.0.113.9\r\n\r\n"
    async with (
        hosting(tmp_path / "data", connections=20, behind_proxy=True) as host,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(40):
            reader, writer = await stack.enter_async_context(connected(host.url))
            writer.write(said)
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        assert await get(host.url, "/healthz") == (200, "ok\n")


async def test_a_flood_of_ones_own_address_is_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while each of them makes room."""
    monkeypatch.setattr("backchannel_server.door.STANDING_S", 0.1)
    async with hosting(tmp_path / "data", connections=20) as host, contextlib.AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(connected(host.url))
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(OSError, aiohttp.ServerDisconnectedError):
                    assert await get(host.url, "/healthz") == (200, "ok\n")
                    break


async def test_seats_do_not_make_room(tmp_path: Path) -> None:
    async with hosting(tmp_path / "data", connections=4) as host:
        first = await new_room(host)
        others = [Seat(first.room) for _ in range(4)]
        async with attached(host.url, first) as line, contextlib.AsyncExitStack() as stack:
            await admit(line, *others)
            for seat in others[:3]:
                await stack.enter_async_context(attached(host.url, seat))
            with pytest.raises((InvalidHandshake, InvalidMessage, OSError)):
                async with attached(host.url, others[3]):
                    pass
            await line.submit(first.write())
            await stack.aclose()
            async with asyncio.timeout(PATIENCE_S):
                while not await comes_in(host, others[3]):
                    pass


async def comes_in(host: Host, seat: Seat) -> bool:
    try:
        async with attached(host.url, seat):
            return True
    except (InvalidHandshake, InvalidMessage, OSError):
        return False


class Standing(visitor.Visitor):
    """Somebody who is at the door and says nothing."""

    def __init__(self, address: str) -> None:
        self.address = address


@pytest.fixture
def crowd() -> Iterator[Unproved]:
    unproved = Unproved()
    yield unproved
    assert len(unproved) == sum(map(len, unproved._standing.values()))


def test_the_oldest_goes_of_the_address_that_has_most(crowd: Unproved) -> None:
    many = [Standing("many") for _ in range(3)]
    lone = Standing("lone")
    for now, one in enumerate([lone, *many]):
        crowd.add(one, now)
    assert crowd.first_to_go("new", 3) is many[0]
    assert crowd.first_to_go("lone", 3) is many[0]
    crowd.remove(many[0])
    crowd.remove(many[0])
    assert many[0] not in crowd
    assert crowd.first_to_go("new", 3) is many[1]


def test_a_crowd_does_not_push_itself_out(crowd: Unproved) -> None:
    assert crowd.first_to_go("new", 0) is None
    people = [Standing(str(number)) for number in range(3)]
    for one in people:
        crowd.add(one, 10)
    assert crowd.first_to_go("new", 10 + STANDING_S / 2) is None
    assert crowd.first_to_go("0", 10 + STANDING_S / 2) is None
    assert crowd.first_to_go("new", 10 + STANDING_S) is people[0]


# ---- how many
def test_bounds_leave_files_for_everything_else() -> None:
    assert Bounds.of(10_000, 1 << 20) == Bounds(10_000, UNPROVED)
    assert Bounds.of(10_000, 1_024) == Bounds(1_024 - RESERVED_FILES, (1_024 - RESERVED_FILES) // 2)
    assert Bounds.of(10_000, 16) == Bounds(2, 1)


def test_the_limit_of_files_is_raised() -> None:
    script = (
        "import resource as r; from backchannel_server.door import raise_file_limit as up;"
        "r.setrlimit(r.RLIMIT_NOFILE, (64, 128));"
        "print(up(100), up(1000), up(10), r.getrlimit(r.RLIMIT_NOFILE))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.split(maxsplit=3) == ["100", "128", "128", "(128, 128)\n"]
