"""Too much, too slow, too many: the server bounds what one seat, one address and one connection may cost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from attack.rooms import server_rules as rules
from attack.rooms.attacks import Attacks, Reached, hold, told_directly
from attack.rooms.intruder import (
    Scene,
    attached,
    last_word,
    other_address,
    put,
    resident_kib,
    said_next,
    seat_of,
    unharmed,
)
from attack.rooms.stage import Stage, staged
from attack.rooms.test_doors import open_door
from backchannel.testing import LocalServer
from backchannel_protocol.frames import Ack, Bye, Cursor, Refused, Submit
from backchannel_protocol.limits import EVENTS_BURST, REQUESTS_A_MINUTE, SEND_QUEUE_BYTES
from server.server_kit import Clock, Line, Seat, get, hosting

ATTACKS: Attacks[Stage] = Attacks()
GROWTH_KIB = 64 * 1024
QUEUES = 10
HALF_OPEN = 200
HALF_OPEN_LONG = 2000
DOOR = 40
"""How many connections a narrow server takes."""


@pytest.fixture(autouse=True)
async def bounded(server: LocalServer) -> AsyncIterator[None]:
    """The server's memory has not grown out of proportion."""
    assert server._process is not None
    before = resident_kib(server._process.pid)
    yield
    hold(resident_kib(server._process.pid) - before < GROWTH_KIB, "the server's memory grew")


# ---- one seat
@ATTACKS.against(rules.everybody_has_a_rate)
async def submits_a_thousand_events_a_second(stage: Stage) -> None:
    async with unharmed(stage) as scene, attached(scene.url, scene.mallory) as line:
        drafts = [scene.mallory.write() for _ in range(EVENTS_BURST + 100)]
        began = time.monotonic()
        answering = asyncio.create_task(answers(line, len(drafts)))
        await put(line, *(Submit([draft]) for draft in drafts))
        codes = await answering
        earned = int((time.monotonic() - began) * 20) + 1  # what the rate gave meanwhile
        hold(codes.count("taken") <= EVENTS_BURST + earned, f"{codes.count('taken')} were taken")
        hold(set(codes) == {"taken", "too-fast"}, f"{set(codes)}")


async def answers(line: Line, count: int) -> list[str]:
    """The codes of so many answers; "taken" for an Ack."""
    codes = []
    for _ in range(count):
        answer = await said_next(line, Ack, Refused)
        hold(not isinstance(answer, Bye), f"the connection ended: {answer}")
        codes.append(answer.code if isinstance(answer, Refused) else "taken")
    return codes


async def refusals(scene: Scene, code: str) -> float:
    """How often the server has refused with a code so far."""
    _, metrics = await get(scene.url, "/metrics")
    name = f'backchannel_refusals_total{{code="{code}"}} '
    return sum(float(line.removeprefix(name)) for line in metrics.splitlines() if line.startswith(name))


@ATTACKS.against(rules.everybody_has_a_rate)
async def sends_thousands_of_frames(stage: Stage) -> None:
    """The connection ends, and who goes on writing into it may not even read why."""
    async with unharmed(stage) as scene, attached(scene.url, scene.mallory) as line:
        before = await refusals(scene, "too-fast")
        with contextlib.suppress(ConnectionClosed):
            for number in range(4000):
                await put(line, Cursor(number))
            await put(line, Submit([scene.mallory.write()]))
            answer = await said_next(line, Ack)
            hold(isinstance(answer, Bye) and answer.code == "too-fast", f"{answer}")
        hold(await refusals(scene, "too-fast") > before, "nobody counts")


@ATTACKS.against(rules.everybody_has_a_rate)
async def looks_into_a_mailbox_without_end(stage: Stage) -> None:
    async with unharmed(stage) as scene:
        door = await open_door(scene)
        hold(await door.ask(door.claim(door.guest)) == "taken", "the guest cannot knock")
        codes = [await door.ask(door.guest.knock(0, None, int(time.time()))) for _ in range(80)]
        hold("too-fast" in codes, f"{set(codes)}")


@ATTACKS.against()
async def takes_its_own_place_again_and_again(stage: Stage) -> None:
    """Each Attach ends the one before; the room notices nothing."""
    async with unharmed(stage) as scene, AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(attached(scene.url, scene.mallory)) for _ in range(20)]
        for line in lines[:-1]:
            code = (await last_word(line)).code
            hold(code == "replaced", f"an earlier connection was told {code}")
        await put(lines[-1], Submit([scene.mallory.write()]))
        hold(isinstance(await said_next(lines[-1], Ack), Ack), "the last one is not taken")


