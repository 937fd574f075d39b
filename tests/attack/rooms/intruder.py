"""A hostile client: a seat of a real room with its real keys, and no program that minds the rules.

Meanwhile Ann and Bo talk with each other in the same room: each attack has to let them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from attack.rooms.attacks import hold
from attack.rooms.stage import Seated, Stage, goes_on, say
from backchannel import Role
from backchannel_protocol.frames import (
    Attached,
    Bye,
    Events,
    Frame,
    Hello,
    encode_frame,
    parse_server_frame,
)
from backchannel_protocol.ids import RoomId, SeatId, b64u
from server.server_kit import Line, Seat, attach_frame

PACE_S = 0.02
PATIENCE_S = 20
ALL = 1 << 40
"""A cursor behind everything."""

_ADDRESSES = itertools.count(random.randrange(1 << 20))


@dataclass
class Scene:
    """Ann and Bo, and a seat of their room that is Mallory's; `talk` counts what they said meanwhile."""

    stage: Stage
    ann: Seated
    bo: Seated
    mallory: Seat
    talk: Talk

    @property
    def url(self) -> str:
        return self.stage.server.url


class Talk:
    """Ann and Bo in turns; every word is heard before the next one is said."""

    def __init__(self, ann: Seated, bo: Seated) -> None:
        self._people = (ann, bo)
        self.said: list[str] = []
        self.progress = asyncio.Condition()

    async def run(self) -> None:
        for number in itertools.count():
            author, hearer = self._people if number % 2 else self._people[::-1]
            await say(author, f"undisturbed {number}", hearer)
            async with self.progress:
                self.said.append(f"undisturbed {number}")
                self.progress.notify_all()
            await asyncio.sleep(PACE_S)

    async def turns(self, count: int) -> None:
        """Until so many more were said and heard."""
        wanted = len(self.said) + count
        async with asyncio.timeout(PATIENCE_S), self.progress:
            await self.progress.wait_for(lambda: len(self.said) >= wanted)


@asynccontextmanager
async def unharmed(stage: Stage, role: Role = Role.PARTICIPANT) -> AsyncIterator[Scene]:
    """A room that goes on, whatever Mallory does inside the block."""
    ann = await stage.found()
    bo = await stage.bring(ann, "Bo")
    mallory = await seat_of(await stage.bring(ann, "Mallory", "a", role))
    talk = Talk(ann, bo)
    talking = asyncio.create_task(talk.run())
    try:
        scene = Scene(stage, ann, bo, mallory, talk)
        await talk.turns(1)
        yield scene
        await talk.turns(2)
    finally:
        talking.cancel()
        results = await asyncio.gather(talking, return_exceptions=True)
    for result in results:
        if not isinstance(result, asyncio.CancelledError) and isinstance(result, BaseException):
            raise result
    await goes_on(ann, bo)
    for one in (ann, bo):
        heard = [text for text in one.texts if text is not None and text.startswith("undisturbed")]
        hold(heard[: len(talk.said)] == talk.said, f"they heard {heard}")


async def seat_of(one: Seated) -> Seat:
    """The keys that somebody's client holds, for a client that does with them what it likes."""
    await one.client.end()
    keys, view = one.room.ledger.keys, one.room.ledger.view
    return Seat(RoomId(view.room), SeatId(keys.seat), keys.seat_key, view.mls, None, bytes(view.opening))


def other_address() -> str:
    """An address of this machine that nobody used yet: an attacker has many."""
    number = next(_ADDRESSES) % 0xFFFE00
    return str(ipaddress.IPv4Address(0x7F000000) + 0x200 + number)


@asynccontextmanager
async def greeted(url: str, seat: Seat) -> AsyncIterator[tuple[Line, Hello]]:
    """A connection from a new address, that has its Hello and has not attached."""
    async with connect(
        url.replace("http", "ws", 1) + "/v1/ws",
        subprotocols=[Subprotocol("backchannel.v1")],
        compression=None,
        max_size=None,
        ping_interval=None,
        close_timeout=1,
        local_addr=(other_address(), 0),
    ) as socket:
        line = Line(socket, seat, 0)
        hello = await line.frame()
        assert isinstance(hello, Hello)
        yield line, hello


@asynccontextmanager
async def attached(url: str, seat: Seat, cursor: int = ALL) -> AsyncIterator[Line]:
    """A connection from a new address that is live; it says that it has read everything there will be."""
    async with greeted(url, seat) as (line, hello):
        await put(line, attach_frame(seat, hello, cursor))
        assert isinstance(await said_next(line, Attached), Attached)
        assert isinstance(await said_next(line, Events), Events)
        yield line


async def last_word(line: Line) -> Bye:
    """The server's Bye, whatever comes before."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = parse_server_frame(bytes(await line.socket.recv(decode=False)))
            if isinstance(frame, Bye):
                return frame


async def said_next(line: Line, *kinds: type[Frame]) -> Frame:
    """The next frame of some types, whatever comes before."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = parse_server_frame(bytes(await line.socket.recv(decode=False)))
            if isinstance(frame, (*kinds, Bye)):
                return frame


async def put(line: Line, *frames: Frame | bytes | str) -> None:
    """Sends without a state machine's leave."""
    for frame in frames:
        await line.socket.send(frame if isinstance(frame, bytes | str) else encode_frame(frame))


def resident_kib(pid: int) -> int:
    """How much memory a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def verify_log(log: Path, start: int, secrets: list[bytes | str]) -> None:
    """What the server logged since `start`: whole lines of JSON, no traceback, no address, no secret."""
    text = log.read_text()[start:]
    for line in text.splitlines():
        hold(isinstance(json.loads(line), dict), f"a line that is not JSON: {line}")
    hold("Traceback" not in text, "a traceback in the log")
    hold("127." not in text, "an address in the log")
    for secret in secrets:
        forms = [secret] if isinstance(secret, str) else [secret.hex(), b64u(secret), repr(secret)[2:-1]]
        for form in forms:
            hold(form not in text, "a secret in the log")
