"""The server and the members' clear log agree on epoch, opening and seats, whatever is sent (section 8)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backchannel_mls.codec import u16
from backchannel_mls.types import MLS10, ContentType, EpochNumber, GroupId, WireFormat
from backchannel_mls.wire.framing import PrivateMessage
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.frames import Ack, Refused
from backchannel_protocol.http_bodies import CreateRoom
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.operations import (
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    VoidCommit,
    encode_operation,
)
from backchannel_protocol.room.clear import Clear, first_clear, follow
from backchannel_protocol.room.void import Verdict
from backchannel_server.actions.context import Context
from backchannel_server.actions.rooms import do_create_room
from backchannel_server.actions.submit import do_submit
from backchannel_server.actions.tokens import do_make_host_token
from backchannel_server.app import make_context
from backchannel_server.record.key import load_record_key
from backchannel_server.storage.migrate import migrate
from backchannel_server.storage.reads import read_room, read_room_seats
from server.server_kit import Clock
from server.stores import store

SEATS = [SeatId(bytes([number]) * 16) for number in range(6)]
who = st.integers(0, len(SEATS) - 1)
few = st.sets(who, max_size=2)
ACTIONS = st.one_of(
    st.tuples(st.just("chat"), who),
    st.tuples(st.just("govern"), who),
    st.tuples(st.just("commit"), who, few, few, st.booleans()),
    st.tuples(st.just("bit"), who, who, st.booleans()),
    st.tuples(st.just("void"), who, st.sampled_from([0, 0, 0, 0, 1])),
)


@dataclass(frozen=True)
class Place:
    """Where a room stands: the seats that are present, and those of them that have the bit."""

    epoch: int
    opening: bytes
    present: frozenset[bytes]
    bits: frozenset[bytes]


def place_of(clear: Clear) -> Place:
    """What a member knows of it."""
    present = frozenset(id_ for id_ in clear.bits if clear.present(id_))
    return Place(clear.epoch, clear.opening, present, clear.with_bit())


@dataclass
class Server:
    """The actions of a server on a real database, without its sockets."""

    context: Context
    token: str
    runner: asyncio.Runner

    async def room(self) -> RoomId:
        room = RoomId(secrets.token_bytes(16))
        await do_create_room(self.context, self.token, CreateRoom(room, SEATS[0], bytes(32)))
        return room

    async def submit(self, room: RoomId, seat: SeatId, drafts: list[Draft]) -> Ack | Refused:
        answer: asyncio.Future[Ack | Refused] = asyncio.get_running_loop().create_future()
        await do_submit(self.context, room, seat, drafts, answer.set_result)
        return await answer

    async def place(self, room: RoomId) -> Place:
        async with self.context.engines.reader.connect() as connection:
            row = await read_room(connection, room)
            seats = await read_room_seats(connection, room)
        assert row is not None
        present = {id_ for id_, seat in seats.items() if seat.removed_seq is None}
        bits = {id_ for id_ in present if seats[id_].may_facilitate}
        return Place(row.epoch, row.opening, frozenset(present), frozenset(bits))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "data").mkdir()

    async def start() -> tuple[Context, str, asyncio.Task[None]]:
        engines = store().open(tmp_path / "data")
        await migrate(engines.writer)
        context = make_context(engines, load_record_key(tmp_path / "data"), Clock())
        task = asyncio.create_task(context.committer.run())
        return context, await do_make_host_token(context.engines.writer), task

    async def stop(context: Context, task: asyncio.Task[None]) -> None:
        task.cancel()
        await context.engines.dispose()

    with asyncio.Runner() as runner:
        context, token, task = runner.run(start())
        yield Server(context, token, runner)
        runner.run(stop(context, task))


@dataclass
class Told:
    """One room, as the server has it and as a member follows it."""

    server: Server
    room: RoomId
    clear: Clear
    seq: int = 0
    openings: list[bytes] = field(default_factory=list)

    def framed(self, kind: EventKind, epoch: int) -> bytes:
        """What the server looks at in an encrypted body; nobody decrypts it here."""
        content = ContentType.COMMIT if kind is EventKind.COMMIT else ContentType.APPLICATION
        message = PrivateMessage(GroupId(self.room), EpochNumber(epoch), content, b"", b"\0" * 8, b"\0" * 64)
        return u16(MLS10) + u16(WireFormat.PRIVATE_MESSAGE) + message.encode()

    def draft(self, what: EventKind | Operation) -> Draft:
        clear = self.clear
        kind, body = (
            (what, self.framed(what, clear.epoch))
            if isinstance(what, EventKind)
            else (EventKind.CONTROL, encode_operation(what))
        )
        return Draft(secrets.token_bytes(16), kind, clear.epoch, clear.opening, body)

    async def try_(self, number: int, *what: EventKind | Operation) -> None:
        """Submits; where the server takes it, the member follows; both agree, also on a VoidCommit."""
        seat = SEATS[number]
        drafts = [self.draft(one) for one in what]
        answer = await self.server.submit(self.room, seat, drafts)
        clear, verdict = self.clear, None
        for at, draft in enumerate(drafts):
            event = LogEvent(self.seq + at + 1, 1, seat, draft.kind, draft.id, draft.epoch, draft.body)
            followed = follow(clear, event)
            clear, verdict = followed.clear, followed.verdict
        if verdict is not None:
            assert isinstance(answer, Ack) is (verdict is not Verdict.REFUSED), (answer, verdict)
        if isinstance(answer, Ack):
            assert [placed.seq for placed in answer.placed] == [
                self.seq + at + 1 for at in range(len(drafts))
            ]
            self.clear, self.seq = clear, self.seq + len(drafts)
        assert await self.server.place(self.room) == place_of(self.clear)

    async def act(self, action: tuple[object, ...]) -> None:
        match action:
            case ("chat", int(number)):
                await self.try_(number, EventKind.CHAT)
            case ("govern", int(number)):
                await self.try_(number, EventKind.GOVERNANCE)
            case ("commit", int(number), set(added), set(removed), bool(bit)):
                told: list[Operation] = [SeatAdd(None, SEATS[one], bytes(32), bit) for one in sorted(added)]
                told += [SeatRemove(None, SEATS[one]) for one in sorted(removed)]
                await self.try_(number, *told, EventKind.COMMIT)
                self.openings.append(self.clear.opening)
            case ("bit", int(number), int(whom), bool(bit)):
                await self.try_(number, EventKind.GOVERNANCE, SeatSet(None, SEATS[whom], bit))
            case ("void", int(number), int(back)):
                commit = self.clear.opening if not back or not self.openings else self.openings[0]
                await self.try_(number, VoidCommit(None, commit))
            case _:
                raise AssertionError(action)


BEGIN: list[tuple[object, ...]] = [("commit", 0, {1, 2}, set(), True), ("commit", 0, {3, 4}, set(), False)]
"""Three facilitators and two members, so that there is something to dispute."""


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(actions=st.lists(ACTIONS, max_size=25))
@example(actions=[("commit", 1, {5}, {5}, False), ("void", 0, 0)])  # somebody who came and went with it
def test_server_and_members_agree(server: Server, actions: list[tuple[object, ...]]) -> None:
    async def run() -> None:
        room = await server.room()
        told = Told(server, room, first_clear(room, SEATS[0]))
        for action in [*BEGIN, *actions]:
            await told.act(action)

    server.runner.run(run())
