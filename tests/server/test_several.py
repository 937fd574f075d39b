"""Several server processes with the same rooms: wherever somebody is attached, everything arrives."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import nats
import pytest
from sqlalchemy import text

from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Bye, Checkpoint, Frame, Mail
from backchannel_protocol.http_bodies import BlobBegun, BlobDeleted, PartPut
from backchannel_protocol.ids import RoomId, b64u
from backchannel_protocol.limits import MAX_SEAT_UPLOADS
from backchannel_protocol.operations import SeatRemove
from backchannel_protocol.refusals import Code
from backchannel_server.actions.submit import SUBMITS, Request
from backchannel_server.app import make_context
from backchannel_server.fanout import feeds, hints, sending
from backchannel_server.fanout.postgres import CHANNEL
from backchannel_server.record.key import load_record_key
from backchannel_server.storage.engine import open_listener
from broker import Broker, brokering
from postgres import Cluster
from server.blob_kit import File, Porter
from server.mail_kit import open_mailbox
from server.server_kit import (
    NOW_S,
    Clock,
    Host,
    Line,
    Seat,
    admit,
    attached,
    create_room,
    get,
    hosting,
    new_room,
    random_id,
)
from server.stores import store

pytestmark = pytest.mark.store("postgresql")

PATIENCE_S = 20


@dataclass
class Deployment:
    """Servers on one database; `broker` where they hear of each other by NATS."""

    hosts: Sequence[Host]
    broker: Broker | None


@pytest.fixture(params=["postgres", "nats"])
async def deployed(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Deployment]:
    monkeypatch.setattr(hints, "BEAT_S", 0.1)
    monkeypatch.setattr(hints, "SILENT_S", 0.5)
    monkeypatch.setattr(sending, "PAUSE_S", 0.1)
    # so whatever arrives was told, unless no hints come at all
    monkeypatch.setattr(feeds, "LOOK_S", 3600.0)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(brokering()) if request.param == "nats" else None
        yield await deploy(stack, tmp_path, 2, "postgres" if broker is None else broker.url, broker)


async def deploy(
    stack: AsyncExitStack, folder: Path, count: int, by: str, broker: Broker | None = None
) -> Deployment:
    hosts = [
        await stack.enter_async_context(hosting(folder / "data", new_token=number == 0, hints=by))
        for number in range(count)
    ]
    for host in hosts:
        await until(host, lambda said: said == "ok\n")
    return Deployment(hosts, broker)


async def until(host: Host, is_so: Callable[[str], bool]) -> None:
    """What /readyz says is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so((await get(host.url, "/readyz"))[1]):  # noqa: ASYNC110 - it has to be asked
            await asyncio.sleep(0.05)


@asynccontextmanager
async def two_in_a_room(first: Host, second: Host) -> AsyncIterator[tuple[Line, Line]]:
    """A facilitator attached to the one, a member to the other."""
    author = await new_room(first)
    other = Seat(author.room)
    async with attached(first.url, author) as line:
        ack = await admit(line, other)
        async with attached(second.url, other, ack.placed[-1].seq) as far:
            yield line, far


async def test_what_is_said_at_one_arrives_at_the_other_both_ways(deployed: Deployment) -> None:
    async with two_in_a_room(*deployed.hosts) as (line, far):
        for _ in range(5):
            ack = await line.submit(line.seat.write())
            await far.reach(ack.placed[0].seq)
            ack = await far.submit(far.seat.write())
            await asyncio.gather(*(at.reach(ack.placed[0].seq) for at in (line, far)))
        assert [event.id for event in line.log][-10:] == [event.id for event in far.log][-10:]


async def test_a_burst_at_both_is_one_order_without_a_gap(deployed: Deployment) -> None:
    """Line.frame asserts that no seq is missing and none comes twice."""
    async with two_in_a_room(*deployed.hosts) as (line, far):
        start = far.next

        async def burst(at: Line) -> None:
            for _ in range(40):
                await at.submit(at.seat.write())

        await asyncio.gather(burst(line), burst(far))
        last = start + 80 - 1
        logs = [await at.reach(last) for at in (line, far)]
        assert [event.id for event in logs[0] if event.seq >= start] == [
            event.id for event in logs[1] if event.seq >= start
        ]


