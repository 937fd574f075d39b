"""The web client's real engine in a Node process: in rooms with Python clients it is one client among others.

`WebRoom` has the face of `backchannel.Room` as far as the tests of stories and attacks look at one.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import toolchain
from backchannel import Role, Room
from backchannel.errors import BackchannelError, NotAllowed, Stopped
from backchannel.room.facts import (
    AnyFact,
    CommitSkipped,
    CommitVoided,
    EventIgnored,
    LeftBehind,
    OperationUnfit,
    RoomStopped,
)
from backchannel.speaking import Delivery
from backchannel.words import spoken
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.room.state import RoomState, Seat
from client.people import knock_of
from web.driver import REPAIR_HOOK, WEB

WAIT_S: Final = 20
STOPS: Final = (
    "log-gap",
    "log-time",
    "log-shorter",
    "log-differs",
    "state-differs",
    "body-withheld",
    "own-altered",
    "own-unknown",
    "void-late",
    "record-differs",
    "record-key",
)
_MAX_LINE: Final = 1 << 26

Json = dict[str, Any]


class EngineProcess:
    """tests/engine_driver.ts."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self._engines: dict[str, WebClient] = {}
        self._reader = asyncio.create_task(self._read())

    async def client(self, path: Path | None = None) -> WebClient:
        """A profile that is open: in memory, or in a file."""
        name = f"e{next(self._ids)}"
        client = self._engines[name] = WebClient(self, name)
        await self.call(name, "begin", None if path is None else str(path))
        client.hear({"news": "lobby", "lobby": await client.call("open", path is not None)})
        return client

    async def call(self, engine: str, call: str, *words: object) -> Any:
        """A call's result. Raises what the engine threw, by its code."""
        assert self._process.stdin is not None
        id_ = next(self._ids)
        answer = self._waiting[id_] = asyncio.get_running_loop().create_future()
        line = json.dumps({"id": id_, "engine": engine, "call": call, "words": words})
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(WAIT_S):
            told = await answer
        if "code" not in told:
            return told["result"]
        kind = Stopped if told["code"] in STOPS else NotAllowed
        raise kind(told["code"], told["sentence"])

    async def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        self._process.kill()
        await self.end()

    async def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "news" in told:
                await self._engines[told["engine"]].take(told)
            else:
                self._waiting.pop(told["id"]).set_result(told)
        for answer in self._waiting.values():
            answer.cancel()