@ATTACKS.against()
async def reads_nothing_while_much_is_written(stage: Stage) -> None:
    """Who does not fetch what waits is cut off at the queue's bound; the room never waits."""
    async with unharmed(stage) as scene:
        eve = await seat_of(await stage.bring(scene.ann, "Eve"))
        async with attached(scene.url, scene.mallory, 0) as slow, attached(scene.url, eve) as line:
            before = await refusals(scene, "too-slow")
            slow.socket.transport.pause_reading()
            body = os.urandom(400_000)
            for _ in range(QUEUES * SEND_QUEUE_BYTES // len(body)):  # the system's own buffers are large
                await put(line, Submit([eve.write(body)]))
                hold(isinstance(await said_next(line, Ack), Ack), "an honest message was refused")
                if await refusals(scene, "too-slow") > before:
                    break
            hold(await refusals(scene, "too-slow") > before, "it was not cut off")


# ---- one address
@asynccontextmanager
async def from_address(scene: Scene, address: str, seat: Seat) -> AsyncIterator[Line]:
    async with connect(
        scene.url.replace("http", "ws", 1) + "/v1/ws",
        subprotocols=[Subprotocol("backchannel.v1")],
        compression=None,
        local_addr=(address, 0),
        close_timeout=1,
    ) as socket:
        yield Line(socket, seat, 0)


@ATTACKS.against(rules.everybody_has_a_rate)
async def tries_keys_from_one_address(stage: Stage) -> None:
    """After so many failures the address is refused; others do not notice."""
    async with unharmed(stage) as scene:
        address = other_address()
        guess = Seat(scene.mallory.room, scene.mallory.id)
        status = 0
        for _ in range(REQUESTS_A_MINUTE + 30):
            try:
                async with from_address(scene, address, guess) as line:
                    await put(line, b"\xc1")
                    await last_word(line)
            except InvalidStatus as refused:
                status = refused.response.status_code
                break
        hold(status == 429, "nobody counts")
        async with attached(scene.url, scene.mallory):
            pass


# ---- connections that only cost
def half_said(kind: str) -> bytes:
    upgrade = (
        "GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Protocol: backchannel.v1\r\n\r\n"
    )
    return {
        "nothing": b"",
        "half a request": b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nContent-Le",
        "half a body": b"POST /v1/mail HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nx",
        "no Attach": upgrade.encode(),
        "half a frame": upgrade.encode() + b"\x82\xff\x00\x00\x00\x00\x00\x0f\x00\x00mask",
        "endless headers": b"GET / HTTP/1.1\r\n" + b"X-A: " + b"a" * 4000,
    }[kind]


KINDS = ("nothing", "half a request", "half a body", "no Attach", "half a frame", "endless headers")


async def test_connections_that_say_half_a_word(direct: Stage, long_form: bool) -> None:
    """Slowloris: hundreds of them stand open, and the room goes on."""
    address = urlsplit(direct.server.url)
    writers = []
    count = HALF_OPEN_LONG if long_form else HALF_OPEN
    try:
        async with unharmed(direct) as scene:
            for number in range(count):
                _, writer = await asyncio.open_connection(
                    address.hostname, address.port, local_addr=(other_address(), 0)
                )
                writer.write(half_said(KINDS[number % len(KINDS)]))
                writers.append(writer)
            await scene.talk.turns(4)
            async with attached(scene.url, scene.mallory) as line:
                await put(line, Submit([scene.mallory.write()]))
                hold(isinstance(await said_next(line, Ack), Ack), "nobody else comes in")
    finally:
        for writer in writers:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.mark.parametrize("kind", ["no Attach", "half a frame"])
async def test_who_does_not_attach_is_sent_away(
    inside: Stage, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = urlsplit(inside.server.url)
    async with unharmed(inside):
        monkeypatch.setattr("backchannel_server.ws.ATTACH_TIMEOUT_S", 0.1)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(half_said(kind))
            async with asyncio.timeout(20):
                hold(b"too-slow" in await reader.read(), "it was not told why")
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@pytest.mark.parametrize("kind", ["nothing", "half a request", "half a body"])
async def test_half_a_request_is_ended(inside: Stage, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backchannel_server.visitor.REQUEST_TIMEOUT_S", 0.1)
    address = urlsplit(inside.server.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(half_said(kind))
        async with asyncio.timeout(20):
            await reader.read()
    finally:
        writer.close()


async def fill_the_door(url: str, source: str, count: int) -> list[asyncio.StreamWriter]:
    """So many connections of one address that say half a word."""
    address = urlsplit(url)
    writers = []
    for number in range(count):
        _, writer = await asyncio.open_connection(address.hostname, address.port, local_addr=(source, 0))
        writer.write(half_said(KINDS[number % len(KINDS)]))
        writers.append(writer)
    return writers


async def story_of_a_full_door(stage: Stage) -> None:
    """A flood that is as large as all that the server takes, and then somebody honest."""
    async with unharmed(stage) as scene:
        writers = await fill_the_door(scene.url, other_address(), 2 * DOOR)
        try:
            async with attached(scene.url, scene.mallory) as line:
                await put(line, Submit([scene.mallory.write()]))
                hold(isinstance(await said_next(line, Ack), Ack), "nobody else comes in")
        except (OSError, InvalidMessage, ConnectionClosed):
            hold(False, "nobody else comes in")
        finally:
            for writer in writers:
                writer.transport.abort()


@asynccontextmanager
async def narrow(data: Path) -> AsyncIterator[Stage]:
    """A server that takes few connections."""
    async with hosting(data, Clock(int(time.time())), connections=DOOR) as host:
        key = host.running.key.private
        server = SimpleNamespace(url=host.url, token=host.running.token, record_key=lambda: key)
        async with staged(server, proxied=False) as one:
            yield one


async def test_who_stands_in_the_door_makes_room(tmp_path: Path) -> None:
    async with narrow(tmp_path / "data") as stage:
        await story_of_a_full_door(stage)


async def test_where_nobody_makes_room_the_door_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules.who_stands_in_the_door_makes_room(monkeypatch)
    async with narrow(tmp_path / "data") as stage:
        with pytest.raises(Reached):
            await story_of_a_full_door(stage)


test_it_fails, test_without_its_rule_it_succeeds = told_directly(ATTACKS)