async def test_who_is_removed_at_one_is_cut_off_at_the_other_with_the_checkpoint(
    deployed: Deployment,
) -> None:
    async with two_in_a_room(*deployed.hosts) as (line, far):
        commit, pending = line.seat.commit(remove=(1,))
        ack = await line.submit(
            line.seat.write(kind=EventKind.GOVERNANCE, leaf=b"\x01" * 33),
            line.seat.operate(SeatRemove(None, far.seat.id)),
            commit,
        )
        frames: list[Frame] = []
        while not frames or not isinstance(frames[-1], Bye):
            frames.append(await far.frame())
        assert isinstance(frames[-1], Bye)
        assert frames[-1].code == Code.REMOVED.value
        assert far.next == ack.placed[-1].seq + 1
        assert any(isinstance(frame, Checkpoint) for frame in frames)
        line.seat.enter(commit, pending)


async def test_a_knock_at_one_reaches_the_facilitator_at_the_other(deployed: Deployment) -> None:
    first, second = deployed.hosts
    author = await new_room(first)
    async with attached(first.url, author) as line:
        invitee = await open_mailbox(first, line)
        assert await invitee.ask(second, 1, b"sealed") == []
        mail = await line.until(Mail)
        assert (mail.mailbox, mail.step) == (invitee.invitation.mailbox, 1)


async def test_a_seat_is_attached_to_one_of_them(deployed: Deployment) -> None:
    first, second = deployed.hosts
    author = await new_room(first)
    async with attached(first.url, author) as line, attached(second.url, author) as later:
        assert (await line.bye()).code == Code.REPLACED.value
        ack = await later.submit(author.write())
        await later.reach(ack.placed[0].seq)


@pytest.mark.parametrize("deployed", ["nats"], indirect=True)
async def test_without_its_broker_everything_still_arrives_and_health_says_so(
    deployed: Deployment,
) -> None:
    assert deployed.broker is not None
    async with two_in_a_room(*deployed.hosts) as (line, far):
        await deployed.broker.stop()
        ack = await line.submit(line.seat.write())
        await far.reach(ack.placed[0].seq)
        for host in deployed.hosts:
            await until(host, lambda said: "hints: " in said)
            assert (await get(host.url, "/readyz"))[0] == 200
            assert 'backchannel_well{what="hints"} 0.0' in (await get(host.url, "/metrics"))[1]
        invitee = await open_mailbox(deployed.hosts[0], line)
        await invitee.ask(deployed.hosts[1], 1, b"sealed")
        await line.until(Mail)
        await deployed.broker.start()
        for host in deployed.hosts:
            await until(host, lambda said: said == "ok\n")
        ack = await far.submit(far.seat.write())
        await line.reach(ack.placed[0].seq)


@pytest.mark.parametrize("deployed", ["postgres"], indirect=True)
async def test_the_connection_for_hints_is_made_again_when_the_database_ended_it(
    deployed: Deployment, cluster: Cluster
) -> None:
    async with two_in_a_room(*deployed.hosts) as (line, far):
        cluster.say(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_notify%'"
            " AND pid <> pg_backend_pid()"
        )
        for at, other in ((line, far), (far, line)):
            ack = await at.submit(at.seat.write())
            await other.reach(ack.placed[0].seq)


async def test_hints_that_are_false_or_none_do_no_harm(deployed: Deployment) -> None:
    """Somebody who reaches the broker says that there is more, that rooms ended, and what cannot be read."""
    first, second = deployed.hosts
    async with two_in_a_room(first, second) as (line, far):
        room, seat = bytes(line.seat.room), bytes(far.seat.id)
        lies: list[hints.Hint] = [
            hints.Grown(room, 1 << 60),
            hints.Ended(room),
            hints.Posted(room),
            hints.Came(room, seat, 0),
            hints.Came(room, bytes(16), 1 << 62),
            hints.Grown(bytes(16), 7),
        ]
        await say(deployed, second, msgspec.msgpack.encode(hints.Packet(b"mallory", lies)))
        for garbage in (
            b"",
            b"\xc1",
            b"\x91" * 10_000,
            bytes(100_000),
            msgspec.msgpack.encode([b"", [[9, b""]]]),
        ):
            await say(deployed, second, garbage)
        for at, other in ((line, far), (far, line)):
            ack = await at.submit(at.seat.write())
            await other.reach(ack.placed[0].seq)


