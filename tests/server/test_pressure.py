"""Many who want to wear the server out: its memory stays bounded, they are told, and a room goes on.

By a server in a process of its own, so that what is measured is its memory and nobody else's.
"""

from __future__ import annotations

import asyncio
import random
import resource
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Ack, Refused, Submit, encode_frame, parse_server_frame
from backchannel_protocol.http_bodies import encode_body
from backchannel_protocol.ids import RoomId
from backchannel_protocol.limits import MAX_SEATS
from bench.bench_idle import resident_kib
from bench.seats import NO_LIMITS, attach, framed, make_room
from bench.seats import Seat as PlainSeat
from server.mail_kit import Invitee, new_invitation
from server.process_kit import Process, process
from server.server_kit import NOW_S, Seat, admit, attached, create_room, get, random_id

pytestmark = pytest.mark.store("sqlite")

STALLED = 120
HALF_OPEN = 10_000
KNOCKS = 1_500
EACH_KIB = 64
"""What one more stalled reader or half-open connection may cost. A stalled reader lets 4 MiB wait."""

PATIENCE_S = 120


@asynccontextmanager
async def pressed(data: Path, *words: str) -> AsyncIterator[Process]:
    async with process(data, *words) as server:
        yield server
    assert "Traceback" not in (data.parent / "log").read_text()


class Room:
    """Two who talk on, whatever happens to the server; each message has to arrive."""

    def __init__(self, server: Process, data: Path) -> None:
        self._server = server
        self._author = Seat(RoomId(random_id()))
        self._other = Seat(self._author.room)
        self._data = data

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[None]:
        await create_room(self._server.url, self._server.token(self._data), self._author)
        async with attached(self._server.url, self._author) as line:
            await admit(line, self._other)
            async with attached(self._server.url, self._other) as far:
                over = asyncio.Event()

                async def talk() -> int:
                    said = 0
                    while not over.is_set():
                        ack = await line.submit(self._author.write())
                        await far.reach(ack.placed[0].seq)
                        said += 1
                    return said

                task = asyncio.create_task(talk())
                try:
                    yield
                finally:
                    over.set()
                assert await task > 0


async def refusals(server: Process, code: str) -> float:
    _, metrics = await get(server.url, "/metrics")
    named = f'backchannel_refusals_total{{code="{code}"}} '
    (line,) = [one for one in metrics.splitlines() if one.startswith(named)]
    return float(line.removeprefix(named))


async def test_readers_that_stall_cost_little_and_are_cut_off(tmp_path: Path, long_form: bool) -> None:
    """More waits for each than it may let wait; the bytes are the same for all, and kept once."""
    count = MAX_SEATS - 1 if long_form else STALLED
    data = tmp_path / "data"
    async with pressed(data, *NO_LIMITS) as server, Room(server, data).talking():
        seats, epoch, opening = await make_room(server, server.token(data), count + 1)
        stalled = [await attach(server.url, seat) for seat in seats[1:]]
        for one in stalled:
            one.stall()
        before = resident_kib(server.process.pid)
        await flood(server, seats[0], epoch, opening)
        async with asyncio.timeout(PATIENCE_S):
            while await refusals(server, "too-slow") < count:  # noqa: ASYNC110 - it has to be asked
                await asyncio.sleep(0.1)
        assert resident_kib(server.process.pid) - before < count * EACH_KIB + 32 * 1024
        for one in stalled:
            one.close()


async def flood(server: Process, seat: PlainSeat, epoch: int, opening: bytes) -> None:
    """12 MiB, each acknowledged."""
    peer = await attach(server.url, seat)
    acknowledged = asyncio.Semaphore(0)

    def heard(frame: bytes) -> None:
        if isinstance(parse_server_frame(frame), Ack):
            acknowledged.release()

    peer.heard = heard
    for _ in range(200):
        body = framed(seat.room, epoch, EventKind.CHAT, 60_000)
        draft = Draft(secrets.token_bytes(16), EventKind.CHAT, epoch, opening, body)
        peer.send(encode_frame(Submit([draft])))
        async with asyncio.timeout(PATIENCE_S):
            await acknowledged.acquire()
    peer.close()


async def test_connections_that_say_nothing_cost_little_and_keep_nobody_out(tmp_path: Path) -> None:
    """From a thousand addresses. Who is in stays; who comes gets in when one has stood there for a while."""
    count = min(HALF_OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
    data = tmp_path / "data"
    async with pressed(data, *NO_LIMITS) as server, Room(server, data).talking():
        before = resident_kib(server.process.pid)
        opened = [await half_open(server, number) for number in range(count)]
        assert resident_kib(server.process.pid) - before < HALF_OPEN // 10 * EACH_KIB + 32 * 1024
        await come_in(server, data)
        for one in opened:
            one.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def come_in(server: Process, data: Path) -> None:
    """As a client does: again and again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            newcomer = Seat(RoomId(random_id()))
            with suppress(OSError, aiohttp.ClientError, ConnectionClosed):
                await create_room(server.url, server.token(data), newcomer)
                async with attached(server.url, newcomer) as line:
                    await line.submit(newcomer.write())
                return
            await asyncio.sleep(0.2)


async def half_open(server: Process, number: int) -> socket.socket:
    """Half a request, or nothing at all."""
    opened = socket.socket()
    opened.setblocking(False)
    opened.bind((f"127.{1 + number % 5}.{number // 5 % 200}.1", 0))
    loop = asyncio.get_running_loop()
    await loop.sock_connect(opened, ("127.0.0.1", int(server.url.rpartition(":")[2])))
    if number % 2:
        await loop.sock_sendall(opened, b"GET /v1/ws HTTP/1.1\r\nHost: x\r\n")
    return opened


async def test_floods_of_knocks_cost_little_and_are_refused_by_code(tmp_path: Path, seed: int) -> None:
    """At invitations that there are not, that there is one of, and in what is none; from anywhere, as a proxy
    says."""
    data, moments = tmp_path / "data", random.Random(seed)
    words = ("--behind-proxy", "--events-a-second", "1000000")
    async with pressed(data, *words) as server, Room(server, data).talking():
        known = Invitee(new_invitation())
        before, codes = resident_kib(server.process.pid), set()

        async def knock() -> str:
            invitee = moments.choice((known, Invitee(new_invitation())))
            sealed = moments.choice((None, b"x" * moments.randrange(1, 200_000)))
            letter = encode_body(invitee.knock(1, sealed, NOW_S))
            return await told(http, server, letter if moments.random() < 0.8 else letter[:-5], moments)

        async with aiohttp.ClientSession() as http:
            for _ in range(KNOCKS // 50):
                codes |= set(await asyncio.gather(*(knock() for _ in range(50))))
        assert codes >= {"malformed", "mailbox-closed", "too-fast"}
        assert codes <= {"malformed", "mailbox-closed", "too-fast", "expired", "bad-signature", "too-slow"}
        assert resident_kib(server.process.pid) - before < 64 * 1024


async def told(http: aiohttp.ClientSession, server: Process, letter: bytes, moments: random.Random) -> str:
    """The code of the refusal."""
    house = f"10.{moments.randrange(3)}.{moments.randrange(8)}.{moments.randrange(8)}"
    headers = {"X-Forwarded-For": house}
    async with http.post(server.url + "/v1/mail", data=letter, headers=headers) as answer:
        assert answer.status >= 400
        return msgspec.msgpack.decode(await answer.read(), type=Refused).code
