"""A client to try the server with: real sockets, real MLS, and no mercy for what it is sent.

It checks what every client would: events come once, in order and without a gap.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from backchannel_mls import (
    X25519_AES128GCM_SHA256_ED25519,
    BasicCredential,
    GroupState,
    Identity,
    KeyPackageBundle,
    PendingCommit,
    create_commit,
    create_group,
    create_key_package,
    encrypt,
    join_group,
    merge_commit,
    receive,
)
from backchannel_mls.group.transition import StagedCommit
from backchannel_protocol.connection import Connection, Role, State
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Attached,
    Bye,
    ClientFrame,
    Events,
    Frame,
    Hello,
    Refused,
    Submit,
    attach_content,
)
from backchannel_protocol.http_bodies import CreateRoom, RoomCreated
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.keys import fingerprint, generate_key, public_key, sign
from backchannel_protocol.limits import PROTOCOL_VERSION
from backchannel_protocol.operations import Operation, SeatAdd, encode_operation
from backchannel_server.actions.sweep import Swept, do_sweep
from backchannel_server.app import Running, make_context, running
from backchannel_server.config import Settings
from backchannel_server.record.key import load_record_key
from server.stores import store

NOW_S = 1_800_000_000
PATIENCE_S = 20
F = TypeVar("F", bound=Frame)


def random_id() -> bytes:
    return secrets.token_bytes(16)


@dataclass
class Clock:
    """The server's time, which tests move."""

    now: int = NOW_S

    def __call__(self) -> int:
        return self.now


@dataclass
class Host:
    """A running server, as its host sees it."""

    running: Running
    clock: Clock

    @property
    def url(self) -> str:
        return self.running.url

    @property
    def data(self) -> Path:
        return self.running.settings.data


@asynccontextmanager
async def hosting(
    data: Path,
    clock: Clock | None = None,
    *,
    new_token: bool = False,
    steady: Callable[[], float] | None = None,
    **settings: object,
) -> AsyncIterator[Host]:
    """A server in this process, on a free port."""
    clock = clock or Clock()
    chosen = Settings(**{"data": data, "database": store().database(data), "port": 0, **settings})  # type: ignore[arg-type] # the tests' own words
    steadily = steady or clock  # where nobody says otherwise, a test's clock is moved by time itself
    async with running(chosen, new_token=new_token, clock=clock, steady=steadily) as server:
        yield Host(server, clock)


async def sweep_folder(data: Path, clock: Clock) -> Swept:
    """What one sweep does to the data of a server that is stopped."""
    engines = store().open(data)
    context = make_context(engines, load_record_key(data), clock)
    task = asyncio.create_task(context.committer.run())
    try:
        return await do_sweep(context)
    finally:
        task.cancel()
        await engines.dispose()


@dataclass
class Seat:
    """A seat and its keys; `state` is its MLS group, once it is in one."""

    room: RoomId
    id: SeatId = field(default_factory=lambda: SeatId(random_id()))
    private: bytes = field(default_factory=generate_key)
    state: GroupState | None = None
    bundle: KeyPackageBundle | None = None
    opening: bytes = b""

    @property
    def key(self) -> bytes:
        return public_key(self.private)

    @property
    def identity(self) -> Identity:
        return Identity.generate(X25519_AES128GCM_SHA256_ED25519, BasicCredential(self.id))

    @property
    def group(self) -> GroupState:
        assert self.state is not None
        return self.state

    @property
    def epoch(self) -> int:
        return self.group.epoch

    def found(self) -> None:
        """Makes the group; the seat is its first member."""
        self.state = create_group(self.identity, group_id=self.room, now_s=NOW_S)
        self.opening = self.room

    def prepare(self) -> bytes:
        """A key package to be added with."""
        self.bundle = create_key_package(self.identity, now_s=NOW_S)
        return self.bundle.message

    def write(
        self, data: bytes = b"words", kind: EventKind = EventKind.CHAT, leaf: bytes | None = None
    ) -> Draft:
        """An encrypted draft of the present epoch."""
        sent = encrypt(self.group, data, padding=256)
        self.state = sent.state
        return Draft(random_id(), kind, self.epoch, self.opening, sent.message, leaf)

    def commit(self, *joiners: Seat, remove: tuple[int, ...] = ()) -> tuple[Draft, PendingCommit]:
        """A commit draft; `enter` it when it is acknowledged."""
        packages = [one.prepare() for one in joiners]
        pending = create_commit(self.group, add=packages, remove=remove, now_s=NOW_S)
        self.state = pending.sender_state
        return Draft(random_id(), EventKind.COMMIT, self.epoch, self.opening, pending.message), pending

    def enter(self, draft: Draft, pending: PendingCommit, *joiners: Seat) -> None:
        """The commit is on disk: its author and those whom it adds are in the new epoch."""
        self.state = merge_commit(pending.staged, self.group)
        self.opening = draft.id
        for one in joiners:
            assert pending.welcome is not None
            assert one.bundle is not None
            one.state = join_group(one.bundle, pending.welcome)
            one.opening = draft.id

    def follow(self, event: LogEvent) -> None:
        """Somebody else's commit."""
        assert event.body is not None
        staged = receive(self.group, event.body, now_s=NOW_S)
        assert isinstance(staged, StagedCommit)
        self.state = merge_commit(staged, self.group)
        self.opening = event.id

    def operate(
        self, operation: Operation, *, epoch: int | None = None, opening: bytes | None = None
    ) -> Draft:
        """An operation in clear."""
        return Draft(
            random_id(),
            EventKind.CONTROL,
            self.epoch if epoch is None else epoch,
            self.opening if opening is None else opening,
            encode_operation(operation),
        )

    def add(self, other: Seat, *, may_facilitate: bool = False) -> Draft:
        """SeatAdd of another seat."""
        return self.operate(SeatAdd(None, other.id, other.key, may_facilitate))