async def say(deployed: Deployment, host: Host, payload: bytes) -> None:
    """As whoever reaches the broker may."""
    database = host.running.settings.database
    assert database is not None
    if deployed.broker is not None:
        client = await nats.connect(deployed.broker.url)
        await client.publish(f"backchannel.{b64u(host.running.key.fingerprint)}.hints", payload)
        await client.close()
        return
    listener = open_listener(database)
    async with listener.connect() as connection:
        words = {"channel": CHANNEL, "payload": b64encode(payload).decode()[:7_900]}
        await connection.execute(text("SELECT pg_notify(:channel, :payload)"), words)
    await listener.dispose()


async def test_many_start_at_once_with_one_key_and_one_host_link(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        begun = [hosting(tmp_path / "data", hints="postgres") for _ in range(4)]
        hosts = await asyncio.gather(*(stack.enter_async_context(one) for one in begun))
        assert len({host.running.key.public for host in hosts}) == 1
        tokens = [host.running.token for host in hosts if host.running.token is not None]
        assert len(tokens) == 1
        seat = Seat(RoomId(random_id()))
        await create_room(hosts[0].url, tokens[0], seat)


@pytest.mark.parametrize("hints_by", ["memory", "postgres"])
async def test_who_is_told_of_its_event_late_is_told_nevertheless(tmp_path: Path, hints_by: str) -> None:
    """A COMMIT whose answer is lost: its author asks again and is told, and so are the others."""
    async with hosting(tmp_path / "data", hints=hints_by) as host:
        author = await new_room(host)
        other = Seat(author.room)
        async with attached(host.url, author) as line:
            ack = await admit(line, other)
            async with attached(host.url, other, ack.placed[-1].seq) as far:
                draft = author.write()
                await write_unseen(tmp_path / "data", author, draft)
                ack = await line.submit(draft)
                assert (await far.reach(ack.placed[0].seq))[-1].id == draft.id


async def write_unseen(data: Path, seat: Seat, draft: Draft) -> None:
    """By a process that tells nobody."""
    engines = store().open(data)
    context = make_context(engines, load_record_key(data), Clock())
    committing = asyncio.create_task(context.committer.run())
    try:
        await context.committer.perform(SUBMITS, Request(seat.room, seat.id, [draft], NOW_S))
    finally:
        committing.cancel()
        await engines.dispose()


async def test_an_attachment_comes_in_at_several_servers_at_once(deployed: Deployment) -> None:
    """Its parts, and one more beginning than a seat may have: the database decides."""
    first, second = deployed.hosts
    author = await new_room(first)
    here, there = Porter.of(first, author), Porter.of(second, author)
    file = File(random.randbytes(1_900_000))
    assert await here.begin(file.blob, file.size) == BlobBegun([])
    put = [(here, there)[number % 2].put(file.blob, number, part) for number, part in enumerate(file.parts)]
    left = [answer.missing for answer in await asyncio.gather(*put) if isinstance(answer, PartPut)]
    assert sorted(left) == list(range(len(file.parts)))
    assert await there.download(file) == file.content
    begin = [(here, there)[number % 2].begin(random_id(), 5_000) for number in range(MAX_SEAT_UPLOADS + 4)]
    answers = await asyncio.gather(*begin)
    assert answers.count(BlobBegun([])) == MAX_SEAT_UPLOADS
    assert answers.count("too-many") == 4
    assert await here.delete(file.blob) == BlobDeleted(existed=True)
    assert await there.read(file.blob) == "unknown-blob"