@asynccontextmanager
async def engines() -> AsyncIterator[EngineProcess]:
    """A Node process, gone at the end of the block."""
    toolchain.npm_ci(WEB)
    process = await asyncio.create_subprocess_exec(
        str(toolchain.node()),
        "--experimental-strip-types",
        "--disable-warning=ExperimentalWarning",
        "--import",
        REPAIR_HOOK.as_uri(),
        "tests/engine_driver.ts",
        cwd=WEB,
        env=toolchain.environment(),
        stdin=PIPE,
        stdout=PIPE,
        limit=_MAX_LINE,
    )
    running = EngineProcess(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            await running.end()


class WebClient:
    """One engine: its lobby, and the rooms that are open on its page."""

    def __init__(self, process: EngineProcess, name: str) -> None:
        self._process = process
        self._name = name
        self.changed = asyncio.Condition()
        self.lobby: Json = {}
        self.rooms: dict[str, WebRoom] = {}
        self.heard: list[str] = []

    async def call(self, call: str, *words: object) -> Any:
        return await self._process.call(self._name, call, *words)

    async def take(self, news: Json) -> None:
        async with self.changed:
            self.hear(news)
            self.changed.notify_all()

    def hear(self, news: Json) -> None:
        match news["news"]:
            case "lobby":
                self.lobby = news["lobby"]
            case "room":
                self.rooms[news["room"]["id"]].now = news["room"]
            case "entries":
                room = self.rooms[news["room"]]
                room.known.update({entry["number"]: entry for entry in news["entries"]})
                room.total = news["total"]
            case "heard":
                self.heard.append(news["room"])
            case "stored":
                self._room(news["room"]).stored = news

    async def until(self, ready: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S), self.changed:
            await self.changed.wait_for(ready)

    async def open(self, id_: str) -> WebRoom:
        """A room, as its page shows it."""
        room = self._room(id_)
        room.now = await self.call("openRoom", id_)
        await self.until(lambda: len(room.known) == room.total)
        return room

    async def knock(self, link: str, name: str) -> str:
        return str(await self.call("knock", link, name))

    def knocking(self, id_: str) -> Json:
        """A knock's line in the lobby."""
        return next(line for line in self.lobby["knocks"] if line["id"] == id_)

    def _room(self, id_: str) -> WebRoom:
        if id_ not in self.rooms:
            self.rooms[id_] = WebRoom(self, id_)
        return self.rooms[id_]


@dataclass(frozen=True)
class WebOutgoing:
    """A message on its way."""

    room: WebRoom
    text: str

    @property
    def delivery(self) -> Delivery:
        waits = any(line["text"] == self.text and not line["hasFailed"] for line in self.room.now["outbox"])
        return Delivery.WAITING if waits else Delivery.SENT

    async def sent(self) -> None:
        own = self.room.seat
        await self.room.client.until(
            lambda: any(one.text == self.text and one.seat == own for one in self.room.messages())
        )


class WebRoom:
    """One room on a page."""

    def __init__(self, client: WebClient, id_: str) -> None:
        self.client = client
        self.id = id_
        self.now: Json = {}
        self.known: dict[int, Json] = {}
        self.total = -1
        self.stored: Json = {}
        self.ledger = WebLedger(self)

    @property
    def seat(self) -> str:
        return str(self.now["seat"])

    @property
    def entries(self) -> list[Json]:
        """What happened, in order."""
        return [self.known[number] for number in sorted(self.known)]

    def messages(self) -> list[SimpleNamespace]:
        said = [entry for entry in self.entries if entry["kind"] == "message"]
        return [SimpleNamespace(id=one["id"], seat=one["seat"], text=one.get("text")) for one in said]

    def history(self) -> list[AnyFact]:
        """What did not count, or was taken back, in the Python client's words; sentences are codes."""
        return [fact for entry in self.entries if (fact := _fact_of(entry)) is not None]

    @property
    def trouble(self) -> str | None:
        """The banner's code."""
        told = self.now.get("trouble")
        return None if told is None else str(told["code"])

    @property
    def connected(self) -> bool:
        return self.now["connection"] in ("catching-up", "live")

    @property
    def title(self) -> str:
        return str(self.now["state"]["title"])

    @property
    def state(self) -> RoomState:
        return RoomState.of_json(self.stored["state"])

    def members(self) -> dict[str, Seat]:
        return dict(self.state.seats)

    @property
    def _live(self) -> SimpleNamespace:
        code = self.trouble
        return SimpleNamespace(error=None if code is None else BackchannelError(code, code))

    # ---- what a person does
    async def send(self, text: str, *, reply_to: str | None = None, keep_s: int = 0) -> WebOutgoing:
        draft = {"text": text, "quotable": "no", "keepS": keep_s, "replyTo": reply_to}
        await self.client.call("send", self.id, draft)
        await self.client.until(lambda: any(one.get("text") == text for one in self._lines()))
        return WebOutgoing(self, text)

    def _lines(self) -> list[Json]:
        """What the page shows of what is said, and is to be said."""
        return [*self.now["outbox"], *self.entries]

    async def retract(self, message: str) -> None:
        await self.client.call("retract", self.id, message)

    async def seen(self, seq: int) -> None:
        await self.client.call("seen", self.id, seq)

    async def accept_rules(self) -> None:
        await self.client.call("acceptRules", self.id)
        await self.client.until(lambda: bool(self.now["hasAccepted"]))


class WebLedger:
    """What the tests know of a ledger."""

    def __init__(self, room: WebRoom) -> None:
        self._room = room
        self.changed = room.client.changed

    @property
    def stopped(self) -> Stopped | None:
        code = self._room.trouble
        return Stopped(code, code) if code in STOPS else None

    @property
    def items(self) -> range:
        """As many as wait."""
        return range(self._room.stored["items"])

    @property
    def view(self) -> SimpleNamespace:
        told = self._room.stored
        return SimpleNamespace(
            seq=told["seq"],
            chain=parse_b64u(told["chain"]),
            seat=parse_b64u(told["seat"]),
            room=parse_b64u(self._room.id),
            record=SimpleNamespace(size=told["recordSize"]),
        )


def _fact_of(entry: Json) -> AnyFact | None:
    where: Json = {"seq": entry["seq"], "time": entry["time"], "seat": entry["seat"]}
    code = entry.get("code", "")
    match entry["kind"]:
        case "ignored":
            return EventIgnored(**where, code=code, sentence=code, type=entry["type"])
        case "unfit":
            return OperationUnfit(**where, operation=entry["operation"], code=code, sentence=code)
        case "skipped":
            return CommitSkipped(**where, code=code, sentence=code)
        case "voided":
            return CommitVoided(**where, commit=entry["commit"])
        case "left-behind":
            return LeftBehind(**where, commit=entry["commit"], sentence="")
        case "stopped":
            return RoomStopped(**where, code=code, sentence=code)
        case _:
            return None


async def let_in_web(
    room: Room,
    client: WebClient,
    name: str,
    party: str | None = "b",
    role: Role = Role.PARTICIPANT,
    *,
    url: str | None = None,
    also: tuple[Room, ...] = (),
    accept: bool = True,
) -> WebRoom:
    """Invites, knocks, compares the words, approves (`also`: other facilitators), and waits.

    url  at which the web client reaches the server, where it is another than the others'
    """
    link = await room.invite(role=role, party=party)
    if url is not None:
        link = url + link[link.index("/i#") :]
    knocked = await client.knock(link, name)
    knock = await knock_of(room, name)
    await client.until(lambda: client.knocking(knocked).get("words") is not None)
    first, second, third = client.knocking(knocked)["words"]
    assert spoken((first, second, third)) == knock.words
    await room.approve(knock)
    for other in also:
        await other.approve(other.proposals()[0])
    await client.until(lambda: client.knocking(knocked).get("room") is not None)
    joined = await client.open(client.knocking(knocked)["room"])
    if accept:
        await joined.accept_rules()
    return joined