class Line:
    """One attached connection."""

    def __init__(self, socket: ClientConnection, seat: Seat, cursor: int) -> None:
        self.socket = socket
        self.seat = seat
        self.connection = Connection(Role.CLIENT)
        self.attached: Attached | None = None
        self.record_key = b""
        self.log: list[LogEvent] = []
        self.wire: list[tuple[str, State, bytes]] = []
        """Every frame so far: who sent it, in which state, its bytes."""
        self.next = cursor + 1

    async def send(self, frame: ClientFrame) -> None:
        state, data = self.connection.state, self.connection.send(frame)
        self.wire.append(("client", state, data))
        await self.socket.send(data)

    async def frame(self) -> Frame:
        """The next frame; events are checked and kept."""
        async with asyncio.timeout(PATIENCE_S):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        self.wire.append(("server", self.connection.state, data))
        frame = self.connection.receive(data)
        if isinstance(frame, Attached):
            self.next = max(self.next, frame.floor)
        if isinstance(frame, Events):
            for event in frame.events:
                assert event.seq == self.next, f"event {event.seq} where {self.next} was due"
                self.next += 1
                self.log.append(event)
        return frame

    async def until(self, kind: type[F]) -> F:
        """The next frame of a type."""
        while True:
            frame = await self.frame()
            if isinstance(frame, kind):
                return frame
            assert not isinstance(frame, Bye), frame

    async def reach(self, seq: int) -> list[LogEvent]:
        """Reads until it has an event; the whole log so far."""
        while self.next <= seq:
            await self.until(Events)
        return self.log

    async def live(self) -> None:
        while self.connection.state is not State.LIVE:
            await self.frame()

    async def submit(self, *drafts: Draft) -> Ack:
        """Submits what has to be taken."""
        answer = await self.ask(*drafts)
        assert isinstance(answer, Ack), answer
        return answer

    async def refuse(self, *drafts: Draft) -> Refused:
        """Submits what has to be refused."""
        answer = await self.ask(*drafts)
        assert isinstance(answer, Refused), answer
        return answer

    async def ask(self, *drafts: Draft) -> Ack | Refused:
        await self.send(Submit(list(drafts)))
        while True:
            frame = await self.frame()
            if isinstance(frame, Ack | Refused):
                return frame
            assert not isinstance(frame, Bye), frame

    async def bye(self) -> Bye:
        """Reads until the server ends the connection."""
        while True:
            frame = await self.frame()
            if isinstance(frame, Bye):
                return frame


@asynccontextmanager
async def greeted(url: str, seat: Seat, cursor: int = 0) -> AsyncIterator[tuple[Line, Hello]]:
    """A connection that has its Hello and has not attached."""
    address = url.replace("http", "ws", 1) + "/v1/ws"
    async with connect(
        address,
        subprotocols=[Subprotocol("backchannel.v1")],
        compression=None,
        max_size=None,
        ping_interval=None,
        close_timeout=1,
    ) as socket:
        line = Line(socket, seat, cursor)
        hello = await line.frame()
        assert isinstance(hello, Hello)
        line.record_key = hello.record_key
        yield line, hello


def attach_frame(seat: Seat, hello: Hello, cursor: int = 0) -> Attach:
    content = attach_content(PROTOCOL_VERSION, hello.nonce, seat.room, seat.id, fingerprint(hello.record_key))
    return Attach(PROTOCOL_VERSION, seat.room, seat.id, cursor, sign(seat.private, "attach", content))


@asynccontextmanager
async def attached(url: str, seat: Seat, cursor: int = 0) -> AsyncIterator[Line]:
    """A connection that is live."""
    async with greeted(url, seat, cursor) as (line, hello):
        await line.send(attach_frame(seat, hello, cursor))
        line.attached = await line.until(Attached)
        await line.live()
        yield line


async def create_room(url: str, token: str | None, seat: Seat) -> RoomCreated:
    """The seat's room, and its group."""
    status, body = await post(
        url, "/v1/rooms", CreateRoom(seat.room, seat.id, seat.key), {"Authorization": f"Bearer {token}"}
    )
    assert status == 201, status
    seat.found()
    return msgspec.msgpack.decode(body, type=RoomCreated)


async def post(
    url: str, path: str, body: msgspec.Struct | bytes, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else msgspec.msgpack.encode(body)
    async with aiohttp.ClientSession() as http, http.post(url + path, data=data, headers=headers) as answer:
        return answer.status, await answer.read()


async def get(url: str, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(url + path) as answer:
        return answer.status, await answer.text(errors="replace")


async def new_room(host: Host) -> Seat:
    """A room and the seat that made it."""
    seat = Seat(RoomId(random_id()))
    await create_room(host.url, host.running.token, seat)
    return seat


async def admit(
    line: Line, *joiners: Seat, may_facilitate: bool = False, facilitators: Sequence[Seat] = ()
) -> Ack:
    """Adds seats with one atomic Submit, as a facilitator's client would."""
    author = line.seat
    commit, pending = author.commit(*joiners)
    operations = [author.add(one, may_facilitate=may_facilitate or one in facilitators) for one in joiners]
    ack = await line.submit(*operations, commit)
    author.enter(commit, pending, *joiners)
    return ack
